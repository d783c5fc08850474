// SPDX-License-Identifier: Apache-2.0
//
// NextHops: where packets of the bindings' two ends leave, without the host being a router. Each end ("user")
// asks for a path from a source to a destination; paths that leave by the same interface, neighbour and MTU
// share a slot of the `next_hops` map. Routes, links, addresses and neighbours that change are followed:
// users of a path that moves are told their new slot, a neighbour that changes is rewritten in its slot.
//
// What an earlier process published stays as it is for its bindings: a path of equal content goes on with the
// same slot, and none is used for anything else before finish_takeover().
// Guarded by XdpFastPath's mutex.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "bpf/abi.h"
#include "fastpath/interfaces.h"
#include "fastpath/mapped_array.h"
#include "fastpath/slot_pool.h"
#include "net/rtnetlink.h"

namespace turnpike::fastpath {

inline constexpr uint32_t kUnresolved = 0;  // the slot that never resolves

class NextHops {
 public:
  // Told when `user` must use another slot than before.
  using Moved = std::function<void(uint32_t user, uint32_t slot)>;
  struct State {
    bool resolved = false;
    unsigned ifindex = 0;   // of the device that sends and receives, below all VLANs; 0: no route
    std::string interface;  // the name of the one that the route names
    std::string reason;     // why not resolved
    std::string remedy;
  };

  // `reader` and `interfaces` must outlive this.
  NextHops(MappedArray<tp_next_hop> slots, net::RouteReader& reader, Interfaces& interfaces, Moved moved);
  // Gives the neighbours back to the kernel's ageing, unless it is told to keep them.
  ~NextHops();
  NextHops(const NextHops&) = delete;
  NextHops& operator=(const NextHops&) = delete;

  // The slot for `user`, who must not have one.
  uint32_t add(uint32_t user, const IpAddress& source, const IpAddress& destination, MonotonicTime now);
  void remove(uint32_t user, MonotonicTime now);
  // Asks for the neighbour again when it is not resolved, and for the route when its MTU is below the
  // interface's: what the kernel learnt of a path expires without an event. At most once a second for each.
  void retry(uint32_t user, MonotonicTime now);
  State state(uint32_t user) const;

  // Frees the slots of an earlier process that no path has taken, and its neighbours: no binding may be left
  // that names them.
  // The start has succeeded: neighbours are not kept any longer unless keep() says so again.
  void finish_takeover(MonotonicTime now);
  // Whether the neighbours stay resolved for a successor.
  void keep(bool keep) { keep_ = keep; }
  uint32_t used() const { return static_cast<uint32_t>(hops_.size() + old_.size() + withheld_.size()); }
  uint32_t size() const { return slots_.size(); }
  uint64_t refused() const { return refused_; }  // paths that found the table full

  // The path MTU to `destination` may be another: the kernel learns it without telling.
  void reresolve(const IpAddress& destination, MonotonicTime now);
  void follow_neighbour(unsigned ifindex, const IpAddress& address);
  // Brings everything up to date, a piece at a time so that the mutex can be let go in between: each path and
  // then each hop is a round trip to the kernel.
  void begin_refresh();
  // False when that was the last piece.
  bool continue_refresh(MonotonicTime now);

 private:
  using Ends = std::pair<IpAddress, IpAddress>;              // destination, source
  using HopKey = std::tuple<unsigned, IpAddress, uint32_t>;  // the route's interface, neighbour, MTU
  struct Hop {
    uint32_t slot = kUnresolved;
    uint32_t paths = 0;
    std::optional<tp_next_hop> content;  // what the slot says, generation 0; none: unresolved
    MonotonicTime asked{};               // when the kernel was last asked to resolve it
  };
  struct ByContent {
    bool operator()(const tp_next_hop& one, const tp_next_hop& other) const {
      return std::memcmp(&one, &other, sizeof one) < 0;
    }
  };
  struct Path {
    std::optional<HopKey> hop;  // none: slot 0, and `reason` says why
    unsigned ifindex = 0;       // that the route names
    std::string reason;
    std::string remedy;
    std::set<uint32_t> users;
    MonotonicTime retried{};  // when its MTU was last asked for again
  };
  using Paths = std::map<Ends, Path>;
  using Hops = std::map<HopKey, Hop>;

  void adopt();
  // What `ends` resolve to now; users are not part of it.
  Path resolve(const Ends& ends);
  uint32_t acquire(Path& path, MonotonicTime now);
  // What to send to the neighbour now; nothing while it is not resolved.
  std::optional<tp_next_hop> content_of(const HopKey& key);
  // A slot for it: an old one that says the same, else a free one.
  std::optional<uint32_t> slot_for(const HopKey& key, Hop& hop, MonotonicTime now);
  void release(const HopKey& key, MonotonicTime now);
  bool uses(unsigned ifindex, const IpAddress& address) const;
  uint32_t slot_of(const Path& path) const;
  std::string name_of(unsigned ifindex) const;
  // Whether its MTU is below the interface's, by a route or by what the kernel has learnt.
  bool is_narrowed(const Path& path) const;
  // Asks the kernel to resolve it.
  void ask(const HopKey& key, Hop& hop, MonotonicTime now);
  void refresh(const Ends& ends, Path& path, MonotonicTime now);
  void refresh(const HopKey& key, Hop& hop);

  MappedArray<tp_next_hop> slots_;
  SlotPool pool_;
  net::RouteReader& reader_;
  Interfaces& interfaces_;
  Moved moved_;
  bool keep_ = false;
  uint64_t refused_ = 0;
  std::multimap<tp_next_hop, uint32_t, ByContent> old_;  // slots of an earlier process that no path has taken
  std::set<uint32_t> adopted_;                           // those of them that paths have
  std::vector<uint32_t> withheld_;  // those that paths had: bindings of the earlier process may name them
  Paths paths_;
  Hops hops_;
  std::unordered_map<uint32_t, Paths::iterator> users_;
  std::optional<Ends> refreshed_path_;   // how far the refresh has come; none: at the beginning
  std::optional<HopKey> refreshed_hop_;  // likewise
};

}  // namespace turnpike::fastpath
