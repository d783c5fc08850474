// SPDX-License-Identifier: Apache-2.0
//
// FastPath: what the relay asks of the kernel's forwarding. XdpFastPath does it; NullFastPath is the relay
// without one. Implementations may be called from any thread. A refusal is never fatal for a flow: the slow
// path carries it, and why() says why.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bpf/abi.h"
#include "util/relay_types.h"
#include "util/result.h"
#include "util/session_record.h"

namespace turnpike::fastpath {

enum class Mode : uint8_t { kAuto, kNative, kGeneric, kOff };
const char* to_string(Mode mode);

// One interface and how its packets are carried.
struct InterfaceStatus {
  std::string name;
  unsigned ifindex = 0;
  std::string driver;                // "veth", "virtio_net", …; empty when unknown
  Mode mode = Mode::kOff;            // kNative, kGeneric or kOff
  std::string reason;                // why not the better mode: what the kernel said; empty for kNative
  std::string remedy;                // a command or step that would cure it; empty when none is known
  std::vector<std::string> vlans{};  // names of the VLAN devices above it whose tags are relayed
};

// What an allocation's packets did in the kernel, ended bindings included.
struct FlowCounters {
  RelayCounters relayed;
  uint64_t refused_packets = 0, refused_bytes = 0;  // by limits, in the kernel
  bool operator==(const FlowCounters&) const = default;
};

// Whether the kernel carries a binding now.
struct FlowStatus {
  bool fast_to_peer = false;
  bool fast_to_client = false;
  std::string reason;  // for the direction that is not fast: "next hop 192.0.2.7 unresolved on eth0", …
  std::string remedy;
};

// A map, and how much of it is in use.
struct TableUse {
  std::string name;  // "bindings", "flows", "allocations", "next_hops", "users", "blocked"
  uint64_t used = 0;
  uint64_t size = 0;
  uint64_t refused = 0;  // entries that found it full, since start
};

using ReasonCounters = std::array<tp_counter, TP_REASON_COUNT>;

// One party's rates and quota; each direction has its own rate. 0: no limit.
struct Rate {
  uint64_t bytes_per_second = 0;  // of application data; at least 1000 when set
  uint64_t packets_per_second = 0;
  uint64_t quota_bytes = 0;          // both directions together, for the whole life
  Nanoseconds burst{1'000'000'000};  // how much of a rate may come at once
  bool limits() const { return bytes_per_second != 0 || packets_per_second != 0 || quota_bytes != 0; }
  bool operator==(const Rate&) const = default;
};
struct TrafficRates {
  Rate allocation;
  Rate user;  // all allocations of a user together
};

// A packet's size and fate by an allocation's and its user's limits.
enum class Admission : uint8_t { kAdmitted, kAllocationRate, kUserRate, kAllocationQuota, kUserQuota };
const char* to_string(Admission admission);  // "", "over the allocation's rate", ...

class FastPath {
 public:
  virtual ~FastPath() = default;

  // New, or a new expiry: until then the session's packets may be relayed. After it the client is known to
  // the kernel, and its Send indications are. kExhausted: a table is full.
  virtual Result<void> set_allocation(const SessionRecord& session) = 0;
  // Removes what is left of its permissions and bindings too.
  virtual void remove_allocation(AllocationId id) = 0;
  // New, or a new expiry: datagrams of the peer's address come to the client as Data indications, Send
  // indications reach it. Needs set_allocation before.
  virtual Result<void> permit(const Permission& permission) = 0;
  virtual void forbid(AllocationId id, const IpAddress& peer) = 0;
  // New, or new expiries. When it returns, packets of the flow are forwarded. Needs set_allocation before. A
  // binding that is refused also ends the fast path of its peer's permission, whose Data indications would be
  // wrong now, until it is removed.
  virtual Result<void> install(const Binding& binding) = 0;
  virtual void remove(AllocationId id, ChannelNumber channel) = 0;

  // For the slow path: charges the same limits that the kernel's packets are charged. kAdmitted for an
  // allocation without limits or unknown.
  virtual Admission admit(AllocationId id, Direction direction, size_t bytes, MonotonicTime now) = 0;
  // Whether there are any limits at all.
  virtual bool limits_traffic() const = 0;

  // The path to `destination` may carry larger or smaller packets now: an ICMP message or a socket said so.
  virtual void path_changed(const IpAddress& destination) = 0;

  // Packets from these sources to the relay are dropped in the kernel; again: a new expiry. kExhausted.
  virtual Result<void> block(const Prefix& source, MonotonicTime expires) = 0;
  virtual void unblock(const Prefix& source) = 0;

  // Ends what an earlier process left in the kernel and nothing above named again; tells how many bindings.
  virtual size_t finish_takeover() = 0;
  // At destruction everything stays in the kernel and goes on, for a successor.
  virtual void keep() = 0;

  virtual std::vector<InterfaceStatus> interfaces() const = 0;
  virtual ReasonCounters reasons() const = 0;  // summed over CPUs
  virtual FlowStatus why(AllocationId id, ChannelNumber channel) const = 0;
  // Of Send indications to that address, and Data indications from it.
  virtual FlowStatus why_permitted(AllocationId id, const IpAddress& peer) const = 0;
  virtual FlowCounters counters(AllocationId id) const = 0;
  virtual std::vector<TableUse> tables() const = 0;  // how full the maps are

  // What the program reports, on the thread that calls handle_events(). Set before events are handled.
  virtual void on_event(std::function<void(const tp_event&)> callback) = 0;
  // Packets of `id` come as TP_EVENT_TRACE_*, at most `packets_per_second`; one allocation at a time, the
  // last one named. Allocation 0 ends it. Tells how many were left out since it was started.
  virtual uint64_t trace(AllocationId id, uint32_t packets_per_second) = 0;

  // Descriptor that turns readable when routes, neighbours or links changed, an interface is to be tried
  // out, or the program reported something; -1 when there is none.
  virtual int event_fd() const = 0;
  // Reads what changed, tries out interfaces and brings next hops up to date; keeps no other call waiting
  // meanwhile. To be called when event_fd() is readable.
  virtual void handle_events() = 0;
};

// Without a kernel's help: it still keeps the limits, for the slow path. `directory`: of the pins, whose
// forwarding finish_takeover() ends; empty: there are none.
std::unique_ptr<FastPath> create_null_fast_path(std::string reason, const TrafficRates& rates,
                                                std::string directory = {});

}  // namespace turnpike::fastpath
