// SPDX-License-Identifier: Apache-2.0
#include "app/trace_stream.h"

#include <net/if.h>

#include <map>
#include <string>

#include "app/event_hub.h"
#include "app/reasons.h"
#include "app/trace_packets.h"
#include "auth/base64.h"
#include "fastpath/steering.h"
#include "turn/server.h"

namespace turnpike::app {
namespace {

using admin::Json;

class TraceStream final : public admin::Stream {
 public:
  TraceStream(const RelayView& relay, const TraceWish& wish, admin::StreamOutput& output,
              std::optional<CurrentTrace>& current)
      : relay_(relay), wish_(wish), output_(output), current_(current) {
    current_ = CurrentTrace{wish.id, output.client_process(), start_};
    subscription_ = relay_.events.subscribe([this](const tp_event& event) { take(event); });
    relay_.fast_path.trace(wish.id, wish.rate);
  }
  TraceStream(const TraceStream&) = delete;
  TraceStream& operator=(const TraceStream&) = delete;
  ~TraceStream() override {
    stop();
    relay_.events.unsubscribe(subscription_);
    current_.reset();
  }

  Json answer() const override { return {{"id", wish_.id.to_string()}, {"rate", wish_.rate}}; }

  void tick() override {
    if (wish_.seconds.count() > 0 && read_clocks().monotonic - start_ >= wish_.seconds) return end("time");
    // Packets are proof enough of a session.
    if (packets_ == packets_at_tick_ && !session_exists()) return end("session");
    packets_at_tick_ = packets_;
  }

  Json finish() override {
    stop();
    return {{"packets", packets_},
            {"rate_limited", rate_limited_},
            {"slow_reader", output_.dropped()},
            {"incomplete", whole_.incomplete()},
            {"ended", ended_}};
  }

 private:
  void take(const tp_event& event) {
    if (!running_ || event.allocation != wish_.id.value) return;
    if (event.kind != TP_EVENT_TRACE_IN && event.kind != TP_EVENT_TRACE_OUT) return;
    const auto packet = whole_.add(event);
    if (!packet || !output_.push(item_of(*packet))) return;
    if (++packets_ == wish_.packets) end("packets");
  }

  Json item_of(const TracedPacket& packet) {
    const Reason& reason = kReasons[packet.reason];
    Json item = {{"time", wall(packet.in.time)},
                 {"verdict", reason.verdict},
                 {"reason", reason.name},
                 {"meaning", reason.meaning},
                 {"in", frame_json(packet.in)}};
    if (!packet.out) return item;
    item["out"] = {{"time", wall(packet.out->time)}};
    item["out"].update(frame_json(*packet.out));
    return item;
  }

  Json frame_json(const TracedFrame& frame) {
    return {{"interface", interface_name(frame.ifindex)},
            {"length", frame.length},
            {"data", auth::base64(frame.bytes)}};
  }

  const std::string& interface_name(uint32_t index) {
    std::string& name = names_[index];
    if (!name.empty()) return name;
    char text[IF_NAMESIZE];
    name = ::if_indextoname(index, text) != nullptr ? text : "interface " + std::to_string(index);
    return name;
  }

  uint64_t wall(uint64_t monotonic) const { return monotonic + static_cast<uint64_t>(wall_offset_.count()); }

  bool session_exists() const {
    const auto count = static_cast<uint32_t>(relay_.workers.size());
    bool exists = false;
    (void)relay_.workers[fastpath::worker_of(wish_.five_tuple.client, count)]->run_on(
        [&](turn::Server& server) { exists = server.has(wish_.id, wish_.five_tuple, read_clocks()); });
    return exists;
  }

  void end(const char* why) {
    ended_ = why;
    output_.end();
  }

  void stop() {
    if (!running_) return;
    running_ = false;
    rate_limited_ = relay_.fast_path.trace({}, 0);
  }

  const RelayView& relay_;
  const TraceWish wish_;
  admin::StreamOutput& output_;
  std::optional<CurrentTrace>& current_;
  const MonotonicTime start_ = std::chrono::steady_clock::now();
  // Taken once, so that a clock that is set meanwhile does not disorder the packets.
  const Nanoseconds wall_offset_ =
      std::chrono::system_clock::now().time_since_epoch() - start_.time_since_epoch();
  EventHub::Subscription subscription_{};
  std::map<uint32_t, std::string> names_;  // of interfaces
  TracePackets whole_;
  uint64_t packets_ = 0;
  uint64_t packets_at_tick_ = 0;
  uint64_t rate_limited_ = 0;
  bool running_ = true;
  const char* ended_ = "client";
};

}  // namespace

std::unique_ptr<admin::Stream> open_trace(const RelayView& relay, const TraceWish& wish,
                                          admin::StreamOutput& output, std::optional<CurrentTrace>& current) {
  return std::make_unique<TraceStream>(relay, wish, output, current);
}

}  // namespace turnpike::app
