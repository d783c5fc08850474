// SPDX-License-Identifier: Apache-2.0
//
// The table of packets and what becomes of each: relay_table runs it, and checks that it has every reason.
// What leaves, byte for byte, and what moves is the model's to say.
#pragma once

#include <functional>
#include <string>

#include "world.h"

namespace turnpike::bpf_test {

struct Row {
  std::string name;  // in the message of a failure
  Octets packet;
  tp_reason reason;
  uint64_t bytes = 0;  // of application data, that the reason's counter moves by
  World world = standard_world();
};
using Rows = std::vector<Row>;
using ChangeFrame = std::function<void(Frame&)>;
using ChangeWorld = std::function<void(World&)>;

// The four ways in which application data comes.
enum Form { kChannelData, kSend, kFromPeer, kFromPermitted };
Frame frame_in(Form form, const World& world, uint32_t slot, const Octets& data);
const char* name_of(Form form);
tp_reason relayed_as(Form form, uint32_t slot);
// `slot` in the way of a name: "v4", "alice", ...
const char* name_of(Slot slot);
constexpr bool is_hairpin(uint32_t slot) {
  return slot >= kAlice;
}
constexpr Slot kOutside[] = {kV4, kV6, kV4ToV6, kV6ToV4};
// Each sends to its partner: IPv4 to IPv4, IPv4 to IPv6, IPv6 to IPv4, IPv6 to IPv6.
constexpr Slot kPaired[] = {kAlice, kCarol, kDave, kErin};
uint32_t partner(uint32_t slot);
// The partner has no channel back: it gets Data indications.
ChangeWorld without_channel_back(uint32_t slot);

// A packet of 20 bytes of data, `reason` instead of being relayed.
Row row_of(const std::string& name, tp_reason reason, Form form, Slot slot, const ChangeFrame& change = {},
           const ChangeWorld& change_world = {}, const Octets& data = pattern(20));
// Relayed. `change_world` comes before the packet is made.
Row relayed_row(const std::string& name, Form form, Slot slot, const Octets& data,
                const ChangeFrame& change = {}, const ChangeWorld& change_world = {});

void add_pairings(Rows& rows);
void add_sizes(Rows& rows);
void add_header_fields(Rows& rows);
void add_checksums(Rows& rows);
void add_vlans(Rows& rows);
void add_translations(Rows& rows);
void add_not_ours(Rows& rows);
void add_malformed(Rows& rows);
void add_no_flow(Rows& rows);
void add_indications(Rows& rows);
void add_bindings(Rows& rows);
void add_ways_out(Rows& rows);
void add_defence(Rows& rows);
void add_limits(Rows& rows);
Rows all_rows();

}  // namespace turnpike::bpf_test
