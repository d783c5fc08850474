// SPDX-License-Identifier: Apache-2.0
//
// The verb `trace`, from the program's events to the lines of the stream.
#include "app/trace.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/trace_packets.h"
#include "app/trace_stream.h"
#include "fastpath/steering.h"
#include "unit/app_report_fixture.h"

namespace turnpike::app {
namespace {

using admin::Json;

class Output final : public admin::StreamOutput {
 public:
  bool push(const Json& item) override {
    items.push_back(item);
    return true;
  }
  uint64_t dropped() const override { return 2; }
  void end() override { ended = true; }
  pid_t client_process() const override { return 4711; }

  std::vector<Json> items;
  bool ended = false;
};

tp_event event(tp_event_kind kind, uint64_t sequence, tp_reason reason, const std::string& frame) {
  tp_event made{};
  made.time = 1000 + sequence;
  made.allocation = 0xa1;
  made.sequence = sequence;
  made.kind = kind;
  made.reason = reason;
  made.ifindex = 1;
  made.length = made.captured = static_cast<uint32_t>(frame.size());
  std::memcpy(made.data, frame.data(), frame.size());
  return made;
}

TEST(TracePackets, PairsEventsWhateverTheirOrder) {
  TracePackets packets;
  EXPECT_FALSE(packets.add(event(TP_EVENT_TRACE_IN, 1, TP_REASON_COUNT, "one")));
  EXPECT_FALSE(packets.add(event(TP_EVENT_TRACE_IN, 2, TP_REASON_COUNT, "two")));
  const auto first = packets.add(event(TP_EVENT_TRACE_OUT, 1, TP_RELAYED_TO_PEER, "ONE!"));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->reason, TP_RELAYED_TO_PEER);
  EXPECT_EQ(std::string(first->in.bytes.begin(), first->in.bytes.end()), "one");
  ASSERT_TRUE(first->out);
  EXPECT_EQ(first->out->length, 4U);
  const auto second = packets.add(event(TP_EVENT_TRACE_OUT, 2, TP_PASS_MTU, ""));
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->out);
  EXPECT_EQ(packets.incomplete(), 0U);
}

TEST(TracePackets, WhatLostItsOtherHalfIsCounted) {
  TracePackets packets;
  EXPECT_FALSE(packets.add(event(TP_EVENT_TRACE_OUT, 1, TP_PASS_MTU, "")));
  EXPECT_EQ(packets.incomplete(), 1U);
  for (uint64_t sequence = 10; sequence < 5010; ++sequence)
    EXPECT_FALSE(packets.add(event(TP_EVENT_TRACE_IN, sequence, TP_REASON_COUNT, "x")));
  EXPECT_EQ(packets.incomplete(), 5001U);
  EXPECT_TRUE(packets.add(event(TP_EVENT_TRACE_OUT, 5009, TP_PASS_MTU, "")));
  EXPECT_FALSE(packets.add(event(TP_EVENT_TRACE_OUT, 10, TP_PASS_MTU, ""))) << "not kept for ever";
}

TEST(TracePackets, ALengthThatTheProgramCannotMeanIsCut) {
  TracePackets packets;
  tp_event wrong = event(TP_EVENT_TRACE_IN, 1, TP_REASON_COUNT, "x");
  wrong.captured = 1'000'000;
  packets.add(wrong);
  const auto packet = packets.add(event(TP_EVENT_TRACE_OUT, 1, TP_PASS_MTU, ""));
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->in.bytes.size(), size_t{TP_EVENT_DATA});
}

TEST(Trace, NeedsAKernelThatRelays) {
  ReportedRelay relay;
  Output output;
  const auto refused = trace_verb(relay.view)({{"id", "a1"}}, output);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(refused.error().message.find("none (a reason)"), std::string::npos) << refused.error().message;
}

TEST(Trace, NeedsASession) {
  ReportedRelay relay;
  relay.fast_path.interface_rows = {{"lo", 1, "", fastpath::Mode::kNative, "", "", {}}};
  Output output;
  const auto refused = trace_verb(relay.view)({{"id", "a1"}}, output);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(relay.fast_path.traced.value, 0U);
}

TEST(Trace, LastsNoLongerThanAYear) {
  ReportedRelay relay;
  relay.fast_path.interface_rows = {{"lo", 1, "", fastpath::Mode::kNative, "", "", {}}};
  Output output;
  for (const int64_t seconds : {int64_t{-1}, int64_t{366 * 86400 + 1}, INT64_MAX}) {
    const auto refused = trace_verb(relay.view)({{"id", "a1"}, {"seconds", seconds}}, output);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
    EXPECT_NE(refused.error().message.find("got " + std::to_string(seconds)), std::string::npos)
        << refused.error().message;
  }
}

class TraceStreamTest : public ::testing::Test {
 protected:
  std::unique_ptr<admin::Stream> open(const TraceWish& wish) {
    return open_trace(relay_.view, wish, output_, current_);
  }
  void publish(uint64_t sequence, tp_reason reason, const std::string& in, const std::string& out) {
    relay_.events.publish(event(TP_EVENT_TRACE_IN, sequence, TP_REASON_COUNT, in));
    relay_.events.publish(event(TP_EVENT_TRACE_OUT, sequence, reason, out));
  }

  ReportedRelay relay_;
  Output output_;
  std::optional<CurrentTrace> current_;
};

TEST_F(TraceStreamTest, StreamsPacketsAsTheyHappen) {
  auto stream = open({.id = {0xa1}, .rate = 50});
  EXPECT_EQ(relay_.fast_path.traced.value, 0xa1U);
  EXPECT_EQ(relay_.fast_path.trace_rate, 50U);
  EXPECT_EQ(stream->answer()["id"], "00000000000000a1");
  publish(1, TP_RELAYED_TO_PEER, "in", "out");
  publish(2, TP_PASS_MTU, "in", "");
  tp_event foreign = event(TP_EVENT_TRACE_IN, 3, TP_REASON_COUNT, "x");
  foreign.allocation = 0xb2;
  relay_.events.publish(foreign);
  ASSERT_EQ(output_.items.size(), 2U);
  const Json& relayed = output_.items[0];
  EXPECT_EQ(relayed["verdict"], "relayed");
  EXPECT_EQ(relayed["reason"], "relayed_to_peer");
  EXPECT_EQ(relayed["in"], (Json{{"interface", "lo"}, {"length", 2}, {"data", "aW4="}}));
  EXPECT_EQ(relayed["out"]["data"], "b3V0");
  EXPECT_GT(relayed["time"].get<uint64_t>(), 1'000'000'000'000'000'000U) << "Unix time in ns";
  EXPECT_FALSE(output_.items[1].contains("out"));
  EXPECT_EQ(output_.items[1]["verdict"], "passed");

  relay_.fast_path.trace_lost = 9;
  EXPECT_EQ(
      stream->finish(),
      (Json{
          {"packets", 2}, {"rate_limited", 9}, {"slow_reader", 2}, {"incomplete", 0}, {"ended", "client"}}));
  EXPECT_EQ(relay_.fast_path.traced.value, 0U);
}

TEST_F(TraceStreamTest, EndsAfterSoManyPackets) {
  auto stream = open({.id = {0xa1}, .packets = 2});
  publish(1, TP_PASS_MTU, "in", "");
  EXPECT_FALSE(output_.ended);
  publish(2, TP_PASS_MTU, "in", "");
  EXPECT_TRUE(output_.ended);
  EXPECT_EQ(stream->finish()["ended"], "packets");
}

TEST_F(TraceStreamTest, EndsWithTheSession) {
  auto stream = open({.id = {0xa1}});
  publish(1, TP_PASS_MTU, "in", "");
  stream->tick();
  EXPECT_FALSE(output_.ended) << "packets came since";
  stream->tick();
  EXPECT_TRUE(output_.ended);
  EXPECT_EQ(stream->finish()["ended"], "session");
}

TEST_F(TraceStreamTest, AnIdleOneAsksTheSessionsWorkerAlone) {
  class AskedWorker final : public WorkerHandle {
   public:
    unsigned index() const override { return 0; }
    int core() const override { return -1; }
    bool run_on(const std::function<void(turn::Server&)>&) override { return ++asked == 0; }
    WorkerCounters counters() override { return {}; }
    unsigned asked = 0;
  };
  AskedWorker workers[3];
  relay_.view.workers = {&workers[0], &workers[1], &workers[2]};
  const FiveTuple five_tuple = relay_.session(0xa1).five_tuple;
  auto stream = open({.id = {0xa1}, .five_tuple = five_tuple});
  stream->tick();
  EXPECT_EQ(workers[0].asked + workers[1].asked + workers[2].asked, 1U);
  EXPECT_EQ(workers[fastpath::worker_of(five_tuple.client, 3)].asked, 1U);
}

TEST_F(TraceStreamTest, AClientThatLeavesSwitchesItOff) {
  auto stream = open({.id = {0xa1}});
  ASSERT_TRUE(current_);
  EXPECT_EQ(current_->process, 4711);
  stream.reset();
  EXPECT_EQ(relay_.fast_path.traced.value, 0U);
  EXPECT_FALSE(current_);
  publish(1, TP_PASS_MTU, "in", "");
  EXPECT_TRUE(output_.items.empty());
}

}  // namespace
}  // namespace turnpike::app
