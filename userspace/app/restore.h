// SPDX-License-Identifier: Apache-2.0
//
// How the sessions of an earlier process become this one's: from the durable records to the workers, each to
// the one that has its client's datagrams now.
#pragma once

#include <memory>
#include <vector>

#include "app/worker.h"
#include "fastpath/session_store.h"
#include "util/result.h"

namespace turnpike::app {

struct Restored {
  size_t sessions = 0;  // that live
  size_t channels = 0;  // of theirs, bound ones
  size_t dropped = 0;   // sessions that could not be gone on with; their records are gone
};

// The workers have not started. Totals of earlier processes go to the first one. After an error all is as it
// was.
Result<Restored> restore_sessions(fastpath::SessionStore& store, const std::vector<Endpoint>& listening,
                                  const std::vector<std::unique_ptr<Worker>>& workers);

}  // namespace turnpike::app
