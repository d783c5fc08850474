// SPDX-License-Identifier: Apache-2.0
#include "admin/control_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace turnpike::admin {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kListenerTag = 0;
constexpr uint64_t kTimerTag = 1;
constexpr uint64_t kFirstClientTag = 2;
constexpr std::chrono::milliseconds kAcceptPause{500};

bool would_block(int error_number) {
  return error_number == EAGAIN || error_number == EINTR;
}

Result<void> watch(int epoll, int operation, int fd, uint32_t events, uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  if (::epoll_ctl(epoll, operation, fd, &event) != 0) return fail_errno(errno, "admin socket: epoll_ctl");
  return {};
}

}  // namespace

// One request at a time: while an answer waits to be taken, nothing more is read. So a client holds at most
// kMaxRequestBytes of requests and one answer.
struct ControlServer::Client {
  UniqueFd fd;
  // A whole request has the time-out from here; so has each part of an answer.
  Clock::time_point waiting_since = Clock::now();
  std::string in;
  std::string out;
  size_t sent = 0;       // of `out`
  bool closing = false;  // ends once `out` is sent

  bool has_request() const { return in.find('\n') != std::string::npos; }
};

Result<std::unique_ptr<ControlServer>> ControlServer::create(const std::string& path,
                                                             const ControlOptions& options) {
  auto socket = ControlSocket::listen(path);
  if (!socket) return forward(socket);
  std::unique_ptr<ControlServer> server(new ControlServer(std::move(*socket), options));
  if (auto started = server->start(); !started) return forward(started);
  return server;
}

ControlServer::ControlServer(ControlSocket socket, const ControlOptions& options)
    : socket_(std::move(socket)), options_(options), next_tag_(kFirstClientTag) {}

ControlServer::~ControlServer() = default;

Result<void> ControlServer::start() {
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!epoll_ || !timer_) return fail_errno(errno, "admin socket: epoll or timer");
  if (auto added = watch(epoll_.get(), EPOLL_CTL_ADD, timer_.get(), EPOLLIN, kTimerTag); !added) return added;
  return watch(epoll_.get(), EPOLL_CTL_ADD, socket_.fd(), EPOLLIN, kListenerTag);
}

void ControlServer::handle(std::string verb, Handler handler) {
  handlers_.insert_or_assign(std::move(verb), std::move(handler));
}

void ControlServer::handle_readable() {
  std::array<epoll_event, 64> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const uint64_t tag = events[i].data.u64;
    if (tag == kListenerTag) {
      accept_clients();
    } else if (tag == kTimerTag) {
      end_slow_clients();
    } else {
      serve(tag, events[i].events);
    }
  }
  arm_timer();
}

void ControlServer::accept_clients() {
  for (;;) {
    UniqueFd fd(::accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      add_client(std::move(fd));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      // The waiting connection would wake the control thread again and again.
      (void)watch(epoll_.get(), EPOLL_CTL_MOD, socket_.fd(), 0, kListenerTag);
      accepting_ = false;
      return;
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return;
    }
  }
}

void ControlServer::add_client(UniqueFd fd) {
  if (clients_.size() >= options_.max_clients) {
    const std::string refusal = encode_answer(
        fail(ErrorCode::kExhausted, "expected at most " + std::to_string(options_.max_clients) +
                                        " connections to the admin socket, this is one more; try later"));
    (void)::send(fd.get(), refusal.data(), refusal.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return;
  }
  const uint64_t tag = next_tag_++;
  if (!watch(epoll_.get(), EPOLL_CTL_ADD, fd.get(), EPOLLIN, tag)) return;
  auto client = std::make_unique<Client>();
  client->fd = std::move(fd);
  clients_.emplace(tag, std::move(client));
}

// At most one request a call, so that many in one write do not keep the thread from its other work.
void ControlServer::serve(uint64_t tag, uint32_t events) {
  const auto found = clients_.find(tag);
  if (found == clients_.end()) return;
  Client& client = *found->second;
  bool alive = (events & EPOLLERR) == 0;
  if (alive && client.out.empty() && !client.has_request()) alive = read_from(client);
  if (alive && client.out.empty() && client.has_request()) answer_next_line(client);
  if (alive) alive = write_to(client);
  if (!alive || (client.closing && client.out.empty())) {
    clients_.erase(found);
    return;
  }
  const bool more_to_do = !client.out.empty() || client.has_request();
  (void)watch(epoll_.get(), EPOLL_CTL_MOD, client.fd.get(), more_to_do ? EPOLLOUT : EPOLLIN, tag);
}

// False: the client is gone.
bool ControlServer::read_from(Client& client) {
  std::array<char, 16 * 1024> buffer{};
  while (!client.has_request()) {
    const size_t room = std::min(buffer.size(), kMaxRequestBytes - client.in.size());
    if (room == 0) {
      client.out = encode_answer(fail(ErrorCode::kInvalid, "expected a request of at most " +
                                                               std::to_string(kMaxRequestBytes) +
                                                               " bytes, newline included; got more"));
      client.closing = true;
      return true;
    }
    const ssize_t got = ::recv(client.fd.get(), buffer.data(), room, 0);
    if (got < 0) return would_block(errno);
    if (got == 0) return false;
    client.in.append(buffer.data(), static_cast<size_t>(got));
  }
  return true;
}

void ControlServer::answer_next_line(Client& client) {
  const size_t end = client.in.find('\n');
  client.out = answer(std::string_view(client.in).substr(0, end));
  client.sent = 0;
  client.in.erase(0, end + 1);
  client.waiting_since = Clock::now();
}

std::string ControlServer::answer(std::string_view line) {
  const auto request = decode_request(line);
  if (!request) return encode_answer(forward(request));
  const auto handler = handlers_.find(request->verb);
  if (handler == handlers_.end()) {
    std::string known;
    for (const auto& [verb, unused] : handlers_)
      known += (known.empty() ? "" : ", ") + verb;
    return encode_answer(
        fail(ErrorCode::kNotFound, "verb '" + request->verb + "' is not known; this relay knows: " + known));
  }
  try {
    return encode_answer(handler->second(request->args));
  } catch (const Json::exception& wrong) {
    return encode_answer(fail(ErrorCode::kInvalid, "args of '" + request->verb + "': " + wrong.what()));
  }
}

// False: the client is gone.
bool ControlServer::write_to(Client& client) {
  while (client.sent < client.out.size()) {
    const ssize_t put = ::send(client.fd.get(), client.out.data() + client.sent,
                               client.out.size() - client.sent, MSG_NOSIGNAL);
    if (put < 0) return would_block(errno);
    client.waiting_since = Clock::now();
    client.sent += static_cast<size_t>(put);
  }
  client.out.clear();
  client.out.shrink_to_fit();
  client.sent = 0;
  return true;
}

void ControlServer::end_slow_clients() {
  uint64_t expirations = 0;
  (void)!::read(timer_.get(), &expirations, sizeof(expirations));
  const auto limit = Clock::now() - options_.client_timeout;
  std::erase_if(clients_, [limit](const auto& entry) { return entry.second->waiting_since <= limit; });
  if (!accepting_) {
    accepting_ = true;
    (void)watch(epoll_.get(), EPOLL_CTL_MOD, socket_.fd(), EPOLLIN, kListenerTag);
  }
}

// To the first moment at which something is due; off when nothing is.
void ControlServer::arm_timer() {
  auto due = Clock::time_point::max();
  if (!accepting_) due = Clock::now() + kAcceptPause;
  for (const auto& [tag, client] : clients_)
    due = std::min(due, client->waiting_since + options_.client_timeout);
  itimerspec when{};
  if (due != Clock::time_point::max()) {
    const auto since_boot = std::chrono::nanoseconds(due.time_since_epoch()).count();
    when.it_value = {.tv_sec = since_boot / 1'000'000'000, .tv_nsec = since_boot % 1'000'000'000};
  }
  (void)::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

}  // namespace turnpike::admin
