// SPDX-License-Identifier: Apache-2.0
//
// EventLoop: epoll with callbacks, one timer, and functions posted by other threads. It belongs to the
// thread that calls run(); only post() and stop() may be called from others.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "util/clock.h"
#include "util/fd.h"
#include "util/result.h"

namespace turnpike::net {

class EventLoop {
 public:
  using Callback = std::function<void()>;

  static Result<std::unique_ptr<EventLoop>> create();

  // Calls `on_readable` as long as `fd` is readable (level-triggered). `fd` stays the caller's and must be
  // removed before it is closed.
  Result<void> add(int fd, Callback on_readable);
  void remove(int fd);
  // The one timer: `on_time` is called once at `when` or soon after; nullopt stops it. A later call replaces
  // an earlier one.
  void set_timer(std::optional<MonotonicTime> when, Callback on_time);

  // Runs `function` on the loop's thread. False when the loop has ended, and then it is never run; what was
  // accepted is always run, at the latest before run() returns.
  bool post(Callback function);
  // Makes run() return after the callbacks that are due. May come before run().
  void stop();
  void run();

 private:
  EventLoop() = default;
  void dispatch(int fd);
  void fire_timer();
  void run_posted();
  void wake();

  UniqueFd epoll_, timer_, wake_;
  std::unordered_map<int, std::shared_ptr<Callback>> callbacks_;
  std::optional<MonotonicTime> timer_at_;
  Callback on_time_;

  std::mutex mutex_;  // guards what follows
  std::vector<Callback> posted_;
  bool stopping_ = false;
  bool ended_ = false;
};

}  // namespace turnpike::net
