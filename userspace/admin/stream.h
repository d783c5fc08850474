// SPDX-License-Identifier: Apache-2.0
//
// Stream: what a streaming verb tells its client, item by item, as it happens. All on the control thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "admin/control_protocol.h"
#include "util/result.h"

namespace turnpike::admin {

inline constexpr size_t kMaxStreamBytes = 4 * 1024 * 1024;  // that wait for a client which reads slowly

// Where a stream's items go. Never blocks.
class StreamOutput {
 public:
  virtual ~StreamOutput() = default;
  // False: kMaxStreamBytes wait already; the item is dropped and counted.
  virtual bool push(const Json& item) = 0;
  virtual uint64_t dropped() const = 0;
  // No more items: the client is told Stream::finish().
  virtual void end() = 0;
  virtual pid_t client_process() const = 0;  // 0: not known
};

// Lives as long as its client listens.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual Json answer() const = 0;  // to the request; precedes all items
  virtual void tick() = 0;          // about once a second
  // Called once, when the client wants no more or the stream ended itself: what its last line says. Not
  // called when the client is gone.
  virtual Json finish() = 0;
};

// Gets the request's "args"; `output` outlives the stream.
using StreamHandler = std::function<Result<std::unique_ptr<Stream>>(const Json& args, StreamOutput& output)>;

}  // namespace turnpike::admin
