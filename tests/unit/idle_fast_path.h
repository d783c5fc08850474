// SPDX-License-Identifier: Apache-2.0
//
// IdleFastPath: takes everything and does nothing, for tests that look at one or two of its functions.
#pragma once

#include <functional>
#include <vector>

#include "fastpath/fast_path.h"

namespace turnpike::app::test {

class IdleFastPath : public fastpath::FastPath {
 public:
  Result<void> set_allocation(const SessionRecord&) override { return {}; }
  void remove_allocation(AllocationId) override {}
  Result<void> permit(const Permission&) override { return {}; }
  void forbid(AllocationId, const IpAddress&) override {}
  Result<void> install(const Binding&) override { return {}; }
  void remove(AllocationId, ChannelNumber) override {}
  fastpath::Admission admit(AllocationId, Direction, size_t, MonotonicTime) override {
    return fastpath::Admission::kAdmitted;
  }
  bool limits_traffic() const override { return false; }
  void path_changed(const IpAddress&) override {}
  Result<void> block(const Prefix&, MonotonicTime) override { return {}; }
  void unblock(const Prefix&) override {}
  size_t finish_takeover() override { return 0; }
  void keep() override {}
  std::vector<fastpath::TableUse> tables() const override { return {}; }
  void on_event(std::function<void(const tp_event&)>) override {}
  uint64_t trace(AllocationId, uint32_t) override { return 0; }
  std::vector<fastpath::InterfaceStatus> interfaces() const override { return {}; }
  fastpath::ReasonCounters reasons() const override { return {}; }
  fastpath::FlowStatus why(AllocationId, ChannelNumber) const override { return {}; }
  fastpath::FlowStatus why_permitted(AllocationId, const IpAddress&) const override { return {}; }
  fastpath::FlowCounters counters(AllocationId) const override { return {}; }
  int event_fd() const override { return -1; }
  void handle_events() override {}
};

}  // namespace turnpike::app::test
