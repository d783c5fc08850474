// SPDX-License-Identifier: Apache-2.0
#include "fastpath/xdp_fast_path.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/epoll.h>

#include <fstream>
#include <mutex>
#include <string>
#include <thread>

#include "fastpath/allocation_table.h"
#include "fastpath/binding_table.h"
#include "fastpath/blocked_sources.h"
#include "fastpath/event_ring.h"
#include "fastpath/heap_limits.h"
#include "fastpath/interfaces.h"
#include "fastpath/kernel_sessions.h"
#include "fastpath/next_hops.h"
#include "fastpath/relay_control.h"
#include "fastpath/relay_program.h"

namespace turnpike::fastpath {
namespace {

MonotonicTime monotonic_now() {
  return read_clocks().monotonic;
}

// What create_xdp_fast_path() has put together and what refers to nothing in XdpFastPath.
struct Parts {
  std::unique_ptr<RelayProgram> program;
  RelayControl control;
  EventRing ring;
  net::RouteReader reader;
  net::RouteReader prober;  // for test packets, which are sent without the mutex that guards `reader`
  net::RouteMonitor monitor;
  Interfaces interfaces;
  std::unique_ptr<AllocationTable> allocations;
  BindingTable bindings;
  MappedArray<tp_next_hop> next_hops;
  UniqueFd events;  // an epoll over the monitor, the interfaces to try out and the ring
};

class XdpFastPath final : public FastPath {
 public:
  XdpFastPath(Parts parts, const TrafficRates& rates)
      : parts_(std::move(parts)),
        next_hops_(std::move(parts_.next_hops), parts_.reader, parts_.interfaces,
                   [this](uint32_t user, uint32_t hop) {
                     parts_.bindings.set_next_hop(user / 2, user % 2 == 0 ? End::kClient : End::kPeer, hop);
                   }),
        blocked_(*parts_.program, parts_.control),
        sessions_(*parts_.allocations, parts_.bindings, next_hops_, parts_.control, parts_.interfaces),
        beyond_(rates),
        cpus_(static_cast<unsigned>(libbpf_num_possible_cpus())) {
    parts_.control.answer_binding(!parts_.interfaces.hides_tags());
  }

  Result<void> set_allocation(const SessionRecord& session) override;
  void remove_allocation(AllocationId id) override;
  Result<void> permit(const Permission& permission) override;
  void forbid(AllocationId id, const IpAddress& peer) override;
  Result<void> install(const Binding& binding) override;
  void remove(AllocationId id, ChannelNumber channel) override;
  Admission admit(AllocationId id, Direction direction, size_t bytes, MonotonicTime now) override;
  bool limits_traffic() const override { return beyond_.limit(); }
  Result<void> block(const Prefix& source, MonotonicTime expires) override;
  void unblock(const Prefix& source) override;
  void path_changed(const IpAddress& destination) override;
  size_t finish_takeover() override;
  void keep() override;
  std::vector<InterfaceStatus> interfaces() const override;
  ReasonCounters reasons() const override;
  FlowStatus why(AllocationId id, ChannelNumber channel) const override;
  FlowStatus why_permitted(AllocationId id, const IpAddress& peer) const override;
  FlowCounters counters(AllocationId id) const override { return parts_.allocations->counters(id); }
  std::vector<TableUse> tables() const override;
  void on_event(std::function<void(const tp_event&)> callback) override;
  uint64_t trace(AllocationId id, uint32_t packets_per_second) override;
  int event_fd() const override { return parts_.events.get(); }
  void handle_events() override;

 private:
  // Routes, links and neighbours that changed.
  void follow_changes();
  // Runs the trials that interfaces wait for. Whether there were any.
  bool try_out_interfaces();
  void refresh_next_hops();

  std::mutex events_mutex_;   // guards the ring, the monitor and the prober; taken before mutex_
  mutable std::mutex mutex_;  // guards all below but what is thread-safe by itself
  Parts parts_;
  NextHops next_hops_;
  BlockedSources blocked_;
  KernelSessions sessions_;
  HeapLimits beyond_;  // of allocations that found a table full
  unsigned cpus_;
};

Result<void> XdpFastPath::set_allocation(const SessionRecord& session) {
  const std::lock_guard lock(mutex_);
  auto set = sessions_.set_allocation(session, monotonic_now());
  if (!set) beyond_.set(session);
  return set;
}

void XdpFastPath::remove_allocation(AllocationId id) {
  const std::lock_guard lock(mutex_);
  sessions_.remove_allocation(id, monotonic_now());
  beyond_.remove(id);
}

Result<void> XdpFastPath::permit(const Permission& permission) {
  const std::lock_guard lock(mutex_);
  return sessions_.permit(permission, monotonic_now());
}

void XdpFastPath::forbid(AllocationId id, const IpAddress& peer) {
  const std::lock_guard lock(mutex_);
  sessions_.forbid(id, peer, monotonic_now());
}

Result<void> XdpFastPath::install(const Binding& binding) {
  const std::lock_guard lock(mutex_);
  return sessions_.install(binding, monotonic_now());
}

void XdpFastPath::remove(AllocationId id, ChannelNumber channel) {
  const std::lock_guard lock(mutex_);
  sessions_.remove(id, channel, monotonic_now());
}

Admission XdpFastPath::admit(AllocationId id, Direction direction, size_t bytes, MonotonicTime now) {
  const auto admission = parts_.allocations->admit(id, direction, bytes, now);
  return admission ? *admission : beyond_.admit(id, direction, bytes, now);
}

Result<void> XdpFastPath::block(const Prefix& source, MonotonicTime expires) {
  const std::lock_guard lock(mutex_);
  return blocked_.block(source, expires, monotonic_now());
}

void XdpFastPath::unblock(const Prefix& source) {
  const std::lock_guard lock(mutex_);
  blocked_.unblock(source);
}

void XdpFastPath::path_changed(const IpAddress& destination) {
  const std::lock_guard lock(mutex_);
  next_hops_.reresolve(destination, monotonic_now());
}

size_t XdpFastPath::finish_takeover() {
  const std::lock_guard lock(mutex_);
  const MonotonicTime now = monotonic_now();
  const size_t ended = parts_.bindings.finish_takeover(now);
  parts_.allocations->finish_takeover(now);
  next_hops_.finish_takeover(now);
  blocked_.finish_takeover();
  parts_.interfaces.finish_takeover();
  return ended;
}

void XdpFastPath::keep() {
  const std::lock_guard lock(mutex_);
  parts_.interfaces.keep(true);
  next_hops_.keep(true);
}

std::vector<InterfaceStatus> XdpFastPath::interfaces() const {
  const std::lock_guard lock(mutex_);
  return parts_.interfaces.status();
}

ReasonCounters XdpFastPath::reasons() const {
  ReasonCounters sums{};
  std::vector<tp_counter> each(cpus_);
  for (uint32_t reason = 0; reason < sums.size(); ++reason) {
    if (bpf_map_lookup_elem(parts_.program->maps().reasons.fd, &reason, each.data()) != 0) continue;
    for (const tp_counter& cpu : each) {
      sums[reason].packets += cpu.packets;
      sums[reason].bytes += cpu.bytes;
    }
  }
  return sums;
}

FlowStatus XdpFastPath::why(AllocationId id, ChannelNumber channel) const {
  const std::lock_guard lock(mutex_);
  return sessions_.why(id, channel, monotonic_now());
}

FlowStatus XdpFastPath::why_permitted(AllocationId id, const IpAddress& peer) const {
  const std::lock_guard lock(mutex_);
  return sessions_.why(id, peer, monotonic_now());
}

std::vector<TableUse> XdpFastPath::tables() const {
  const std::lock_guard lock(mutex_);
  return {parts_.bindings.use(),
          parts_.bindings.flow_use(),
          parts_.allocations->use(),
          {"next_hops", next_hops_.used(), next_hops_.size() - 1, next_hops_.refused()},
          parts_.allocations->user_use(),
          blocked_.use()};
}

void XdpFastPath::on_event(std::function<void(const tp_event&)> callback) {
  const std::lock_guard lock(events_mutex_);
  parts_.ring.on_event(std::move(callback));
}

uint64_t XdpFastPath::trace(AllocationId id, uint32_t packets_per_second) {
  const std::lock_guard lock(mutex_);
  return parts_.control.trace(id, packets_per_second);
}

void XdpFastPath::handle_events() {
  const std::lock_guard events_lock(events_mutex_);
  parts_.ring.drain();
  follow_changes();
  if (try_out_interfaces()) refresh_next_hops();
}

void XdpFastPath::follow_changes() {
  const auto changes = parts_.monitor.drain();
  if (changes.routes) refresh_next_hops();
  for (const auto& [ifindex, address] : changes.neighbours) {
    const std::lock_guard lock(mutex_);
    next_hops_.follow_neighbour(ifindex, address);
  }
}

bool XdpFastPath::try_out_interfaces() {
  std::vector<Trial> trials;
  {
    const std::lock_guard lock(mutex_);
    trials = parts_.interfaces.take_trials();
  }
  for (Trial& trial : trials) {
    trial.run(parts_.prober);
    {
      const std::lock_guard lock(mutex_);
      parts_.interfaces.settle(std::move(trial));
      parts_.control.answer_binding(!parts_.interfaces.hides_tags());
    }
    follow_changes();  // trials take long: a neighbour with another MAC does not wait for all of them
  }
  return !trials.empty();
}

void XdpFastPath::refresh_next_hops() {
  {
    const std::lock_guard lock(mutex_);
    next_hops_.begin_refresh();
    parts_.control.answer_binding(!parts_.interfaces.hides_tags());
  }
  for (bool more = true; more;) {
    {
      const std::lock_guard lock(mutex_);
      more = next_hops_.continue_refresh(monotonic_now());
    }
    // A mutex is not fair: a thread that waits for it must wake up before it is locked again.
    if (more) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

// Expiries are this process' CLOCK_MONOTONIC, and the kernel's programs read the boot's.
Result<void> check_clock() {
  std::ifstream offsets("/proc/self/timens_offsets");  // not there: no time namespaces
  std::string clock;
  int64_t seconds = 0;
  int64_t nanoseconds = 0;
  while (offsets >> clock >> seconds >> nanoseconds)
    if (clock == "monotonic" && (seconds != 0 || nanoseconds != 0))
      return fail(ErrorCode::kUnsupported, "this time namespace is " + std::to_string(seconds) +
                                               " s off the clock that the kernel's programs read; start "
                                               "the relay outside a time namespace");
  return {};
}

Result<UniqueFd> watch(std::initializer_list<int> fds) {
  UniqueFd events(epoll_create1(EPOLL_CLOEXEC));
  if (!events) return fail_errno(errno, "epoll_create1");
  epoll_event event{};
  event.events = EPOLLIN;
  for (const int fd : fds)
    if (epoll_ctl(events.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail_errno(errno, "epoll_ctl");
  return events;
}

}  // namespace

Result<std::unique_ptr<FastPath>> create_xdp_fast_path(const XdpOptions& options, const Bpffs& bpffs) {
  if (auto clock = check_clock(); !clock) return forward(clock);
  auto loaded = RelayProgram::load(options, bpffs);
  if (!loaded) return forward(loaded);
  auto program = std::make_unique<RelayProgram>(std::move(*loaded));  // others refer to it
  auto control = RelayControl::create(*program, options);
  if (!control) return forward(control);
  auto ring = EventRing::open(program->maps().events.fd);
  if (!ring) return forward(ring);
  auto reader = net::RouteReader::create();
  if (!reader) return forward(reader);
  auto prober = net::RouteReader::create();
  if (!prober) return forward(prober);
  auto monitor = net::RouteMonitor::create();  // before anything is read, so that no change is missed
  if (!monitor) return forward(monitor);
  auto allocations = AllocationTable::create(*program, options.rates);
  if (!allocations) return forward(allocations);
  auto bindings = BindingTable::create(*program);
  if (!bindings) return forward(bindings);
  const KernelMap& hops = program->maps().next_hops;
  auto next_hops = MappedArray<tp_next_hop>::map(hops.fd, hops.max_entries);
  if (!next_hops) return forward(next_hops);
  auto interfaces = Interfaces::attach(*reader, options, *program, bpffs.directory());
  if (!interfaces) return forward(interfaces);
  auto events = watch({monitor->fd(), interfaces->event_fd(), ring->fd()});
  if (!events) return forward(events);
  auto fast_path = std::make_unique<XdpFastPath>(
      Parts{std::move(program), std::move(*control), std::move(*ring), std::move(*reader), std::move(*prober),
            std::move(*monitor), std::move(*interfaces), std::move(*allocations), std::move(*bindings),
            std::move(*next_hops), std::move(*events)},
      options.rates);
  if (bpffs.kept()) fast_path->keep();  // what was taken over outlives a start that fails
  return fast_path;
}

}  // namespace turnpike::fastpath
