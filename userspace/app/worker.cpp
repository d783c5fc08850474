// SPDX-License-Identifier: Apache-2.0
#include "app/worker.h"

#include <pthread.h>
#include <sched.h>
#include <spdlog/spdlog.h>

#include <cstring>
#include <future>
#include <string>

#include "net/icmp_egress.h"
#include "net/socket_option.h"
#include "net/udp_socket.h"

namespace turnpike::app {

namespace {

// How many batches one socket may have in a row before the others get their turn.
constexpr int kBatchesInARow = 4;
// How often the records learn what was relayed.
constexpr Seconds kSaveInterval{1};

void pin_to(int core) {
  if (core < 0) return;
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<unsigned>(core), &cores);
  if (const int error = pthread_setaffinity_np(pthread_self(), sizeof cores, &cores); error != 0)
    spdlog::warn("a worker runs on any core, it cannot be pinned to core {}: {}", core, std::strerror(error));
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::create(const Options& options, const Surroundings& surroundings) {
  std::unique_ptr<Worker> worker(new Worker);
  worker->index_ = options.turn.worker;
  worker->core_ = options.core;
  const SocketSlots slots{options.turn.workers, static_cast<uint32_t>(options.listening.size())};
  if (auto opened = worker->open_sockets(options, slots, surroundings.steering); !opened)
    return forward(opened);

  auto egress = net::RawEgress::create();
  if (!egress) return forward(egress);
  auto icmp = net::IcmpEgress::create();
  if (!icmp) return forward(icmp);
  std::vector<CommandRunner::Listener> outputs;
  for (const Listener& listener : worker->listeners_)
    outputs.push_back({listener.local, listener.socket.get()});
  worker->runner_ = std::make_unique<CommandRunner>(
      outputs, std::move(*egress), std::move(*icmp),
      CommandRunner::Surroundings{surroundings.fast_path, surroundings.steering, surroundings.store,
                                  surroundings.ports, worker->index_, slots.relay(worker->index_),
                                  options.log_addresses});

  auto server = turn::Server::create(
      options.turn, {surroundings.authenticator, surroundings.peers, surroundings.quota, surroundings.ports,
                     surroundings.reservations, worker->random_, surroundings.limits, surroundings.sources});
  if (!server) return forward(server);
  worker->server_ = std::move(*server);
  auto loop = net::EventLoop::create();
  if (!loop) return forward(loop);
  worker->loop_ = std::move(*loop);
  if (auto watched = worker->watch_sockets(); !watched) return forward(watched);
  return worker;
}

Worker::~Worker() {
  stop();
}

Result<void> Worker::open_sockets(const Options& options, const SocketSlots& slots,
                                  fastpath::Steering& steering) {
  uint32_t endpoint = 0;
  for (const Endpoint& local : options.listening) {
    auto socket = net::open_listening_socket(local);
    if (!socket) return forward(socket);
    if (auto set = steering.set_socket(slots.listening(endpoint++, index_), socket->get()); !set) return set;
    listeners_.push_back({local, std::move(*socket)});
  }
  auto socket = net::open_relay_socket();
  if (!socket) return forward(socket);
  relay_socket_ = std::move(*socket);
  return steering.set_socket(slots.relay(index_), relay_socket_.get());
}

Result<void> Worker::watch_sockets() {
  for (const Listener& listener : listeners_) {
    auto added = loop_->add(listener.socket.get(), [this, &listener] { receive_from_clients(listener); });
    if (!added) return added;
  }
  return loop_->add(relay_socket_.get(), [this] { receive_from_peers(); });
}

Result<void> Worker::accept_clients() {
  for (const Listener& listener : listeners_) {
    if (auto accepted = net::accept_input(listener.socket.get()); !accepted) return accepted;
  }
  return {};
}

Result<void> Worker::restore(const SavedSession& saved) {
  const Now now = read_clocks();
  auto restored = server_->restore(saved, now);
  carry_out(now);
  return restored;
}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  loop_->stop();
  thread_.join();
  server_->save_counters();
  carry_out(read_clocks());
}

void Worker::run() {
  (void)pthread_setname_np(pthread_self(), ("worker-" + std::to_string(index_)).c_str());
  pin_to(core_);
  loop_->run();
}

bool Worker::run_on(const std::function<void(turn::Server&)>& fn) {
  // Shared, because set_value() may still be at work when the waiting thread goes on.
  const auto done = std::make_shared<std::promise<void>>();
  const bool accepted = loop_->post([this, &fn, done] {
    fn(*server_);
    carry_out(read_clocks());
    done->set_value();
  });
  if (accepted) done->get_future().wait();
  return accepted;
}

void Worker::hear_icmp(std::shared_ptr<const IcmpReport> report) {
  (void)loop_->post([this, report = std::move(report)] {
    const Now now = read_clocks();
    server_->handle_icmp(report->error(), now);
    carry_out(now);
  });
}

WorkerCounters Worker::counters() {
  WorkerCounters counters;
  (void)run_on([&](turn::Server&) {
    counters = counters_;
    runner_->add_counters(counters);
  });
  return counters;
}

void Worker::receive_from_clients(const Listener& listener) {
  for (int i = 0; i < kBatchesInARow; ++i) {
    const size_t count = batch_.receive(listener.socket.get());
    if (count == 0) return;
    const Now now = read_clocks();
    counters_.client_datagrams += count;
    for (size_t k = 0; k < count; ++k) {
      const net::ReceivedDatagram datagram = batch_[k];
      server_->handle_client(datagram.data, {datagram.remote, listener.local, Transport::kUdp}, datagram.ip,
                             now);
    }
    if (!save_at_) save_at_ = now.monotonic + kSaveInterval;
    carry_out(now);
    if (count < net::ReceiveBatch::kSize) return;
  }
}

void Worker::receive_from_peers() {
  for (int i = 0; i < kBatchesInARow; ++i) {
    const size_t count = batch_.receive(relay_socket_.get());
    if (count == 0) return;
    const Now now = read_clocks();
    counters_.peer_datagrams += count;
    for (size_t k = 0; k < count; ++k) {
      const net::ReceivedDatagram datagram = batch_[k];
      server_->handle_peer(datagram.data, datagram.remote, datagram.local, datagram.ip, now);
    }
    if (!save_at_) save_at_ = now.monotonic + kSaveInterval;
    carry_out(now);
    if (count < net::ReceiveBatch::kSize) return;
  }
}

void Worker::wake_up() {
  const Now now = read_clocks();
  server_->handle_timeout(now);
  if (save_at_ && now.monotonic >= *save_at_) {
    save_at_.reset();
    server_->save_counters();
  }
  carry_out(now);
}

// Once a batch: the queue keeps the order of its events, and one sendmmsg carries the answers of all.
void Worker::carry_out(const Now& now) {
  run_commands(now.monotonic);
  for (const IcmpReport& report : runner_->take_too_big())
    server_->handle_icmp(report.error(), now);
  run_commands(now.monotonic);
  auto when = server_->next_timeout();
  if (save_at_ && (!when || *save_at_ < *when)) when = save_at_;
  loop_->set_timer(when, [this] { wake_up(); });
}

void Worker::run_commands(MonotonicTime now) {
  turn::CommandQueue& queue = server_->commands();
  if (queue.empty()) return;
  runner_->run(queue, now);
  queue.clear();
}

}  // namespace turnpike::app
