// SPDX-License-Identifier: Apache-2.0
#include "app/trace.h"

#include <algorithm>
#include <optional>
#include <string>

#include "app/report_sessions.h"
#include "app/report_totals.h"
#include "app/trace_stream.h"
#include "util/clock.h"

namespace turnpike::app {
namespace {

using admin::Json;

constexpr uint32_t kMaxRate = 100'000;
constexpr Seconds kMaxTime{std::chrono::hours(24 * 366)};

Result<TraceWish> read_wish(const RelayView& relay, const Json& args) {
  const auto seconds = args.value("seconds", int64_t{0});
  if (seconds < 0 || seconds > kMaxTime.count())
    return fail(ErrorCode::kInvalid, "seconds: expected 0 (no end) to " + std::to_string(kMaxTime.count()) +
                                         ", got " + std::to_string(seconds));
  const auto rate = args.value("rate", int64_t{kDefaultTraceRate});
  if (rate < 1 || rate > kMaxRate)
    return fail(ErrorCode::kInvalid, "rate: expected 1 to " + std::to_string(kMaxRate) +
                                         " packets a second, got " + std::to_string(rate));
  const auto sessions = gather_sessions(relay, read_clocks());
  const auto session = find_session(sessions, args.value("id", std::string()));
  if (!session) return forward(session);
  return TraceWish{.id = (*session)->id,
                   .packets = args.value("packets", uint64_t{0}),
                   .seconds = Seconds(seconds),
                   .rate = static_cast<uint32_t>(rate),
                   .five_tuple = (*session)->five_tuple};
}

Result<void> check_kernel_relays(const RelayView& relay) {
  const auto interfaces = relay.fast_path.interfaces();
  const bool relays = std::any_of(interfaces.begin(), interfaces.end(), [](const auto& interface) {
    return interface.mode != fastpath::Mode::kOff;
  });
  if (relays) return {};
  return fail(ErrorCode::kUnsupported,
              "a trace shows the packets that the kernel's program sees, and it runs on no interface: fast "
              "path " +
                  relay.fast_path_summary + "; tcpdump shows what userspace relays");
}

Result<void> check_free(const std::optional<CurrentTrace>& current) {
  if (!current) return {};
  const auto age = std::chrono::floor<Seconds>(read_clocks().monotonic - current->since);
  return fail(ErrorCode::kInUse, "one trace at a time: process " + std::to_string(current->process) +
                                     " has traced session " + current->id.to_string() + " for " +
                                     std::to_string(age.count()) + " s; end that one first");
}

}  // namespace

admin::StreamHandler trace_verb(const RelayView& relay) {
  // Shared, because a std::function must be copyable: there is one.
  const auto current = std::make_shared<std::optional<CurrentTrace>>();
  return [&relay, current](const Json& args,
                           admin::StreamOutput& output) -> Result<std::unique_ptr<admin::Stream>> {
    if (auto possible = check_kernel_relays(relay); !possible) return forward(possible);
    if (auto free = check_free(*current); !free) return forward(free);
    const auto wish = read_wish(relay, args);
    if (!wish) return forward(wish);
    return open_trace(relay, *wish, output, *current);
  };
}

}  // namespace turnpike::app
