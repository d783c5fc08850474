// SPDX-License-Identifier: Apache-2.0
#include "admin/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace turnpike::admin {
namespace {

constexpr std::chrono::seconds kTick{1};

bool would_block(int error_number) {
  return error_number == EAGAIN || error_number == EINTR;
}

}  // namespace

Connection::~Connection() = default;

Result<void> Connection::watch() {
  epoll_event event{};
  event.events = watched_ = EPOLLIN;
  event.data.u64 = tag_;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_.get(), &event) != 0)
    return fail_errno(errno, "admin socket: epoll_ctl");
  return {};
}

uint32_t Connection::wanted() const {
  if (stream_ && !closing_) return out_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT;
  return !out_.empty() || has_request() ? EPOLLOUT : EPOLLIN;
}

void Connection::rearm() {
  epoll_event event{};
  event.events = wanted();
  event.data.u64 = tag_;
  if (event.events == watched_) return;
  if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd_.get(), &event) == 0) watched_ = event.events;
}

bool Connection::read() {
  if (closing_) return true;
  if (stream_) return read_while_streaming();
  return !out_.empty() || has_request() || read_request();
}

bool Connection::read_request() {
  std::array<char, 16 * 1024> buffer{};
  while (!has_request()) {
    const size_t room = std::min(buffer.size(), kMaxRequestBytes - in_.size());
    if (room == 0) {
      queue(encode_answer(fail(ErrorCode::kInvalid, "expected a request of at most " +
                                                        std::to_string(kMaxRequestBytes) +
                                                        " bytes, newline included; got more")));
      closing_ = true;
      return true;
    }
    const ssize_t got = ::recv(fd_.get(), buffer.data(), room, 0);
    if (got < 0) return would_block(errno);
    if (got == 0) return false;
    in_.append(buffer.data(), static_cast<size_t>(got));
  }
  return true;
}

// Nothing is expected but the end, by which the client says that it wants no more.
bool Connection::read_while_streaming() {
  std::array<char, 1024> ignored{};
  const ssize_t got = ::recv(fd_.get(), ignored.data(), ignored.size(), 0);
  if (got < 0) return would_block(errno);
  if (got == 0) end();
  return true;
}

std::optional<std::string> Connection::take_request() {
  if (closing_ || stream_ || !out_.empty() || !has_request()) return std::nullopt;
  const size_t end = in_.find('\n');
  std::string line = in_.substr(0, end);
  in_.erase(0, end + 1);
  return line;
}

void Connection::queue(const std::string& line) {
  if (out_.empty()) waiting_since_ = Clock::now();
  // What has gone is cut off only when it is most of the text, so that this costs little a line.
  if (sent_ > waiting()) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
  out_ += line;
}

void Connection::open(std::unique_ptr<Stream> stream) {
  queue(encode_answer(stream->answer()));
  next_tick_ = Clock::now() + kTick;
  stream_ = std::move(stream);
}

bool Connection::push(const Json& item) {
  if (closing_) return false;
  const std::string line = encode_item(item);
  // What comes faster than the loop goes round need not wait for it. That the client has gone, epoll tells.
  if (waiting() + line.size() > kMaxStreamBytes) (void)write();
  if (waiting() + line.size() > kMaxStreamBytes) {
    ++dropped_;
    return false;
  }
  queue(line);
  rearm();
  return true;
}

void Connection::end() {
  if (!stream_ || closing_) return;
  queue(encode_end(stream_->finish()));
  closing_ = true;
  rearm();
}

pid_t Connection::client_process() const {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return 0;
  return credentials.pid;
}

bool Connection::write() {
  while (waiting() > 0) {
    const ssize_t put = ::send(fd_.get(), out_.data() + sent_, waiting(), MSG_NOSIGNAL);
    if (put < 0) return would_block(errno);
    waiting_since_ = Clock::now();
    sent_ += static_cast<size_t>(put);
  }
  out_.clear();
  out_.shrink_to_fit();
  sent_ = 0;
  return !closing_;
}

Connection::Clock::time_point Connection::due(std::chrono::milliseconds timeout) const {
  // A client that listens to a stream owes us nothing while there is nothing for it to take.
  const bool listens = stream_ && out_.empty();
  const auto limit = listens ? Clock::time_point::max() : waiting_since_ + timeout;
  return stream_ && !closing_ ? std::min(limit, next_tick_) : limit;
}

bool Connection::handle_time(Clock::time_point now, std::chrono::milliseconds timeout) {
  if (stream_ && !closing_ && next_tick_ <= now) {
    next_tick_ = now + kTick;
    stream_->tick();
  }
  return due(timeout) > now;
}

}  // namespace turnpike::admin
