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

using Clock = Connection::Clock;

constexpr uint64_t kListenerTag = 0;
constexpr uint64_t kTimerTag = 1;
constexpr uint64_t kFirstClientTag = 2;
constexpr std::chrono::milliseconds kAcceptPause{500};

Result<void> watch(int epoll, int operation, int fd, uint32_t events, uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  if (::epoll_ctl(epoll, operation, fd, &event) != 0) return fail_errno(errno, "admin socket: epoll_ctl");
  return {};
}

}  // namespace

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

void ControlServer::handle_stream(std::string verb, StreamHandler handler) {
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
      handle_timer();
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
  auto client = std::make_unique<Connection>(std::move(fd), epoll_.get(), tag);
  if (client->watch()) clients_.emplace(tag, std::move(client));
}

void ControlServer::serve(uint64_t tag, uint32_t events) {
  const auto found = clients_.find(tag);
  if (found == clients_.end()) return;
  Connection& client = *found->second;
  bool alive = (events & EPOLLERR) == 0 && client.read();
  if (alive) {
    if (const auto line = client.take_request(); line) answer(client, *line);
    alive = client.write();
  }
  if (alive) {
    client.rearm();
  } else {
    clients_.erase(found);
  }
}

void ControlServer::answer(Connection& client, std::string_view line) {
  const auto request = decode_request(line);
  if (!request) return client.queue(encode_answer(forward(request)));
  const auto found = handlers_.find(request->verb);
  if (found == handlers_.end()) {
    std::string known;
    for (const auto& [verb, unused] : handlers_)
      known += (known.empty() ? "" : ", ") + verb;
    return client.queue(encode_answer(
        fail(ErrorCode::kNotFound, "verb '" + request->verb + "' is not known; this relay knows: " + known)));
  }
  try {
    if (const auto* handler = std::get_if<Handler>(&found->second))
      return client.queue(encode_answer((*handler)(request->args)));
    auto stream = std::get<StreamHandler>(found->second)(request->args, client);
    if (!stream) return client.queue(encode_answer(forward(stream)));
    client.open(std::move(*stream));
  } catch (const Json::exception& wrong) {
    client.queue(
        encode_answer(fail(ErrorCode::kInvalid, "args of '" + request->verb + "': " + wrong.what())));
  }
}

void ControlServer::handle_timer() {
  uint64_t expirations = 0;
  (void)!::read(timer_.get(), &expirations, sizeof(expirations));
  const auto now = Connection::Clock::now();
  std::erase_if(clients_, [this, now](const auto& entry) {
    return !entry.second->handle_time(now, options_.client_timeout);
  });
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
    due = std::min(due, client->due(options_.client_timeout));
  itimerspec when{};
  if (due != Clock::time_point::max()) {
    const auto since_boot = std::chrono::nanoseconds(due.time_since_epoch()).count();
    when.it_value = {.tv_sec = since_boot / 1'000'000'000, .tv_nsec = since_boot % 1'000'000'000};
  }
  (void)::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

}  // namespace turnpike::admin
