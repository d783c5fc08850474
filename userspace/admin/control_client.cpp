// SPDX-License-Identifier: Apache-2.0
#include "admin/control_client.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>

#include "admin/control_socket.h"
#include "util/fd.h"

namespace turnpike::admin {
namespace {

// A relay that refuses a request may stop reading before its end: what it answered still counts, so a failed
// send is left to the receiving side.
void send_all(int fd, const std::string& line) {
  for (size_t sent = 0; sent < line.size();) {
    const ssize_t put = ::send(fd, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (put < 0 && errno != EINTR) return;
    if (put > 0) sent += static_cast<size_t>(put);
  }
}

}  // namespace

Result<ControlClient> ControlClient::connect(const std::string& path, Seconds timeout) {
  const auto address = socket_address(path);
  if (!address) return forward(address);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno(errno, "admin socket");
  const timeval limit{.tv_sec = timeout.count(), .tv_usec = 0};
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) == 0)
    return ControlClient(path, std::move(fd));
  if (errno == ECONNREFUSED || errno == ENOENT || errno == ENOTDIR || errno == ENOTSOCK)
    return fail(ErrorCode::kNotFound, "no relay answers at " + path);
  return fail_errno(errno, "admin socket " + path);
}

Result<Json> ControlClient::ask(const Request& request) {
  send_all(fd_.get(), encode_request(request));
  const auto line = receive_line();
  if (!line) return forward(line);
  return decode_answer(*line);
}

Result<StreamLine> ControlClient::next() {
  const auto line = receive_line();
  if (!line) return forward(line);
  return decode_stream_line(*line);
}

void ControlClient::stop() {
  (void)::shutdown(fd_.get(), SHUT_WR);
}

Result<std::string> ControlClient::receive_line() {
  std::array<char, 64 * 1024> buffer{};
  size_t searched = taken_;
  for (;;) {
    if (const size_t end = buffer_.find('\n', searched); end != std::string::npos) {
      std::string line = buffer_.substr(taken_, end - taken_);
      taken_ = end + 1;
      return line;
    }
    buffer_.erase(0, taken_);
    taken_ = 0;
    searched = buffer_.size();
    if (buffer_.size() >= kMaxAnswerBytes)
      return fail(ErrorCode::kExhausted,
                  "the relay's answer is longer than " + std::to_string(kMaxAnswerBytes) + " bytes");
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN)
      return fail(ErrorCode::kSystem, "the relay at " + path_ + " did not answer in time");
    if (got < 0) return fail_errno(errno, "admin socket " + path_);
    if (got == 0) return fail(ErrorCode::kSystem, "the relay at " + path_ + " closed the connection early");
    buffer_.append(buffer.data(), static_cast<size_t>(got));
  }
}

}  // namespace turnpike::admin
