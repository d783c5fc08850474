// SPDX-License-Identifier: Apache-2.0
#include "app/restore.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>

#include "fastpath/steering.h"

namespace turnpike::app {

namespace {

Result<void> restore_one(const SavedSession& saved, const std::vector<Endpoint>& listening,
                         const std::vector<std::unique_ptr<Worker>>& workers) {
  const FiveTuple& five_tuple = saved.session.five_tuple;
  if (std::find(listening.begin(), listening.end(), five_tuple.server) == listening.end())
    return fail(ErrorCode::kNotFound, "its listening address is no longer one");
  const auto count = static_cast<uint32_t>(workers.size());
  return workers[fastpath::worker_of(five_tuple.client, count)]->restore(saved);
}

// The rest, its fast path and its port, nobody named again: finish_takeover() ends them.
void forget(fastpath::SessionStore& store, const SavedSession& saved) {
  for (const ChannelRecord& channel : saved.channels)
    store.remove(saved.session.id, channel.number);
  for (const PermissionRecord& permission : saved.permissions)
    store.remove(saved.session.id, permission.peer);
  store.remove(saved.session.id);
}

}  // namespace

Result<Restored> restore_sessions(fastpath::SessionStore& store, const std::vector<Endpoint>& listening,
                                  const std::vector<std::unique_ptr<Worker>>& workers) {
  auto saved = store.load();
  if (!saved) return forward(saved);
  Restored restored;
  std::string reason;
  for (const SavedSession& session : *saved) {
    if (const auto done = restore_one(session, listening, workers); !done) {
      forget(store, session);
      ++restored.dropped;
      reason = done.error().message;
    }
  }
  // Some have come back only to be ended: their time was up, or they are not allowed any more.
  for (const auto& worker : workers) {
    restored.sessions += worker->session_count();
    restored.channels += worker->channel_count();
  }
  if (restored.dropped > 0)
    spdlog::warn("{} sessions of an earlier process cannot go on, the last one because {}", restored.dropped,
                 reason);
  workers.front()->restore_totals(store.load_totals());
  return restored;
}

}  // namespace turnpike::app
