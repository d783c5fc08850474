// SPDX-License-Identifier: Apache-2.0
#include "app/daemon.h"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "app/cores.h"
#include "app/event_log.h"
#include "app/fast_path_choice.h"
#include "app/logging.h"
#include "app/restore.h"
#include "app/socket_slots.h"
#include "app/table_watch.h"
#include "app/verbs.h"
#include "auth/credentials.h"
#include "net/udp_socket.h"
#include "util/capabilities.h"

namespace turnpike::app {

namespace {

constexpr Seconds kTick{1};
constexpr size_t kMaxSources = 65536;  // whose request budgets are remembered

uint32_t worker_count(const config::Config& config) {
  return config.workers > 0 ? config.workers : static_cast<uint32_t>(allowed_cores().size());
}

// Calls the steps in turn; the first error ends it.
template <class... Steps>
Result<void> in_turn(Daemon& daemon, Steps... steps) {
  Result<void> result;
  (void)((result = (daemon.*steps)(), result.has_value()) && ...);
  return result;
}

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::create(config::Config config, const Options& options) {
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(config), options));
  auto loop = net::EventLoop::create();
  if (!loop) return forward(loop);
  daemon->loop_ = std::move(*loop);
  auto done =
      in_turn(*daemon, &Daemon::watch_signals, &Daemon::take_addresses, &Daemon::take_state,
              &Daemon::open_control, &Daemon::take_pins, &Daemon::take_fast_path, &Daemon::make_rules,
              &Daemon::make_workers, &Daemon::accept_clients, &Daemon::take_over, &Daemon::answer_control);
  if (done) return daemon;
  if (daemon->pins_ && daemon->pins_->found()) daemon->leave_all_in_kernel();
  return forward(done);
}

// Before any thread starts: threads inherit the mask, and then only the descriptor tells of a signal.
Result<void> Daemon::watch_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1})
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
  keep_ |= info.ssi_signo == SIGUSR1;
  spdlog::info("SIG{}: stopping", sigabbrev_np(static_cast<int>(info.ssi_signo)));
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

// Needed without a fast path too: the records of the sessions live there.
Result<void> Daemon::take_pins() {
  auto pins = fastpath::Bpffs::open(config_.fastpath.bpffs);
  if (!pins) return forward(pins);
  pins_.emplace(std::move(*pins));
  if (!pins_->discarded().empty())
    spdlog::warn("what an earlier process left in {} cannot be gone on with, its sessions end: {}",
                 pins_->directory(), pins_->discarded());
  auto store = fastpath::SessionStore::open(*pins_, {.max_sessions = config_.limits.allocations,
                                                     .max_permissions = config_.fastpath.max_bindings,
                                                     .max_channels = config_.fastpath.max_bindings});
  if (!store) return forward(store);
  store_.emplace(std::move(*store));
  const uint32_t workers = worker_count(config_);
  const SocketSlots slots{workers, static_cast<uint32_t>(addresses_.listening.size())};
  auto steering = fastpath::Steering::create(
      {.max_ports = config_.limits.allocations * 2 + slots.endpoints, .max_sockets = slots.count()}, *pins_);
  if (!steering) return forward(steering);
  steering_ = std::move(*steering);
  return {};
}

Result<void> Daemon::take_fast_path() {
  auto fast_path = choose_fast_path(config_, addresses_, *pins_);
  if (!fast_path) return forward(fast_path);
  fast_path_ = std::move(*fast_path);
  if (fast_path_->limits_traffic()) limits_ = std::make_unique<TrafficLimits>(*fast_path_);
  fastpath::FastPath& kernel = *fast_path_;
  kernel.on_event([this](const tp_event& event) { handle_kernel_event(event); });
  if (kernel.event_fd() < 0) return {};
  return loop_->add(kernel.event_fd(), [&kernel] { kernel.handle_events(); });
}

void Daemon::handle_kernel_event(const tp_event& event) {
  if (event.kind == TP_EVENT_TOO_BIG && icmp_) icmp_->tell_too_big(event);
  if (event.kind == TP_EVENT_LIMIT) log_limit(event, limit_log_);
  events_.publish(event);
}

// One beyond that would have a relayed address whose peers are not heard, or no record.
uint32_t Daemon::most_allocations() const {
  const auto listening = static_cast<uint32_t>(addresses_.listening.size());
  const uint32_t ports = steering_->max_ports() - std::min(listening, steering_->max_ports());
  const uint32_t most = std::min(ports, store_->max_sessions());
  if (config_.limits.allocations <= most) return config_.limits.allocations;
  spdlog::warn(
      "limits.allocations is {}, but the maps of an earlier start have room for {}: no more are granted "
      "until a start after a stop without --keep",
      config_.limits.allocations, most);
  return most;
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
  sources_ = std::make_unique<guard::SourceList>(guard::SourceRates{
      config_.limits.source_requests_per_second, config_.limits.source_requests_burst, kMaxSources});
  blocks_ = std::make_unique<Blocks>(*state_, *sources_, *fast_path_);
  if (auto loaded = blocks_->load(read_clocks()); !loaded) return loaded;
  policy_ = std::make_unique<guard::RelayPeerPolicy>(guard::PeerRules{config_.peers.allow, config_.peers.deny,
                                                                      addresses_.host, addresses_.listening,
                                                                      addresses_.relay, range});
  quota_ = std::make_unique<guard::SharedQuota>(
      guard::QuotaLimits{most_allocations(), config_.limits.allocations_per_user});
  ports_ = std::make_unique<turn::RelayPorts>(addresses_.relay_local(), range);
  auto watch = HostAddressWatch::create(*loop_, *policy_);
  if (!watch) return forward(watch);
  address_watch_ = std::move(*watch);
  return {};
}

Worker::Options Daemon::worker_options(uint32_t workers) const {
  Worker::Options options;
  options.listening = addresses_.listening;
  options.log_addresses = config_.log.addresses == "full";
  options.turn = {.realm = config_.realm,
                  .relay_addresses = addresses_.relay,
                  .workers = workers,
                  .strict_channels = config_.strict_channels,
                  .software = {},
                  .default_lifetime = config_.limits.default_lifetime,
                  .max_lifetime = config_.limits.max_lifetime,
                  .max_permissions = config_.limits.permissions,
                  .max_channels = config_.limits.channels};
  return options;
}

Result<void> Daemon::make_workers() {
  const std::vector<int> cores = allowed_cores();
  const uint32_t count = worker_count(config_);
  Worker::Options options = worker_options(count);
  for (uint32_t index = 0; index < count; ++index) {
    options.turn.worker = index;
    options.core = cores[index % cores.size()];
    auto worker = Worker::create(options, {*authenticator_, *policy_, *quota_, *ports_, reservations_,
                                           *fast_path_, *steering_, *store_, limits_.get(), sources_.get()});
    if (!worker) return forward(worker);
    workers_.push_back(std::move(*worker));
  }
  auto icmp = IcmpRelay::create({*loop_, *fast_path_, *ports_, addresses_.listening, workers_});
  if (!icmp) return forward(icmp);
  icmp_ = std::move(*icmp);
  return {};
}

// From here on datagrams wait in the sockets of the workers that they are for.
Result<void> Daemon::accept_clients() {
  const auto count = static_cast<uint32_t>(workers_.size());
  const SocketSlots slots{count, static_cast<uint32_t>(addresses_.listening.size())};
  for (uint32_t endpoint = 0; endpoint < slots.endpoints; ++endpoint) {
    auto added = steering_->add_port(addresses_.listening[endpoint], fastpath::PortKind::kListening,
                                     slots.listening(endpoint, 0), count);
    if (!added)
      return fail(added.error().code,
                  addresses_.listening[endpoint].to_string() + ": " + added.error().message);
  }
  for (const auto& worker : workers_) {
    if (auto accepted = worker->accept_clients(); !accepted) return accepted;
  }
  return {};
}

// The first step that takes something away, and so the last that may fail: only then is it certain that there
// is a successor.
Result<void> Daemon::take_over() {
  auto restored = restore_sessions(*store_, addresses_.listening, workers_);
  if (!restored) return forward(restored);
  const size_t ports = steering_->finish_takeover();
  const size_t bindings = fast_path_->finish_takeover();
  taken_over_ = restored->sessions;
  if (pins_->found())
    spdlog::info("took over {} sessions, {} channels from an earlier process; ended {} bindings and {} ports",
                 restored->sessions, restored->channels, bindings, ports);
  return {};
}

// Who asks already waits for the answer until run().
Result<void> Daemon::open_control() {
  auto control = admin::ControlServer::create(config_.admin.socket);
  if (!control) return forward(control);
  control_ = std::move(*control);
  return loop_->add(control_->fd(), [this] { control_->handle_readable(); });
}

Result<void> Daemon::answer_control() {
  const Now now = read_clocks();
  std::vector<WorkerHandle*> handles;
  for (const auto& worker : workers_)
    handles.push_back(worker.get());
  view_ = std::make_unique<RelayView>(RelayView{
      .config = config_,
      .fast_path = *fast_path_,
      .events = events_,
      .blocks = *blocks_,
      .relay_ports = *ports_,
      .workers = std::move(handles),
      .listening = addresses_.listening,
      .relay_addresses = addresses_.relay,
      .started = now.monotonic,
      .started_wall = now.wall,
      .version = TURNPIKE_VERSION,
      .fast_path_summary = describe_interfaces(fast_path_->interfaces()),
      .credential_secret = config_.auth.secrets.empty() ? std::string() : config_.auth.secrets.front(),
      .taken_over = taken_over_,
      .discarded = pins_->discarded(),
      .icmp_ignored = [this] { return icmp_->ignored(); }});
  register_verbs(*control_, *view_);
  return {};
}

std::string Daemon::ready_line() const {
  std::string line = "ready: ";
  for (const Endpoint& listening : addresses_.listening)
    line += (&listening == &addresses_.listening.front() ? "turn:" : ", turn:") + listening.to_string();
  return line + " (udp), fast path " + view_->fast_path_summary + ", " + std::to_string(workers_.size()) +
         (workers_.size() == 1 ? " worker" : " workers");
}

// Once a second, on the control thread.
void Daemon::tick() {
  constexpr unsigned kTableInterval = 60;
  const Now now = read_clocks();
  blocks_->expire(now);
  if (ticks_++ % kTableInterval == 0) {
    for (const std::string& line : full_tables(fast_path_->tables()))
      spdlog::warn("{}", line);
  }
  loop_->set_timer(now.monotonic + kTick, [this] { tick(); });
}

void Daemon::leave_all_in_kernel() {
  if (fast_path_) fast_path_->keep();
  if (steering_) steering_->keep();
  pins_->keep(true);
}

void Daemon::run() {
  for (const auto& worker : workers_)
    worker->start();
  pins_->keep(false);
  tick();
  log_always(ready_line());
  loop_->run();
  for (const auto& worker : workers_)
    worker->stop();
  if (!keep_) return;
  leave_all_in_kernel();
  spdlog::info("everything stays in the kernel and goes on, pinned in {}; the next start takes it over",
               pins_->directory());
}

}  // namespace turnpike::app
