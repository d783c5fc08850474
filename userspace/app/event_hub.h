// SPDX-License-Identifier: Apache-2.0
//
// EventHub: hands what the kernel's program reports to whoever asked for it. Control thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "bpf/abi.h"

namespace turnpike::app {

class EventHub {
 public:
  using Callback = std::function<void(const tp_event&)>;
  using Subscription = uint64_t;  // never 0

  Subscription subscribe(Callback callback) {
    callbacks_.emplace(++last_, std::make_shared<Callback>(std::move(callback)));
    return last_;
  }
  // May be called by a callback, for itself too.
  void unsubscribe(Subscription subscription) { callbacks_.erase(subscription); }

  void publish(const tp_event& event) const {
    std::vector<std::weak_ptr<Callback>> due;
    due.reserve(callbacks_.size());
    for (const auto& [subscription, callback] : callbacks_)
      due.push_back(callback);
    for (const auto& one : due) {
      // Held while it runs; gone when an earlier one ended it.
      if (const std::shared_ptr<Callback> callback = one.lock()) (*callback)(event);
    }
  }

 private:
  std::map<Subscription, std::shared_ptr<Callback>> callbacks_;
  Subscription last_ = 0;
};

}  // namespace turnpike::app
