// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <atomic>
#include <thread>

#include "net/event_loop.h"

namespace turnpike::net {
namespace {

using namespace std::chrono_literals;

class EventLoopTest : public testing::Test {
 protected:
  void SetUp() override {
    auto created = EventLoop::create();
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(*created);
  }
  MonotonicTime in(Nanoseconds delay) { return read_clocks().monotonic + delay; }

  std::unique_ptr<EventLoop> loop_;
};

TEST_F(EventLoopTest, CallsBackWhileADescriptorIsReadable) {
  const UniqueFd event(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
  int calls = 0;
  ASSERT_TRUE(loop_->add(event.get(), [&] {
    uint64_t value = 0;
    ASSERT_EQ(::read(event.get(), &value, sizeof value), 8);
    if (++calls == 2) loop_->stop();
  }));
  loop_->run();
  EXPECT_EQ(calls, 2);
}

TEST_F(EventLoopTest, ACallbackMayRemoveItself) {
  const UniqueFd event(eventfd(1, EFD_NONBLOCK));
  int calls = 0;
  ASSERT_TRUE(loop_->add(event.get(), [&] {
    ++calls;
    loop_->remove(event.get());
    loop_->set_timer(in(20ms), [&] { loop_->stop(); });
  }));
  loop_->run();
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, TimerFiresAtItsTimeAndOnce) {
  const MonotonicTime when = in(30ms);
  int calls = 0;
  MonotonicTime fired;
  loop_->set_timer(when, [&] {
    ++calls;
    fired = read_clocks().monotonic;
    ASSERT_TRUE(loop_->post([&] { loop_->set_timer(in(20ms), [&] { loop_->stop(); }); }));
  });
  loop_->run();
  EXPECT_EQ(calls, 1);
  EXPECT_GE(fired, when);
}

TEST_F(EventLoopTest, TimerInThePastFiresAtOnce) {
  loop_->set_timer(MonotonicTime{}, [&] { loop_->stop(); });
  loop_->run();
}

TEST_F(EventLoopTest, TheSameMomentMayBeSetAgainAfterItFired) {
  const MonotonicTime when = in(1ms);
  int calls = 0;
  std::function<void()> again = [&] {
    if (++calls == 2) return loop_->stop();
    loop_->set_timer(when, again);
  };
  loop_->set_timer(when, again);
  loop_->run();
  EXPECT_EQ(calls, 2);
}

TEST_F(EventLoopTest, ALaterTimerReplacesAnEarlierOne) {
  bool first = false;
  loop_->set_timer(in(1ms), [&] { first = true; });
  loop_->set_timer(in(20ms), [&] { loop_->stop(); });
  loop_->run();
  EXPECT_FALSE(first);
}

TEST_F(EventLoopTest, NoTimeStopsTheTimer) {
  bool fired = false;
  loop_->set_timer(in(1ms), [&] { fired = true; });
  loop_->set_timer(std::nullopt, [] {});
  std::thread other([&] {
    std::this_thread::sleep_for(20ms);
    loop_->stop();
  });
  loop_->run();
  other.join();
  EXPECT_FALSE(fired);
}

TEST_F(EventLoopTest, RunsAllThatWasPostedAndRefusesAfterItsEnd) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 1000;
  int ran = 0;  // touched on the loop's thread only
  std::atomic<int> accepted{0};
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < kPosts; ++k) {
        if (loop_->post([&ran] { ++ran; })) ++accepted;
        if (k == kPosts / 2) loop_->stop();
      }
    });
  }
  loop_->run();
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(ran, accepted);
  EXPECT_FALSE(loop_->post([] {}));
}

TEST_F(EventLoopTest, APostedFunctionMayPost) {
  bool inner = false;
  ASSERT_TRUE(loop_->post([&] {
    ASSERT_TRUE(loop_->post([&] { inner = true; }));
    loop_->stop();
  }));
  loop_->run();
  EXPECT_TRUE(inner);
}

}  // namespace
}  // namespace turnpike::net
