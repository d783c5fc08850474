// SPDX-License-Identifier: Apache-2.0
//
// FastPath: what the relay asks of the kernel's forwarding. XdpFastPath does it; NullFastPath is the relay
// without one. Implementations may be called from any thread. A refusal is never fatal for a flow: the slow
// path carries it, and why() says why.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bpf/abi.h"
#include "util/relay_types.h"
#include "util/result.h"

namespace turnpike::fastpath {

enum class Mode : uint8_t { kAuto, kNative, kGeneric, kOff };
const char* to_string(Mode mode);

// One interface and how its packets are carried.
struct InterfaceStatus {
  std::string name;
  unsigned ifindex = 0;
  std::string driver;      // "veth", "virtio_net", …; empty when unknown
  Mode mode = Mode::kOff;  // kNative, kGeneric or kOff
  std::string reason;      // why not the better mode: what the kernel said; empty for kNative
  std::string remedy;      // a command or step that would cure it; empty when none is known
};

struct FlowCounters {
  uint64_t to_peer_packets = 0, to_peer_bytes = 0;
  uint64_t to_client_packets = 0, to_client_bytes = 0;
};

// Whether the kernel carries a binding now.
struct FlowStatus {
  bool fast_to_peer = false;
  bool fast_to_client = false;
  std::string reason;  // for the direction that is not fast: "next hop 192.0.2.7 unresolved on eth0", …
  std::string remedy;
};

using ReasonCounters = std::array<tp_counter, TP_REASON_COUNT>;

class FastPath {
 public:
  virtual ~FastPath() = default;

  // The allocation may be relayed until `expires`. kExhausted: the table is full.
  virtual Result<void> set_allocation(AllocationId id, MonotonicTime expires) = 0;
  // Removes its bindings too.
  virtual void remove_allocation(AllocationId id) = 0;
  // New, or new expiries. When it returns, packets of the flow are forwarded. Needs set_allocation before.
  virtual Result<void> install(const Binding& binding) = 0;
  virtual void remove(AllocationId id, ChannelNumber channel) = 0;

  virtual std::vector<InterfaceStatus> interfaces() const = 0;
  virtual ReasonCounters reasons() const = 0;  // summed over CPUs
  virtual FlowStatus why(AllocationId id, ChannelNumber channel) const = 0;
  // Sum over the allocation's bindings, ended ones included.
  virtual FlowCounters counters(AllocationId id) const = 0;

  // Descriptor that turns readable when routes, neighbours or links changed, or an interface is to be tried
  // out; -1 when there is none.
  virtual int event_fd() const = 0;
  // Reads what changed, tries out interfaces and brings next hops up to date; keeps no other call waiting
  // meanwhile. To be called when event_fd() is readable.
  virtual void handle_events() = 0;
};

class NullFastPath final : public FastPath {
 public:
  explicit NullFastPath(std::string reason) : reason_(std::move(reason)) {}

  Result<void> set_allocation(AllocationId, MonotonicTime) override { return {}; }
  void remove_allocation(AllocationId) override {}
  Result<void> install(const Binding&) override { return {}; }
  void remove(AllocationId, ChannelNumber) override {}
  std::vector<InterfaceStatus> interfaces() const override { return {}; }
  ReasonCounters reasons() const override { return {}; }
  FlowStatus why(AllocationId, ChannelNumber) const override { return {false, false, reason_, remedy_}; }
  FlowCounters counters(AllocationId) const override { return {}; }
  int event_fd() const override { return -1; }
  void handle_events() override {}

 private:
  std::string reason_;
  std::string remedy_ = "set [fastpath] mode = \"auto\"";
};

}  // namespace turnpike::fastpath
