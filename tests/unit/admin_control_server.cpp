// SPDX-License-Identifier: Apache-2.0
#include "admin/control_server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "admin/control_client.h"
#include "unit/admin_fixture.h"

namespace turnpike::admin {
namespace {

using std::chrono::milliseconds;

class ControlServerTest : public ::testing::Test {
 protected:
  void start(const ControlOptions& options = {}) {
    auto created = ControlServer::create(path_, options);
    ASSERT_TRUE(created) << created.error().message;
    server_ = std::move(*created);
    server_->handle("echo", [](const Json& args) -> Result<Json> { return args; });
    server_->handle("number", [](const Json& args) -> Result<Json> { return args.at("n").get<int>(); });
    server_->handle("no",
                    [](const Json&) -> Result<Json> { return fail(ErrorCode::kExhausted, "all gone"); });
    server_->handle("long", [](const Json& args) -> Result<Json> {
      return std::string(args.at("bytes").get<size_t>(), 'x');
    });
  }
  // What the server answers to `text`.
  std::string answer_to(const std::string& text) {
    RawClient client(path_);
    client.send(text);
    run_until_quiet(*server_);
    return client.receive();
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_ / "run/turnpike/test.sock";
  std::unique_ptr<ControlServer> server_;
};

TEST_F(ControlServerTest, AnswersWithOkOrError) {
  start();
  EXPECT_EQ(answer_to("{\"verb\":\"echo\",\"args\":{\"b\":1,\"a\":[true]}}\n"),
            "{\"ok\":{\"b\":1,\"a\":[true]}}\n");
  EXPECT_EQ(answer_to("{\"verb\":\"echo\"}\n"), "{\"ok\":{}}\n");
  EXPECT_EQ(answer_to("{\"verb\":\"no\"}\n"),
            "{\"error\":{\"code\":\"exhausted\",\"message\":\"all gone\"}}\n");
}

TEST_F(ControlServerTest, MakesDirectoryAndPrivateSocketAndRemovesIt) {
  const mode_t before = ::umask(0);
  start();
  ::umask(before);
  struct stat file {};
  ASSERT_EQ(::stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode, static_cast<mode_t>(S_IFSOCK | 0600));
  ASSERT_EQ(::stat((directory_ / "run/turnpike").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, static_cast<mode_t>(0755));
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ControlServerTest, RefusesWhatIsNoRequest) {
  start();
  const std::vector<std::string> wrong = {
      "\n",
      "garbage\n",
      "[1]\n",
      "{\"verb\":1}\n",
      "{\"args\":{}}\n",
      "{\"verb\":\"\"}\n",
      "{\"verb\":\"echo\",\"args\":[]}\n",
      "{\"verb\":\"echo\",\"more\":1}\n",
      std::string("{\"verb\":\"\xff\xfe\"}\n"),
      std::string("\0\0\n", 3),
      std::string(10000, '[') + "\n",
  };
  for (const std::string& line : wrong) {
    const auto answer = decode_answer(answer_to(line));
    ASSERT_FALSE(answer) << line;
    EXPECT_EQ(answer.error().code, ErrorCode::kInvalid) << line;
    EXPECT_NE(answer.error().message.find("expected"), std::string::npos) << answer.error().message;
  }
}

TEST_F(ControlServerTest, NamesTheVerbsItKnows) {
  start();
  const auto answer = decode_answer(answer_to("{\"verb\":\"ecco\"}\n"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(answer.error().message, "verb 'ecco' is not known; this relay knows: echo, long, no, number");
}

TEST_F(ControlServerTest, ExceptionsOfJsonBecomeAnswers) {
  start();
  for (const char* line : {"{\"verb\":\"number\"}\n", "{\"verb\":\"number\",\"args\":{\"n\":\"one\"}}\n"}) {
    const auto answer = decode_answer(answer_to(line));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::kInvalid);
  }
}

TEST_F(ControlServerTest, AnswersManyRequestsOfOneClientInOrder) {
  start();
  std::string requests;
  std::string answers;
  for (int i = 0; i < 1000; ++i) {
    requests += "{\"verb\":\"number\",\"args\":{\"n\":" + std::to_string(i) + "}}\n";
    answers += "{\"ok\":" + std::to_string(i) + "}\n";
  }
  RawClient client(path_);
  client.send(requests);
  std::string received;
  while (!client.ended() && received.size() < answers.size()) {
    run_until_quiet(*server_, milliseconds(1));
    received += client.receive();
  }
  EXPECT_EQ(received, answers);
}

TEST_F(ControlServerTest, TakesARequestInPieces) {
  start();
  RawClient client(path_);
  for (const char c : std::string("{\"verb\":\"echo\"}")) {
    client.send(std::string(1, c));
    run_until_quiet(*server_, milliseconds(0));
  }
  EXPECT_EQ(client.receive(), "");
  client.send("\n");
  run_until_quiet(*server_);
  EXPECT_EQ(client.receive(), "{\"ok\":{}}\n");
}

TEST_F(ControlServerTest, AnswersAClientThatHasEndedSending) {
  start();
  RawClient client(path_);
  client.send("{\"verb\":\"echo\"}\n{\"verb\":\"echo\"}\n{\"verb\":");
  client.end_sending();
  run_until_quiet(*server_);
  EXPECT_EQ(client.receive(), "{\"ok\":{}}\n{\"ok\":{}}\n");
  EXPECT_TRUE(client.ended());
}

TEST_F(ControlServerTest, RefusesAnOversizedLineAndEndsTheConnection) {
  start();
  RawClient client(path_);
  std::string line = "{\"verb\":\"echo\",\"args\":{\"x\":\"" + std::string(2 * kMaxRequestBytes, 'x');
  std::string answer;
  while (!client.ended() && !line.empty()) {
    const ssize_t sent = client.send(line);
    if (sent > 0) line.erase(0, static_cast<size_t>(sent));
    run_until_quiet(*server_, milliseconds(1));
    answer += client.receive();
  }
  EXPECT_TRUE(client.ended());
  const auto decoded = decode_answer(answer);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().message, "expected a request of at most 65536 bytes, newline included; got more");
}

TEST_F(ControlServerTest, TakesALineOfExactlyTheLimit) {
  start();
  const std::string head = "{\"verb\":\"echo\",\"args\":{\"x\":\"";
  const std::string tail = "\"}}\n";
  const std::string line = head + std::string(kMaxRequestBytes - head.size() - tail.size(), 'x') + tail;
  ASSERT_EQ(line.size(), kMaxRequestBytes);
  EXPECT_TRUE(decode_answer(answer_to(line)));
}

TEST_F(ControlServerTest, EndsClientsThatDoNotFinishTheirRequest) {
  start({.client_timeout = milliseconds(300)});
  RawClient idle(path_);
  RawClient slow(path_);
  slow.send("{");
  run_until_quiet(*server_, milliseconds(150));
  slow.send("\"");  // a byte now and then does not buy time
  run_until_quiet(*server_, milliseconds(500));
  EXPECT_EQ(slow.receive(), "");
  EXPECT_TRUE(slow.ended());
  EXPECT_EQ(idle.receive(), "");
  EXPECT_TRUE(idle.ended());
  EXPECT_EQ(answer_to("{\"verb\":\"echo\"}\n"), "{\"ok\":{}}\n");
}

TEST_F(ControlServerTest, ALongAnswerWaitsForItsReaderAndHoldsUpNobody) {
  start({.client_timeout = milliseconds(2000)});
  constexpr size_t kBytes = 1024 * 1024;
  const std::string request = "{\"verb\":\"long\",\"args\":{\"bytes\":" + std::to_string(kBytes) + "}}\n";
  RawClient reader(path_);
  RawClient sleeper(path_);
  reader.send(request);
  sleeper.send(request);
  run_until_quiet(*server_, milliseconds(1));
  EXPECT_EQ(answer_to("{\"verb\":\"echo\"}\n"), "{\"ok\":{}}\n");

  std::string answer;
  while (!reader.ended() && !answer.ends_with("\n")) {
    answer += reader.receive();
    run_until_quiet(*server_, milliseconds(1));
  }
  EXPECT_EQ(answer.size(), kBytes + std::string("{\"ok\":\"\"}\n").size());
  run_until_quiet(*server_, milliseconds(2500));
  EXPECT_LT(sleeper.receive().size(), kBytes);
  EXPECT_TRUE(sleeper.ended());
}

TEST_F(ControlServerTest, RefusesMoreClientsThanItsLimit) {
  start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (size_t i = 0; i < kMaxClients; ++i) {
    clients.push_back(std::make_unique<RawClient>(path_));
    run_until_quiet(*server_, milliseconds(0));
  }
  RawClient one_more(path_);
  run_until_quiet(*server_);
  const auto refusal = decode_answer(one_more.receive());
  ASSERT_FALSE(refusal);
  EXPECT_EQ(refusal.error().code, ErrorCode::kExhausted);
  EXPECT_TRUE(one_more.ended());

  clients.pop_back();
  run_until_quiet(*server_);
  EXPECT_EQ(answer_to("{\"verb\":\"echo\"}\n"), "{\"ok\":{}}\n");
}

TEST_F(ControlServerTest, OutlastsAShortageOfDescriptors) {
  start();
  RawClient client(path_);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  client.send("{\"verb\":\"echo\"}\n");
  server_->handle_readable();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  pollfd ready{.fd = server_->fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&ready, 1, 0), 0) << "the waiting connection keeps the thread awake";
  run_until_quiet(*server_, milliseconds(700));
  EXPECT_EQ(client.receive(), "{\"ok\":{}}\n");
}

TEST_F(ControlServerTest, ReplacesTheSocketOfADeadProcess) {
  start();
  const std::string kept = path_ + ".kept";
  ASSERT_EQ(::link(path_.c_str(), kept.c_str()), 0);
  server_.reset();
  ASSERT_EQ(::rename(kept.c_str(), path_.c_str()), 0);
  ASSERT_FALSE(RawClient(path_).connected());
  start();
  EXPECT_EQ(answer_to("{\"verb\":\"echo\"}\n"), "{\"ok\":{}}\n");
}

TEST_F(ControlServerTest, DoesNotPushOutALivingRelay) {
  start();
  const auto second = ControlServer::create(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kInUse);
  EXPECT_NE(second.error().message.find("another relay answers there"), std::string::npos);
  run_until_quiet(*server_);
  EXPECT_EQ(answer_to("{\"verb\":\"echo\"}\n"), "{\"ok\":{}}\n");
}

TEST_F(ControlServerTest, LeavesOtherFilesAlone) {
  const std::string file = directory_ / "notes.txt";
  std::ofstream(file) << "mine";
  const auto server = ControlServer::create(file);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::kInUse);
  EXPECT_EQ(std::filesystem::file_size(file), 4U);

  start();
  std::filesystem::remove(path_);
  std::ofstream(path_) << "mine";
  server_.reset();
  EXPECT_TRUE(std::filesystem::exists(path_)) << "a file that is not ours any more was removed";
}

TEST_F(ControlServerTest, RefusesAPathThatASocketCannotHave) {
  for (const std::string& path : {std::string(), directory_ / std::string(108, 'x')}) {
    const auto server = ControlServer::create(path);
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().code, ErrorCode::kInvalid);
  }
}

TEST_F(ControlServerTest, ServesControlClients) {
  start();
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  std::atomic<int> finished = 0;
  for (int i = 0; i < 16; ++i)
    threads.emplace_back([this, i, &good, &finished] {
      auto client = ControlClient::connect(path_);
      for (int n = 0; client && n < 20; ++n) {
        const auto answer = client->ask({.verb = "number", .args = {{"n", 100 * i + n}}});
        if (answer && *answer == 100 * i + n) ++good;
      }
      ++finished;
    });
  while (finished < 16)
    run_until_quiet(*server_, milliseconds(5));
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(good, 16 * 20);
}

TEST_F(ControlServerTest, ControlClientTellsWhatIsWrong) {
  const auto nobody = ControlClient::connect(path_);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(nobody.error().message, "no relay answers at " + path_);

  start();
  std::thread asking([this] {
    auto client = ControlClient::connect(path_);
    ASSERT_TRUE(client);
    const auto answer = client->ask({.verb = "no"});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::kExhausted);
    EXPECT_EQ(answer.error().message, "all gone");
  });
  run_until_quiet(*server_, milliseconds(200));
  asking.join();

  auto unanswered = ControlClient::connect(path_, Seconds(1));
  ASSERT_TRUE(unanswered);
  const auto late = unanswered->ask({.verb = "echo"});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().message, "the relay at " + path_ + " did not answer in time");
}

TEST(ControlProtocol, ErrorCodesHaveNamesBothWays) {
  for (const ErrorCode code :
       {ErrorCode::kInvalid, ErrorCode::kNotFound, ErrorCode::kInUse, ErrorCode::kPermission,
        ErrorCode::kUnsupported, ErrorCode::kExhausted, ErrorCode::kSystem})
    EXPECT_EQ(error_code_from(to_string(code)), code);
  EXPECT_EQ(error_code_from("unheard of"), std::nullopt);
}

TEST(ControlProtocol, AnswersOfAnotherFormAreRefused) {
  for (const char* line : {"", "x", "[]", "{}", "{\"error\":1}"})
    EXPECT_FALSE(decode_answer(line)) << line;
  EXPECT_EQ(decode_answer("{\"error\":{}}").error().code, ErrorCode::kSystem);
}

TEST(ControlProtocol, TextThatIsNotUtf8IsReplaced) {
  EXPECT_EQ(encode_answer(Json("a\xff")), "{\"ok\":\"a\xef\xbf\xbd\"}\n");
}

}  // namespace
}  // namespace turnpike::admin
