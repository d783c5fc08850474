// SPDX-License-Identifier: Apache-2.0
//
// SessionStore: the durable records of sessions, in pinned maps (bpf/abi.h). A record is written before the
// answer that tells the client of it leaves, so what a client knows a restarted relay knows. Thread-safe: the
// maps are the kernel's; but a session is written by one thread at a time.
#pragma once

#include <unordered_map>
#include <vector>

#include "bpf/abi.h"
#include "fastpath/bpffs.h"
#include "fastpath/pinned_maps.h"
#include "util/fd.h"
#include "util/result.h"
#include "util/session_record.h"

namespace turnpike::fastpath {

struct StoreOptions {
  uint32_t max_sessions = 65536;
  uint32_t max_permissions = 262144;
  uint32_t max_channels = 262144;
};

class SessionStore {
 public:
  // Opens what an earlier process left in `bpffs`, or makes and pins new maps.
  static Result<SessionStore> open(const Bpffs& bpffs, const StoreOptions& options);
  static std::vector<MapLayout> layouts(const StoreOptions& options);

  // Each may be sent again, to change what is there. kExhausted: the map is full; the session lives on, but
  // would not survive a restart.
  Result<void> set(const SessionRecord& session);  // its counters stay
  Result<void> set(AllocationId id, const PermissionRecord& permission);
  Result<void> set(AllocationId id, const ChannelRecord& channel);
  void remove(AllocationId id);
  void remove(AllocationId id, const IpAddress& permission);
  void remove(AllocationId id, ChannelNumber channel);
  void save_counters(AllocationId id, const RelayCounters& slow);
  // What worker number `worker` has relayed in this boot: less than the number of this host's CPUs, or than
  // 256.
  void save_totals(unsigned worker, const RelayCounters& slow);

  // That there is room for: fewer or more than asked for where an earlier process had made the map.
  uint32_t max_sessions() const { return max_sessions_; }

  // All that is there. What makes no sense is removed with a warning; so are names, permissions and channels
  // whose session is not there (a process died between two writes).
  Result<std::vector<SavedSession>> load();
  // Of all workers together. From then on they are worker 0's, whose counters are to go on from there.
  RelayCounters load_totals();

 private:
  using SessionIndex = std::unordered_map<AllocationId, SavedSession>;

  using Names = std::unordered_map<uint64_t, tp_session_name>;  // what long ones end with

  SessionStore() = default;
  Result<Names> load_names();
  Result<void> load_permissions(SessionIndex& sessions);
  Result<void> load_channels(SessionIndex& sessions);

  UniqueFd sessions_, names_, permissions_, channels_, totals_;
  uint32_t max_sessions_ = 0;
  uint32_t workers_ = 0;  // that `totals_` has a slot for
};

}  // namespace turnpike::fastpath
