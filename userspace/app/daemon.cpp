// SPDX-License-Identifier: Apache-2.0
#include "app/daemon.h"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>

#include "app/cores.h"
#include "app/fast_path_choice.h"
#include "app/logging.h"
#include "app/report.h"
#include "app/socket_slots.h"
#include "auth/credentials.h"
#include "net/udp_socket.h"
#include "util/capabilities.h"

namespace turnpike::app {

namespace {

// Calls the steps in turn; the first error ends it.
template <class... Steps>
Result<void> in_turn(Daemon& daemon, Steps... steps) {
  Result<void> result;
  (void)((result = (daemon.*steps)(), result.has_value()) && ...);
  return result;
}

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::create(config::Config config) {
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(config)));
  auto loop = net::EventLoop::create();
  if (!loop) return forward(loop);
  daemon->loop_ = std::move(*loop);
  auto done = in_turn(*daemon, &Daemon::watch_signals, &Daemon::take_addresses, &Daemon::take_state,
                      &Daemon::take_fast_path, &Daemon::make_rules, &Daemon::follow_host_addresses,
                      &Daemon::make_workers, &Daemon::open_control);
  if (!done) return forward(done);
  return daemon;
}

// Before any thread starts: threads inherit the mask, and then only the descriptor tells of a signal.
Result<void> Daemon::watch_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&set, number);
  if (const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0)
    return fail_errno(error, "pthread_sigmask");
  signals_ = UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return fail_errno(errno, "signalfd");
  return loop_->add(signals_.get(), [this] { handle_signal(); });
}

void Daemon::handle_signal() {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != sizeof info) return;
  if (info.ssi_signo == SIGHUP) {
    spdlog::info("SIGHUP changes nothing; a restart reads the configuration anew");
    return;
  }
  spdlog::info("{}: stopping", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
  loop_->stop();
}

Result<void> Daemon::take_addresses() {
  auto addresses = choose_addresses(config_);
  if (!addresses) return forward(addresses);
  addresses_ = std::move(*addresses);
  if (auto capable = check_capabilities(); !capable) return capable;
  for (const Endpoint& listening : addresses_.listening) {
    if (auto free = net::check_port_free(listening); !free) return free;
  }
  return {};
}

Result<void> Daemon::take_state() {
  auto state = StateDir::open(config_.state_dir);
  if (!state) return forward(state);
  state_.emplace(std::move(*state));
  const auto generate = [this] { return auth::generate_secret(random_); };
  auto nonce_secret = state_->keep("nonce-secret", generate);
  if (!nonce_secret) return forward(nonce_secret);
  nonce_secret_ = std::move(*nonce_secret);
  if (!config_.auth.users.empty() || !config_.auth.secrets.empty()) return {};
  auto secret = state_->keep("secret", generate);
  if (!secret) return forward(secret);
  config_.auth.secrets.push_back(std::move(*secret));
  return {};
}

Result<void> Daemon::take_fast_path() {
  auto fast_path = choose_fast_path(config_, addresses_);
  if (!fast_path) return forward(fast_path);
  fast_path_ = std::move(*fast_path);
  fastpath::FastPath& kernel = *fast_path_;
  if (kernel.event_fd() < 0) return {};
  return loop_->add(kernel.event_fd(), [&kernel] { kernel.handle_events(); });
}

Result<void> Daemon::make_rules() {
  // Kept over restarts, so that clients' nonces are. 32 of its 43 characters are 192 bits of secret.
  auth::NonceMinter::Key key{};
  if (nonce_secret_.size() < key.size())
    return fail(ErrorCode::kInvalid, "expected at least 32 characters in " + config_.state_dir +
                                         "/nonce-secret, got " + std::to_string(nonce_secret_.size()) +
                                         "; remove it");
  std::copy_n(nonce_secret_.begin(), key.size(), key.begin());
  authenticator_ = std::make_unique<auth::RelayAuthenticator>(
      config_.realm, auth::StaticUsers(config_.auth.users), auth::RestSecrets(config_.auth.secrets),
      auth::NonceMinter(key, config_.auth.nonce_lifetime));
  const turn::PortRange range{config_.relay.first_port, config_.relay.last_port};
  policy_ = std::make_unique<guard::RelayPeerPolicy>(guard::PeerRules{config_.peers.allow, config_.peers.deny,
                                                                      addresses_.host, addresses_.listening,
                                                                      addresses_.relay, range});
  quota_ = std::make_unique<guard::SharedQuota>(
      guard::QuotaLimits{config_.limits.allocations, config_.limits.allocations_per_user});
  ports_ = std::make_unique<turn::RelayPorts>(addresses_.relay_local(), range);
  return {};
}

// An address that the host gets later must be refused as a peer like those that it had.
Result<void> Daemon::follow_host_addresses() {
  auto reader = net::RouteReader::create();
  if (!reader) return forward(reader);
  auto monitor = net::RouteMonitor::create();
  if (!monitor) return forward(monitor);
  routes_.emplace(std::move(*reader));
  route_monitor_.emplace(std::move(*monitor));
  read_host_addresses();  // what came since the policy was made
  return loop_->add(route_monitor_->fd(), [this] {
    if (route_monitor_->drain().routes) read_host_addresses();
  });
}

void Daemon::read_host_addresses() {
  const auto locals = routes_->addresses();
  if (!locals) return spdlog::warn("this host's addresses cannot be read: {}", locals.error().message);
  std::vector<IpAddress> addresses;
  addresses.reserve(locals->size());
  for (const net::LocalAddress& local : *locals)
    addresses.push_back(local.address);
  policy_->set_host_addresses(std::move(addresses));
}

Result<void> Daemon::make_workers() {
  const std::vector<int> cores = allowed_cores();
  const auto count = config_.workers > 0 ? config_.workers : static_cast<uint32_t>(cores.size());
  const SocketSlots slots{count, static_cast<uint32_t>(addresses_.listening.size())};
  auto steering = fastpath::Steering::create(
      {.max_ports = config_.limits.allocations * 2 + slots.endpoints, .max_sockets = slots.count()});
  if (!steering) return forward(steering);
  steering_ = std::move(*steering);

  Worker::Options options;
  options.listening = addresses_.listening;
  options.log_addresses = config_.log.addresses == "full";
  options.turn = {.realm = config_.realm,
                  .relay_addresses = addresses_.relay,
                  .workers = count,
                  .strict_channels = config_.strict_channels,
                  .software = {},
                  .default_lifetime = config_.limits.default_lifetime,
                  .max_lifetime = config_.limits.max_lifetime,
                  .max_permissions = config_.limits.permissions,
                  .max_channels = config_.limits.channels};
  for (uint32_t index = 0; index < count; ++index) {
    options.turn.worker = index;
    options.core = cores[index % cores.size()];
    auto worker = Worker::create(
        options, {*authenticator_, *policy_, *quota_, *ports_, reservations_, *fast_path_, *steering_});
    if (!worker) return forward(worker);
    workers_.push_back(std::move(*worker));
  }
  for (uint32_t endpoint = 0; endpoint < slots.endpoints; ++endpoint) {
    auto added = steering_->add_port(addresses_.listening[endpoint], slots.listening(endpoint, 0), count);
    if (!added) return added;
  }
  return {};
}

Result<void> Daemon::open_control() {
  const Now now = read_clocks();
  std::vector<WorkerHandle*> handles;
  for (const auto& worker : workers_)
    handles.push_back(worker.get());
  view_ = std::make_unique<RelayView>(RelayView{
      .config = config_,
      .fast_path = *fast_path_,
      .relay_ports = *ports_,
      .workers = std::move(handles),
      .listening = addresses_.listening,
      .relay_addresses = addresses_.relay,
      .started = now.monotonic,
      .started_wall = now.wall,
      .version = TURNPIKE_VERSION,
      .fast_path_summary = describe_interfaces(fast_path_->interfaces()),
      .credential_secret = config_.auth.secrets.empty() ? std::string() : config_.auth.secrets.front()});
  auto control = admin::ControlServer::create(config_.admin.socket);
  if (!control) return forward(control);
  control_ = std::move(*control);
  register_verbs(*control_, *view_);
  return loop_->add(control_->fd(), [this] { control_->handle_readable(); });
}

std::string Daemon::ready_line() const {
  std::string line = "ready: ";
  for (const Endpoint& listening : addresses_.listening)
    line += (&listening == &addresses_.listening.front() ? "turn:" : ", turn:") + listening.to_string();
  return line + " (udp), fast path " + view_->fast_path_summary + ", " + std::to_string(workers_.size()) +
         (workers_.size() == 1 ? " worker" : " workers");
}

void Daemon::run() {
  for (const auto& worker : workers_)
    worker->start();
  log_always(ready_line());
  loop_->run();
  for (const auto& worker : workers_)
    worker->stop();
}

}  // namespace turnpike::app
