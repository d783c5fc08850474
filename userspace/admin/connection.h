// SPDX-License-Identifier: Apache-2.0
//
// Connection: one client of the ControlServer: what came of its requests, what waits to be taken, its stream.
//
// One request at a time: while an answer waits to be taken, nothing more is read. So a client holds at most
// kMaxRequestBytes of requests, and one answer or kMaxStreamBytes of a stream.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "admin/stream.h"
#include "util/fd.h"

namespace turnpike::admin {

class Connection final : public StreamOutput {
 public:
  using Clock = std::chrono::steady_clock;

  // `epoll` tells of events with `tag` for data.
  Connection(UniqueFd fd, int epoll, uint64_t tag) : fd_(std::move(fd)), epoll_(epoll), tag_(tag) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() override;

  Result<void> watch();
  // Reads what has come, as far as there is a use for it. False: the client is gone.
  bool read();
  // A whole request, when the answer to the last one is on its way; at most one a call, so that many in one
  // write do not keep the thread from its other work.
  std::optional<std::string> take_request();
  // What is to go out next.
  void queue(const std::string& line);
  void open(std::unique_ptr<Stream> stream);
  // False: the client is gone, or has all that it is to get.
  bool write();
  // Asks epoll for what is wanted next.
  void rearm();

  // When something is due: a stream's tick, or the end of a client that keeps us waiting for `timeout`.
  Clock::time_point due(std::chrono::milliseconds timeout) const;
  // Does what is due. False: the client took too long.
  bool handle_time(Clock::time_point now, std::chrono::milliseconds timeout);

  bool push(const Json& item) override;
  uint64_t dropped() const override { return dropped_; }
  void end() override;
  pid_t client_process() const override;

 private:
  bool has_request() const { return in_.find('\n') != std::string::npos; }
  bool read_request();
  bool read_while_streaming();
  size_t waiting() const { return out_.size() - sent_; }
  uint32_t wanted() const;

  UniqueFd fd_;
  int epoll_;
  uint64_t tag_;
  uint32_t watched_ = 0;  // events
  // A whole request has the time-out from here; so has each part of what goes out.
  Clock::time_point waiting_since_ = Clock::now();
  std::string in_;
  std::string out_;
  size_t sent_ = 0;       // of out_
  bool closing_ = false;  // ends once out_ is sent
  uint64_t dropped_ = 0;
  Clock::time_point next_tick_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace turnpike::admin
