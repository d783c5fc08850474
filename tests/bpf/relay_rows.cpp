// SPDX-License-Identifier: Apache-2.0
#include "relay_rows.h"

namespace turnpike::bpf_test {

Frame frame_in(Form form, const World& world, uint32_t slot, const Octets& data) {
  switch (form) {
    case kChannelData:
      return from_client(world, slot, data);
    case kSend:
      return send_from_client(world, slot, data);
    case kFromPeer:
      return from_peer(world, slot, data);
    case kFromPermitted:
      return from_permitted(world, slot, data);
  }
  return {};
}

const char* name_of(Form form) {
  static const char* const kNames[] = {"channel_data", "send", "from_peer", "from_permitted"};
  return kNames[form];
}

const char* name_of(Slot slot) {
  static const char* const kNames[] = {"",    "v4",    "v6",   "v4_to_v6", "v6_to_v4", "alice",
                                       "bob", "carol", "dave", "erin",     "frank",    "stranger"};
  return kNames[slot];
}

tp_reason relayed_as(Form form, uint32_t slot) {
  if (form == kFromPeer) return TP_RELAYED_TO_CLIENT;
  if (form == kFromPermitted) return TP_RELAYED_DATA;
  if (is_hairpin(slot)) return TP_RELAYED_HAIRPIN;
  return form == kSend ? TP_RELAYED_SEND : TP_RELAYED_TO_PEER;
}

uint32_t partner(uint32_t slot) {
  return (slot - kAlice) % 2 == 0 ? slot + 1 : slot - 1;
}

ChangeWorld without_channel_back(uint32_t slot) {
  return [=](World& world) { world.remove_peer_flow(partner(slot)); };
}

Row row_of(const std::string& name, tp_reason reason, Form form, Slot slot, const ChangeFrame& change,
           const ChangeWorld& change_world, const Octets& data) {
  Row row{name + "_" + name_of(form) + "_" + name_of(slot), {}, reason, data.size()};
  if (change_world) change_world(row.world);
  Frame frame = frame_in(form, row.world, slot, data);
  if (change) change(frame);
  row.packet = to_bytes(frame);
  return row;
}

Row relayed_row(const std::string& name, Form form, Slot slot, const Octets& data, const ChangeFrame& change,
                const ChangeWorld& change_world) {
  return row_of(name, relayed_as(form, slot), form, slot, change, change_world, data);
}

Rows all_rows() {
  Rows rows;
  add_pairings(rows);
  add_sizes(rows);
  add_header_fields(rows);
  add_checksums(rows);
  add_vlans(rows);
  add_translations(rows);
  add_not_ours(rows);
  add_malformed(rows);
  add_no_flow(rows);
  add_indications(rows);
  add_bindings(rows);
  add_ways_out(rows);
  add_defence(rows);
  add_limits(rows);
  return rows;
}

}  // namespace turnpike::bpf_test
