// SPDX-License-Identifier: Apache-2.0
#include "holding.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "clients.h"
#include "net_namespace.h"

namespace turnpike::load {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kStep{50};
constexpr size_t kRefreshesAtOnce = 128;
constexpr uint32_t kShortestLifetime = 10;  // seconds

// Tells when to end.
class Stop {
 public:
  static Result<Stop> watch() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) return fail_errno(errno, "signalfd");
    return Stop(std::move(fd));
  }

  bool asked() const {
    std::array<pollfd, 2> ready{pollfd{signals_.get(), POLLIN, 0}, pollfd{input_, POLLIN, 0}};
    if (::poll(ready.data(), ready.size(), 0) <= 0) return false;
    return ready[0].revents != 0 || (ready[1].revents != 0 && input_ended());
  }

 private:
  explicit Stop(UniqueFd signals) : signals_(std::move(signals)), input_(watched_input()) {}

  // A shell gives /dev/null to what it starts in the background: its end says nothing.
  static int watched_input() {
    struct stat input {};
    const bool ends = ::fstat(STDIN_FILENO, &input) == 0 &&
                      (S_ISFIFO(input.st_mode) || S_ISSOCK(input.st_mode) || ::isatty(STDIN_FILENO) != 0);
    return ends ? STDIN_FILENO : -1;
  }

  static bool input_ended() {
    std::array<char, 256> ignored;
    return ::read(STDIN_FILENO, ignored.data(), ignored.size()) == 0;
  }

  UniqueFd signals_;
  int input_;
};

// Refreshes the allocations in turn so that each has its turn within half its lifetime.
class Refresher {
 public:
  Refresher(std::vector<Allocation>& allocations, Requester& requester, const Target& target)
      : allocations_(allocations), requester_(requester), target_(target), start_(Clock::now()) {
    uint32_t lifetime = 0;
    for (const Allocation& allocation : allocations)
      if (lifetime == 0 || allocation.lifetime < lifetime) lifetime = allocation.lifetime;
    period_ = std::chrono::seconds(std::max(lifetime, kShortestLifetime)) / 2;
  }

  Result<void> step() {
    const double rounds = std::chrono::duration<double>(Clock::now() - start_) / period_;
    const auto due = static_cast<uint64_t>(rounds * static_cast<double>(allocations_.size()));
    for (; refreshed_ < due && requester_.in_flight() < kRefreshesAtOnce; ++refreshed_)
      refresh(allocations_[refreshed_ % allocations_.size()]);
    requester_.step(kStep);
    return result_;
  }

 private:
  void refresh(Allocation& allocation) {
    const Request request{.method = stun::Method::kRefresh, .lifetime = allocation.lifetime};
    requester_.ask(allocation, request, [this, request](const Answer& answer) {
      if (!answer.ok() && result_)
        result_ =
            fail(ErrorCode::kSystem, "an allocation was lost: " + describe(request, answer, target_.relay));
    });
  }

  std::vector<Allocation>& allocations_;
  Requester& requester_;
  const Target& target_;
  Clock::time_point start_;
  std::chrono::duration<double> period_{};
  uint64_t refreshed_ = 0;
  Result<void> result_;
};

}  // namespace

Result<void> hold(const HoldOptions& options, const std::function<void(const Held&)>& ready) {
  auto stop = Stop::watch();
  if (!stop) return forward(stop);
  auto netns = NetNamespace::open(options.target.client_netns);
  if (!netns) return forward(netns);
  if (auto entered = netns->enter(); !entered) return entered;
  const Clock::time_point start = Clock::now();
  auto clients = Clients::open(options.target, 1, options.allocations);
  if (!clients) return forward(clients);
  Requester requester(clients->lane(0), options.target);
  auto allocations = allocate_all(*clients, requester, options.target, options.allocations);
  if (!allocations) return forward(allocations);
  ready({options.allocations, std::chrono::duration<double>(Clock::now() - start).count()});
  Refresher refresher(*allocations, requester, options.target);
  Result<void> result;
  while (result && !stop->asked())
    result = refresher.step();
  release_all(*allocations, requester);
  return result;
}

}  // namespace turnpike::load
