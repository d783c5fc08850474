// SPDX-License-Identifier: Apache-2.0
#include "fastpath/xdp_fast_path.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "fastpath/binding_table.h"
#include "fastpath/bpffs.h"
#include "fastpath/interfaces.h"
#include "fastpath/next_hops.h"
#include "fastpath/probe.h"
#include "fastpath/relay_program.h"

namespace turnpike::fastpath {
namespace {

MonotonicTime monotonic_now() {
  return read_clocks().monotonic;
}

// Each binding uses two next hops.
uint32_t user_of(uint32_t slot, End end) {
  return slot * 2 + (end == End::kPeer ? 1 : 0);
}

bool same_flow(const Binding& one, const Binding& other) {
  return one.five_tuple == other.five_tuple && one.relayed == other.relayed && one.peer == other.peer;
}

void add_to(FlowCounters& sum, const FlowCounters& more) {
  sum.to_peer_packets += more.to_peer_packets;
  sum.to_peer_bytes += more.to_peer_bytes;
  sum.to_client_packets += more.to_client_packets;
  sum.to_client_bytes += more.to_client_bytes;
}

// What create_xdp_fast_path() has put together. Bpffs comes first: its pins go last.
struct Parts {
  Bpffs bpffs;
  RelayProgram program;
  net::RouteReader reader;
  net::RouteReader prober;  // for test packets, which are sent without the mutex that guards `reader`
  net::RouteMonitor monitor;
  Interfaces interfaces;
};

class XdpFastPath final : public FastPath {
 public:
  XdpFastPath(Parts parts, XdpOptions options)
      : parts_(std::move(parts)),
        options_(std::move(options)),
        allocation_slots_(0, options_.max_allocations),
        cpus_(static_cast<unsigned>(libbpf_num_possible_cpus())) {}
  // The parts of the construction that can fail.
  Result<void> map_tables();
  Result<void> watch_events();

  Result<void> set_allocation(AllocationId id, MonotonicTime expires) override;
  void remove_allocation(AllocationId id) override;
  Result<void> install(const Binding& binding) override;
  void remove(AllocationId id, ChannelNumber channel) override;
  std::vector<InterfaceStatus> interfaces() const override;
  ReasonCounters reasons() const override;
  FlowStatus why(AllocationId id, ChannelNumber channel) const override;
  FlowCounters counters(AllocationId id) const override;
  int event_fd() const override { return events_.get(); }
  void handle_events() override;

 private:
  struct Installed {
    uint32_t slot = 0;
    Binding binding;
  };
  struct Allocation {
    uint32_t slot = 0;
    FlowCounters ended;
    std::map<ChannelNumber, Installed> bindings;
    std::map<ChannelNumber, Error> refused;  // installs that failed, for why()
  };

  Result<void> install_new(Allocation& allocation, const Binding& binding, MonotonicTime now);
  void uninstall(Allocation& allocation, ChannelNumber channel, MonotonicTime now);
  tp_binding make_entry(const Allocation& allocation, uint32_t slot, const Binding& binding,
                        MonotonicTime now);
  bool is_relayed(const Endpoint& peer) const;
  // Sends test packets to the interfaces that wait for one. Whether there were any.
  bool try_out_interfaces();
  void refresh_next_hops();
  FlowStatus status_of(const Installed& installed) const;
  // One direction: why packets that come like those of `from` and go to `to` are not fast; empty: they are.
  std::pair<std::string, std::string> obstacle(const NextHops::State& from, const NextHops::State& to) const;

  UniqueFd events_;           // an epoll over the route monitor and the interfaces to try out
  std::mutex events_mutex_;   // guards the monitor and the prober; taken before mutex_
  mutable std::mutex mutex_;  // guards all below
  Parts parts_;
  XdpOptions options_;
  std::optional<BindingTable> bindings_;
  std::optional<MappedArray<tp_allocation>> allocation_entries_;
  SlotPool allocation_slots_;
  std::optional<NextHops> next_hops_;
  std::unordered_map<AllocationId, Allocation> allocations_;
  unsigned cpus_;
};

Result<void> XdpFastPath::map_tables() {
  auto bindings = BindingTable::create(parts_.program, options_.max_bindings);
  if (!bindings) return forward(bindings);
  bindings_.emplace(std::move(*bindings));
  auto entries = MappedArray<tp_allocation>::map(parts_.program.allocations(), options_.max_allocations);
  if (!entries) return forward(entries);
  allocation_entries_.emplace(std::move(*entries));
  auto hops = MappedArray<tp_next_hop>::map(parts_.program.next_hops(), options_.max_next_hops);
  if (!hops) return forward(hops);
  next_hops_.emplace(std::move(*hops), options_.max_next_hops, parts_.reader, parts_.interfaces,
                     [this](uint32_t user, uint32_t hop) {
                       bindings_->set_next_hop(user / 2, user % 2 == 0 ? End::kClient : End::kPeer, hop);
                     });
  return {};
}

Result<void> XdpFastPath::watch_events() {
  events_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!events_) return fail_errno(errno, "epoll_create1");
  epoll_event event{};
  event.events = EPOLLIN;
  for (const int fd : {parts_.monitor.fd(), parts_.interfaces.event_fd()})
    if (epoll_ctl(events_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail_errno(errno, "epoll_ctl");
  return {};
}

Result<void> XdpFastPath::set_allocation(AllocationId id, MonotonicTime expires) {
  const std::lock_guard lock(mutex_);
  auto found = allocations_.find(id);
  if (found == allocations_.end()) {
    const auto slot = allocation_slots_.take(monotonic_now());
    if (!slot)
      return fail(ErrorCode::kExhausted,
                  "the table of allocations is full (" + std::to_string(options_.max_allocations) + ")");
    found = allocations_.emplace(id, Allocation{*slot, {}, {}, {}}).first;
  }
  store_shared((*allocation_entries_)[found->second.slot].expires, __u64{kernel_nanoseconds(expires)});
  return {};
}

void XdpFastPath::remove_allocation(AllocationId id) {
  const std::lock_guard lock(mutex_);
  const auto found = allocations_.find(id);
  if (found == allocations_.end()) return;
  const MonotonicTime now = monotonic_now();
  Allocation& allocation = found->second;
  store_shared((*allocation_entries_)[allocation.slot].expires, __u64{0});
  while (!allocation.bindings.empty())
    uninstall(allocation, allocation.bindings.begin()->first, now);
  allocation_slots_.give_back(allocation.slot, now);
  allocations_.erase(found);
}

Result<void> XdpFastPath::install(const Binding& binding) {
  const std::lock_guard lock(mutex_);
  const auto found = allocations_.find(binding.allocation);
  if (found == allocations_.end())
    return fail(ErrorCode::kNotFound,
                "allocation " + binding.allocation.to_string() + " is unknown to the fast path");
  Allocation& allocation = found->second;
  const MonotonicTime now = monotonic_now();
  const auto known = allocation.bindings.find(binding.channel);
  if (known != allocation.bindings.end() && same_flow(known->second.binding, binding)) {
    known->second.binding = binding;
    bindings_->set_expiries(known->second.slot, binding);
    next_hops_->retry(user_of(known->second.slot, End::kClient), now);
    next_hops_->retry(user_of(known->second.slot, End::kPeer), now);
    return {};
  }
  if (known != allocation.bindings.end()) uninstall(allocation, binding.channel, now);
  auto installed = install_new(allocation, binding, now);
  if (installed) {
    allocation.refused.erase(binding.channel);
  } else {
    allocation.refused.insert_or_assign(binding.channel, installed.error());
  }
  return installed;
}

Result<void> XdpFastPath::install_new(Allocation& allocation, const Binding& binding, MonotonicTime now) {
  if (binding.five_tuple.transport != Transport::kUdp)
    return fail(ErrorCode::kUnsupported, "the client uses " +
                                             std::string(to_string(binding.five_tuple.transport)) +
                                             "; the kernel relays for clients on udp");
  const auto slot = bindings_->take(now);
  if (!slot) return forward(slot);
  auto published = bindings_->publish(*slot, make_entry(allocation, *slot, binding, now));
  if (!published) {
    next_hops_->remove(user_of(*slot, End::kClient), now);
    next_hops_->remove(user_of(*slot, End::kPeer), now);
    bindings_->give_back(*slot, now);
    return published;
  }
  allocation.bindings.emplace(binding.channel, Installed{*slot, binding});
  return {};
}

tp_binding XdpFastPath::make_entry(const Allocation& allocation, uint32_t slot, const Binding& binding,
                                   MonotonicTime now) {
  const FiveTuple& tuple = binding.five_tuple;
  tp_binding entry{};
  entry.flags = is_relayed(binding.peer) ? TP_BINDING_PEER_IS_RELAYED : 0;
  entry.channel_expires = kernel_nanoseconds(binding.channel_expires);
  entry.permission_expires = kernel_nanoseconds(binding.permission_expires);
  entry.allocation = allocation.slot;
  entry.client_next_hop =
      next_hops_->add(user_of(slot, End::kClient), tuple.server.address, tuple.client.address, now);
  entry.peer_next_hop =
      next_hops_->add(user_of(slot, End::kPeer), binding.relayed.address, binding.peer.address, now);
  entry.channel = htons(binding.channel.value);
  entry.client = to_abi(tuple.client);
  entry.server = to_abi(tuple.server);
  entry.relayed = to_abi(binding.relayed);
  entry.peer = to_abi(binding.peer);
  return entry;
}

bool XdpFastPath::is_relayed(const Endpoint& peer) const {
  const auto& ours = options_.relay_addresses;
  return peer.port >= options_.relay_first_port && peer.port <= options_.relay_last_port &&
         std::find(ours.begin(), ours.end(), peer.address) != ours.end();
}

void XdpFastPath::remove(AllocationId id, ChannelNumber channel) {
  const std::lock_guard lock(mutex_);
  const auto found = allocations_.find(id);
  if (found == allocations_.end()) return;
  found->second.refused.erase(channel);
  uninstall(found->second, channel, monotonic_now());
}

void XdpFastPath::uninstall(Allocation& allocation, ChannelNumber channel, MonotonicTime now) {
  const auto found = allocation.bindings.find(channel);
  if (found == allocation.bindings.end()) return;
  const uint32_t slot = found->second.slot;
  bindings_->withdraw(slot);
  add_to(allocation.ended, bindings_->counters(slot));
  next_hops_->remove(user_of(slot, End::kClient), now);
  next_hops_->remove(user_of(slot, End::kPeer), now);
  bindings_->give_back(slot, now);
  allocation.bindings.erase(found);
}

std::vector<InterfaceStatus> XdpFastPath::interfaces() const {
  const std::lock_guard lock(mutex_);
  return parts_.interfaces.status();
}

ReasonCounters XdpFastPath::reasons() const {
  ReasonCounters sums{};
  std::vector<tp_counter> each(cpus_);
  for (uint32_t reason = 0; reason < sums.size(); ++reason) {
    if (bpf_map_lookup_elem(parts_.program.reasons(), &reason, each.data()) != 0) continue;
    for (const tp_counter& cpu : each) {
      sums[reason].packets += cpu.packets;
      sums[reason].bytes += cpu.bytes;
    }
  }
  return sums;
}

FlowStatus XdpFastPath::why(AllocationId id, ChannelNumber channel) const {
  const std::lock_guard lock(mutex_);
  const auto found = allocations_.find(id);
  if (found == allocations_.end()) return {false, false, "the allocation is unknown to the fast path", ""};
  const Allocation& allocation = found->second;
  if (const auto installed = allocation.bindings.find(channel); installed != allocation.bindings.end())
    return status_of(installed->second);
  if (const auto refused = allocation.refused.find(channel); refused != allocation.refused.end())
    return {false, false, refused->second.message, ""};
  return {false, false, "the allocation has no such channel in the fast path", ""};
}

FlowStatus XdpFastPath::status_of(const Installed& installed) const {
  const NextHops::State client = next_hops_->state(user_of(installed.slot, End::kClient));
  const Binding& binding = installed.binding;
  if (is_relayed(binding.peer)) {  // both directions come from a client and go to a client
    if (!bindings_->has_peer_flow(binding.relayed, binding.peer))
      return {false, false,
              "peer " + binding.peer.to_string() +
                  " is a relayed address of this host whose client "
                  "has bound no channel to " +
                  binding.relayed.to_string(),
              ""};
    const auto [reason, remedy] = obstacle(client, client);
    return {reason.empty(), reason.empty(), reason, remedy};
  }
  const NextHops::State peer = next_hops_->state(user_of(installed.slot, End::kPeer));
  const auto to_peer = obstacle(client, peer);
  const auto to_client = obstacle(peer, client);
  const auto& [reason, remedy] = to_peer.first.empty() ? to_client : to_peer;
  return {to_peer.first.empty(), to_client.first.empty(), reason, remedy};
}

std::pair<std::string, std::string> XdpFastPath::obstacle(const NextHops::State& from,
                                                          const NextHops::State& to) const {
  if (!to.resolved) return {to.reason, to.remedy};
  if (from.ifindex == 0) return {from.reason, from.remedy};
  if (parts_.interfaces.carries(from.ifindex)) return {};
  for (const InterfaceStatus& status : parts_.interfaces.status())
    if (status.ifindex == from.ifindex)
      return {
          "packets come in by " + status.name + ", which does not carry the XDP program: " + status.reason,
          status.remedy};
  return {"packets come in by " + from.interface + ", which is not one of the fast path's interfaces",
          "add \"" + from.interface + "\" to [fastpath] interfaces"};
}

FlowCounters XdpFastPath::counters(AllocationId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = allocations_.find(id);
  if (found == allocations_.end()) return {};
  FlowCounters sum = found->second.ended;
  for (const auto& [channel, installed] : found->second.bindings)
    add_to(sum, bindings_->counters(installed.slot));
  return sum;
}

void XdpFastPath::handle_events() {
  const std::lock_guard events_lock(events_mutex_);
  const auto changes = parts_.monitor.drain();
  const bool tried = try_out_interfaces();
  if (changes.routes || tried) return refresh_next_hops();
  for (const auto& [ifindex, address] : changes.neighbours) {
    const std::lock_guard lock(mutex_);
    next_hops_->follow_neighbour(ifindex, address);
  }
}

bool XdpFastPath::try_out_interfaces() {
  std::vector<unsigned> untried;
  {
    const std::lock_guard lock(mutex_);
    untried = parts_.interfaces.take_untried();
  }
  for (const unsigned ifindex : untried) {
    const auto link = parts_.prober.link(ifindex);
    if (!link || !link->up) continue;  // noted again when it comes (back) up
    const auto outcome = probe_transmit(parts_.prober, *link);
    if (const auto after = parts_.prober.link(ifindex); !after || !after->up) continue;
    const std::lock_guard lock(mutex_);
    parts_.interfaces.tried(ifindex, outcome);
  }
  return !untried.empty();
}

void XdpFastPath::refresh_next_hops() {
  {
    const std::lock_guard lock(mutex_);
    next_hops_->begin_refresh();
  }
  for (bool more = true; more;) {
    {
      const std::lock_guard lock(mutex_);
      more = next_hops_->continue_refresh(monotonic_now());
    }
    // A mutex is not fair: a thread that waits for it must wake up before it is locked again.
    if (more) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

}  // namespace

Result<std::unique_ptr<FastPath>> create_xdp_fast_path(const XdpOptions& options) {
  auto bpffs = Bpffs::open(options.bpffs);
  if (!bpffs) return forward(bpffs);
  if (bpffs->removed_stale() > 0)
    spdlog::warn("{}: removed {} pins that an earlier turnpiked left without stopping", bpffs->directory(),
                 bpffs->removed_stale());
  auto program = RelayProgram::load(options, bpffs->directory());
  if (!program) return forward(program);
  auto reader = net::RouteReader::create();
  if (!reader) return forward(reader);
  auto prober = net::RouteReader::create();
  if (!prober) return forward(prober);
  auto monitor = net::RouteMonitor::create();  // before anything is read, so that no change is missed
  if (!monitor) return forward(monitor);
  auto interfaces = Interfaces::attach(*reader, options, program->program(), bpffs->directory());
  if (!interfaces) return forward(interfaces);
  auto fast_path =
      std::make_unique<XdpFastPath>(Parts{std::move(*bpffs), std::move(*program), std::move(*reader),
                                          std::move(*prober), std::move(*monitor), std::move(*interfaces)},
                                    options);
  if (auto mapped = fast_path->map_tables(); !mapped) return forward(mapped);
  if (auto watched = fast_path->watch_events(); !watched) return forward(watched);
  return fast_path;
}

}  // namespace turnpike::fastpath
