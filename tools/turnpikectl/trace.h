// SPDX-License-Identifier: Apache-2.0
//
// turnpikectl trace ID: one session's packets, before and after the relay, into a pcapng.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "turnpikectl/context.h"
#include "turnpikectl/pcapng.h"

namespace turnpike::ctl {

struct TraceWish {
  std::string id;  // the start of a session's
  // After which it ends.
  std::optional<uint64_t> packets;
  std::optional<int64_t> seconds;
  std::optional<int64_t> rate;  // packets a second at most; else the relay's default
  std::string file = "-";       // "-": standard output
};

// A packet of the stream (app/trace.h) as blocks: one as it came; when it left, another as it left. Comments
// tell interface, verdict and reason. May throw Json::exception.
std::string packet_blocks(Pcapng& file, const Json& packet);
// For people, of the stream's end.
std::string render_trace_end(const Json& end);

// Until Ctrl-C, or the wish is fulfilled, or the session ends. With --json the stream's lines in place of
// blocks.
int run_trace(const Context& context, const TraceWish& wish);

}  // namespace turnpike::ctl
