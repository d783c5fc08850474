// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include <utility>

#include "fastpath/fast_path.h"
#include "fastpath/heap_limits.h"
#include "fastpath/takeover.h"

namespace turnpike::fastpath {
namespace {

class NullFastPath final : public FastPath {
 public:
  NullFastPath(std::string reason, const TrafficRates& rates, std::string directory)
      : reason_(std::move(reason)), limits_(rates), directory_(std::move(directory)) {}

  Result<void> set_allocation(const SessionRecord& session) override {
    limits_.set(session);
    return {};
  }
  void remove_allocation(AllocationId id) override { limits_.remove(id); }
  Result<void> permit(const Permission& /*permission*/) override { return {}; }
  void forbid(AllocationId /*id*/, const IpAddress& /*peer*/) override {}
  Result<void> install(const Binding& /*binding*/) override { return {}; }
  void remove(AllocationId /*id*/, ChannelNumber /*channel*/) override {}
  Admission admit(AllocationId id, Direction direction, size_t bytes, MonotonicTime now) override {
    return limits_.admit(id, direction, bytes, now);
  }
  bool limits_traffic() const override { return limits_.limit(); }
  Result<void> block(const Prefix& /*source*/, MonotonicTime /*expires*/) override { return {}; }
  void unblock(const Prefix& /*source*/) override {}
  void path_changed(const IpAddress& /*destination*/) override {}
  // The sessions live on in userspace.
  size_t finish_takeover() override {
    if (directory_.empty()) return 0;
    if (const auto ended = end_forwarding(directory_); !ended)
      spdlog::warn("what an earlier process had for its fast path stays behind: {}", ended.error().message);
    return 0;
  }
  void keep() override {}
  std::vector<InterfaceStatus> interfaces() const override { return {}; }
  ReasonCounters reasons() const override { return {}; }
  FlowStatus why(AllocationId /*id*/, ChannelNumber /*channel*/) const override {
    return {false, false, reason_, ""};
  }
  FlowStatus why_permitted(AllocationId /*id*/, const IpAddress& /*peer*/) const override {
    return {false, false, reason_, ""};
  }
  FlowCounters counters(AllocationId /*id*/) const override { return {}; }
  std::vector<TableUse> tables() const override { return {}; }
  void on_event(std::function<void(const tp_event&)> /*callback*/) override {}
  uint64_t trace(AllocationId /*id*/, uint32_t /*packets_per_second*/) override { return 0; }
  int event_fd() const override { return -1; }
  void handle_events() override {}

 private:
  std::string reason_;
  HeapLimits limits_;
  std::string directory_;
};

}  // namespace

std::unique_ptr<FastPath> create_null_fast_path(std::string reason, const TrafficRates& rates,
                                                std::string directory) {
  return std::make_unique<NullFastPath>(std::move(reason), rates, std::move(directory));
}

}  // namespace turnpike::fastpath
