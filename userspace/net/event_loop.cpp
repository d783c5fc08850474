// SPDX-License-Identifier: Apache-2.0
#include "net/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace turnpike::net {

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  std::unique_ptr<EventLoop> loop(new EventLoop);
  loop->epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!loop->epoll_) return fail_errno(errno, "epoll_create1");
  loop->timer_ = UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!loop->timer_) return fail_errno(errno, "timerfd_create");
  loop->wake_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!loop->wake_) return fail_errno(errno, "eventfd");
  EventLoop* self = loop.get();
  if (auto added = loop->add(loop->timer_.get(), [self] { self->fire_timer(); }); !added)
    return forward(added);
  if (auto added = loop->add(loop->wake_.get(), [self] { self->run_posted(); }); !added)
    return forward(added);
  return loop;
}

Result<void> EventLoop::add(int fd, Callback on_readable) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail_errno(errno, "epoll_ctl");
  callbacks_[fd] = std::make_shared<Callback>(std::move(on_readable));
  return {};
}

void EventLoop::remove(int fd) {
  if (callbacks_.erase(fd) > 0) (void)epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::set_timer(std::optional<MonotonicTime> when, Callback on_time) {
  on_time_ = std::move(on_time);
  if (when == timer_at_) return;
  timer_at_ = when;
  itimerspec spec{};
  if (when) {
    // Zero would disarm it; a moment in the past fires at once.
    const auto nanoseconds = std::max<int64_t>(when->time_since_epoch().count(), 1);
    spec.it_value.tv_sec = nanoseconds / 1'000'000'000;
    spec.it_value.tv_nsec = nanoseconds % 1'000'000'000;
  }
  (void)timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

void EventLoop::fire_timer() {
  uint64_t expirations = 0;
  if (::read(timer_.get(), &expirations, sizeof expirations) < 0) return;  // set anew since epoll saw it
  timer_at_.reset();
  if (const Callback on_time = std::exchange(on_time_, nullptr)) on_time();
}

bool EventLoop::post(Callback function) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    posted_.push_back(std::move(function));
  }
  wake();
  return true;
}

void EventLoop::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
}

void EventLoop::wake() {
  const uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);  // fails only when it is readable already
}

void EventLoop::run_posted() {
  uint64_t count = 0;
  (void)!::read(wake_.get(), &count, sizeof count);
  std::vector<Callback> due;
  {
    const std::lock_guard lock(mutex_);
    due.swap(posted_);
  }
  for (const Callback& function : due)
    function();
}

void EventLoop::dispatch(int fd) {
  const auto found = callbacks_.find(fd);
  if (found == callbacks_.end()) return;  // removed by a callback of the same round
  // Held: a callback may remove itself.
  const std::shared_ptr<Callback> callback = found->second;
  (*callback)();
}

void EventLoop::run() {
  std::array<epoll_event, 32> events;
  for (;;) {
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i)
      dispatch(events[static_cast<size_t>(i)].data.fd);
    const std::lock_guard lock(mutex_);
    if (!stopping_) continue;
    if (posted_.empty()) {
      ended_ = true;
      return;
    }
    wake();
  }
}

}  // namespace turnpike::net
