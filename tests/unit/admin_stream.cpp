// SPDX-License-Identifier: Apache-2.0
//
// Streaming verbs on the admin socket.
#include "admin/stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "admin/control_client.h"
#include "unit/admin_fixture.h"

namespace turnpike::admin {
namespace {

using std::chrono::milliseconds;

const std::string kRequest = "{\"verb\":\"watch\"}\n";

// A verb that a test drives by hand.
struct Scripted {
  StreamOutput* output = nullptr;  // of the stream that was opened last
  int ticks = 0;
  int finished = 0;
  int destroyed = 0;
};

class ScriptedStream final : public Stream {
 public:
  explicit ScriptedStream(Scripted& script) : script_(script) {}
  ScriptedStream(const ScriptedStream&) = delete;
  ScriptedStream& operator=(const ScriptedStream&) = delete;
  ~ScriptedStream() override { ++script_.destroyed; }
  Json answer() const override { return "here it comes"; }
  void tick() override { ++script_.ticks; }
  Json finish() override {
    ++script_.finished;
    return {{"dropped", script_.output->dropped()}};
  }

 private:
  Scripted& script_;
};

class StreamTest : public ::testing::Test {
 protected:
  void start(const ControlOptions& options = {}) {
    auto created = ControlServer::create(path_, options);
    ASSERT_TRUE(created) << created.error().message;
    server_ = std::move(*created);
    server_->handle("echo", [](const Json& args) -> Result<Json> { return args; });
    server_->handle_stream("watch",
                           [this](const Json& args, StreamOutput& output) -> Result<std::unique_ptr<Stream>> {
                             if (args.contains("no"))
                               return fail(ErrorCode::kInUse, "somebody watches already");
                             if (args.contains("n")) (void)args.at("n").get<int>();
                             script_.output = &output;
                             return std::make_unique<ScriptedStream>(script_);
                           });
  }
  std::string received(RawClient& client) {
    run_until_quiet(*server_);
    return client.receive();
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_ / "test.sock";
  Scripted script_;
  std::unique_ptr<ControlServer> server_;
};

TEST_F(StreamTest, ItemsFollowTheAnswerAsTheyHappen) {
  start();
  RawClient client(path_);
  client.send(kRequest);
  EXPECT_EQ(received(client), "{\"ok\":\"here it comes\"}\n");
  EXPECT_EQ(script_.output->client_process(), ::getpid());
  EXPECT_TRUE(script_.output->push({{"n", 1}}));
  EXPECT_TRUE(script_.output->push(2));
  EXPECT_EQ(received(client), "{\"item\":{\"n\":1}}\n{\"item\":2}\n");
}

TEST_F(StreamTest, AStreamThatEndsItselfTellsTheEndAndCloses) {
  start();
  RawClient client(path_);
  client.send(kRequest);
  run_until_quiet(*server_);
  script_.output->push(1);
  script_.output->end();
  script_.output->end();
  EXPECT_FALSE(script_.output->push(2)) << "after the end";
  EXPECT_EQ(received(client), "{\"ok\":\"here it comes\"}\n{\"item\":1}\n{\"end\":{\"dropped\":0}}\n");
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(script_.finished, 1);
  EXPECT_EQ(script_.destroyed, 1);
}

TEST_F(StreamTest, AClientThatWantsNoMoreIsToldTheEnd) {
  start();
  RawClient client(path_);
  client.send(kRequest);
  run_until_quiet(*server_);
  client.end_sending();
  EXPECT_EQ(received(client), "{\"ok\":\"here it comes\"}\n{\"end\":{\"dropped\":0}}\n");
  EXPECT_EQ(script_.destroyed, 1);
}

TEST_F(StreamTest, AClientThatLeavesEndsItsStream) {
  start();
  auto client = std::make_unique<RawClient>(path_);
  client->send(kRequest);
  run_until_quiet(*server_);
  EXPECT_EQ(script_.destroyed, 0);
  client.reset();
  run_until_quiet(*server_);
  EXPECT_EQ(script_.destroyed, 1);
}

TEST_F(StreamTest, ARefusalIsAnAnswerLikeAnyOther) {
  start();
  RawClient client(path_);
  client.send("{\"verb\":\"watch\",\"args\":{\"no\":1}}\n");
  EXPECT_EQ(received(client), "{\"error\":{\"code\":\"in_use\",\"message\":\"somebody watches already\"}}\n");
  client.send("{\"verb\":\"watch\",\"args\":{\"n\":\"one\"}}\n");
  EXPECT_EQ(decode_answer(received(client)).error().code, ErrorCode::kInvalid);
  client.send("{\"verb\":\"echo\"}\n");
  EXPECT_EQ(received(client), "{\"ok\":{}}\n") << "the connection goes on";
}

TEST_F(StreamTest, ASlowReaderLosesItemsAndHoldsUpNobody) {
  start();
  RawClient slow(path_);
  slow.send(kRequest);
  run_until_quiet(*server_);
  const std::string item(100'000, 'x');
  uint64_t taken = 0;
  for (int i = 0; i < 100; ++i)
    if (script_.output->push(item)) ++taken;
  EXPECT_GT(taken, kMaxStreamBytes / item.size()) << "what the socket takes need not wait";
  EXPECT_LT(taken, 100u);
  EXPECT_EQ(script_.output->dropped(), 100 - taken);
  RawClient other(path_);
  other.send("{\"verb\":\"echo\"}\n");
  EXPECT_EQ(received(other), "{\"ok\":{}}\n");

  script_.output->end();
  std::string all;
  while (!slow.ended())
    all += received(slow);
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), static_cast<long>(taken) + 2) << "whole lines only";
  EXPECT_TRUE(all.ends_with("{\"end\":{\"dropped\":" + std::to_string(100 - taken) + "}}\n"));
}

TEST_F(StreamTest, AReaderThatTakesNothingIsLetGo) {
  start({.client_timeout = milliseconds(300)});
  RawClient stuck(path_);
  stuck.send(kRequest);
  run_until_quiet(*server_);
  while (script_.output->dropped() == 0)
    script_.output->push(std::string(100'000, 'x'));
  run_until_quiet(*server_, milliseconds(1500));
  EXPECT_EQ(script_.destroyed, 1);
}

TEST_F(StreamTest, AQuietStreamMayLastAndIsTicked) {
  start({.client_timeout = milliseconds(200)});
  RawClient client(path_);
  client.send(kRequest);
  const auto end = std::chrono::steady_clock::now() + milliseconds(2300);
  while (std::chrono::steady_clock::now() < end)
    run_until_quiet(*server_, milliseconds(50));
  EXPECT_GE(script_.ticks, 1);
  EXPECT_EQ(script_.destroyed, 0);
}

TEST_F(StreamTest, ServesAControlClient) {
  start();
  std::vector<int> items;
  Json summary;
  std::atomic<bool> finished = false;
  std::thread listening([this, &items, &summary, &finished] {
    auto client = ControlClient::connect(path_);
    ASSERT_TRUE(client);
    EXPECT_EQ(*client->ask({.verb = "watch"}), "here it comes");
    for (bool ended = false; !ended;) {
      const auto line = client->next();
      ASSERT_TRUE(line) << line.error().message;
      ended = line->end;
      if (ended) {
        summary = line->value;
      } else {
        items.push_back(line->value.get<int>());
        if (items.size() == 100) client->stop();
      }
    }
    finished = true;
  });
  while (script_.output == nullptr)
    run_until_quiet(*server_, milliseconds(1));
  for (int i = 0; i < 100; ++i)
    script_.output->push(i);
  while (!finished)
    run_until_quiet(*server_, milliseconds(1));
  listening.join();
  ASSERT_EQ(items.size(), 100U);
  EXPECT_EQ(items.back(), 99);
  EXPECT_EQ(summary, (Json{{"dropped", 0}}));
}

TEST(ControlProtocol, LinesOfAStream) {
  EXPECT_EQ(decode_stream_line(encode_item(1))->value, 1);
  EXPECT_FALSE(decode_stream_line(encode_item(1))->end);
  EXPECT_TRUE(decode_stream_line(encode_end(nullptr))->end);
  for (const char* line : {"", "x", "[]", "{}", "{\"ok\":1}"})
    EXPECT_FALSE(decode_stream_line(line)) << line;
}

}  // namespace
}  // namespace turnpike::admin
