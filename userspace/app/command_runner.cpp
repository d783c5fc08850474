// SPDX-License-Identifier: Apache-2.0
#include "app/command_runner.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "app/event_log.h"
#include "net/path_mtu.h"

namespace turnpike::app {

CommandRunner::CommandRunner(const std::vector<Listener>& listeners, std::unique_ptr<net::RawEgress> egress,
                             std::unique_ptr<net::IcmpEgress> icmp, const Surroundings& surroundings)
    : egress_(std::move(egress)), icmp_(std::move(icmp)), surroundings_(surroundings) {
  for (const Listener& listener : listeners)
    outputs_.emplace_back(listener);
}

void CommandRunner::run(const turn::CommandQueue& queue, MonotonicTime now) {
  now_ = now;
  for (const turn::Command& command : queue.commands())
    std::visit([&](const auto& one) { execute(one, queue); }, command);
  for (Output& output : outputs_)
    output.batch.flush();
  egress_->flush();
  report_too_big();
}

void CommandRunner::add_counters(WorkerCounters& counters) const {
  counters.fast_refused += fast_refused_;
  counters.steer_failed += steer_failed_;
  counters.not_recorded += not_recorded_;
  counters.icmp_sent += icmp_->sent();
  counters.send_failed += egress_->failed();
  for (const Output& output : outputs_)
    counters.send_failed += output.batch.failed();
}

void CommandRunner::execute(const turn::SendToClient& command, const turn::CommandQueue& queue) {
  const FiveTuple& five_tuple = command.five_tuple;
  const Bytes data = queue.bytes(command.data);
  const auto output = std::find_if(outputs_.begin(), outputs_.end(), [&](const Output& candidate) {
    return candidate.local == five_tuple.server;
  });
  // A listening socket cannot set DF for one datagram; the raw ones can, from any port.
  if (output == outputs_.end() || command.ip.dont_fragment)
    egress_->send(five_tuple.server, five_tuple.client, command.ip, data);
  else
    output->batch.add({five_tuple.client, nullptr, {}, data, command.ip});
}

void CommandRunner::execute(const turn::SendToPeer& command, const turn::CommandQueue& queue) {
  egress_->send(command.relayed, command.peer, command.ip, queue.bytes(command.data));
}

void CommandRunner::execute(const turn::OwnPort& command, const turn::CommandQueue&) {
  const auto added = surroundings_.steering.add_port(command.relayed, fastpath::PortKind::kRelay,
                                                     surroundings_.relay_slot, 1);
  if (added) return;
  ++steer_failed_;
  if (const auto held_back = steer_limit_.admit(now_))
    spdlog::warn(
        "a relay port cannot be steered to its worker, its peers are not heard: {} ({} more like it)",
        added.error().message, *held_back);
}

void CommandRunner::execute(const turn::ReleasePort& command, const turn::CommandQueue&) {
  surroundings_.steering.remove_port(command.relayed);
  egress_->flush();  // what is on its way from there
  egress_->release(command.relayed);
  surroundings_.ports.release(command.relayed);
}

void CommandRunner::execute(const turn::SetAllocation& command, const turn::CommandQueue&) {
  note_record(surroundings_.store.set(command.session));
  note_refusal(surroundings_.fast_path.set_allocation(command.session));
}

void CommandRunner::execute(const turn::RemoveAllocation& command, const turn::CommandQueue&) {
  surroundings_.fast_path.remove_allocation(command.id);
  surroundings_.store.remove(command.id);
}

void CommandRunner::execute(const turn::SetPermission& command, const turn::CommandQueue&) {
  const Permission& permission = command.permission;
  note_record(surroundings_.store.set(permission.allocation, {permission.peer, permission.expires}));
  note_refusal(surroundings_.fast_path.permit(permission));
}

void CommandRunner::execute(const turn::RemovePermission& command, const turn::CommandQueue&) {
  surroundings_.fast_path.forbid(command.allocation, command.peer);
  surroundings_.store.remove(command.allocation, command.peer);
}

void CommandRunner::execute(const turn::InstallBinding& command, const turn::CommandQueue&) {
  const Binding& binding = command.binding;
  note_record(surroundings_.store.set(
      binding.allocation, ChannelRecord{binding.channel, binding.peer, binding.channel_expires, false}));
  note_refusal(surroundings_.fast_path.install(binding));
}

void CommandRunner::execute(const turn::RestChannel& command, const turn::CommandQueue&) {
  surroundings_.fast_path.remove(command.allocation, command.channel.number);
  note_record(surroundings_.store.set(command.allocation, command.channel));
}

void CommandRunner::execute(const turn::RemoveChannel& command, const turn::CommandQueue&) {
  surroundings_.fast_path.remove(command.allocation, command.channel);
  surroundings_.store.remove(command.allocation, command.channel);
}

void CommandRunner::execute(const turn::SaveCounters& command, const turn::CommandQueue&) {
  if (command.id.value != 0)
    surroundings_.store.save_counters(command.id, command.slow);
  else
    surroundings_.store.save_totals(surroundings_.worker, command.slow);
}

void CommandRunner::execute(const turn::SendTooBig& command, const turn::CommandQueue& queue) {
  const auto packet =
      net::quote_datagram(command.destination.address, command.source.address, queue.bytes(command.quoted));
  icmp_->send_too_big(packet, command.mtu, now_);
}

void CommandRunner::execute(const turn::Event& command, const turn::CommandQueue&) {
  log_event(command, surroundings_.log_addresses);
}

// The kernel told us at once, and so no router will tell.
void CommandRunner::report_too_big() {
  for (const net::RawEgress::TooBig& packet : egress_->take_too_big()) {
    if (!kReports.admit(reports_full_at_, now_)) continue;
    const auto mtu = net::path_mtu(packet.source.address, packet.destination.address);
    if (mtu) too_big_.push_back(IcmpReport::of_too_big(packet, *mtu));
  }
}

void CommandRunner::note_record(const Result<void>& result) {
  if (result) return;
  ++not_recorded_;
  if (const auto held_back = record_limit_.admit(now_))
    spdlog::warn("a session cannot be recorded and would not survive a restart: {} ({} more like it)",
                 result.error().message, *held_back);
}

void CommandRunner::note_refusal(const Result<void>& result) {
  if (result) return;
  ++fast_refused_;
  if (const auto held_back = refusal_limit_.admit(now_))
    spdlog::warn("the fast path refuses a flow, the slow path carries it: {} ({} more like it)",
                 result.error().message, *held_back);
}

}  // namespace turnpike::app
