// SPDX-License-Identifier: Apache-2.0
#include "app/command_runner.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "app/event_log.h"

namespace turnpike::app {

CommandRunner::CommandRunner(const std::vector<Listener>& listeners, std::unique_ptr<net::RawEgress> egress,
                             const Surroundings& surroundings)
    : egress_(std::move(egress)), surroundings_(surroundings) {
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
}

void CommandRunner::add_counters(WorkerCounters& counters) const {
  counters.fast_refused += fast_refused_;
  counters.steer_failed += steer_failed_;
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
  const auto added = surroundings_.steering.add_port(command.relayed, surroundings_.relay_slot, 1);
  if (added) return;
  ++steer_failed_;
  if (const auto held_back = steer_limit_.admit(now_))
    spdlog::warn(
        "a relay port cannot be steered to its worker, its peers are not heard: {} ({} more like it)",
        added.error().message, *held_back);
}

void CommandRunner::execute(const turn::ReleasePort& command, const turn::CommandQueue&) {
  surroundings_.steering.remove_port(command.relayed);
  surroundings_.ports.release(command.relayed);
}

void CommandRunner::execute(const turn::SetAllocation& command, const turn::CommandQueue&) {
  note_refusal(surroundings_.fast_path.set_allocation(command.id, command.expires));
}

void CommandRunner::execute(const turn::RemoveAllocation& command, const turn::CommandQueue&) {
  surroundings_.fast_path.remove_allocation(command.id);
}

void CommandRunner::execute(const turn::InstallBinding& command, const turn::CommandQueue&) {
  note_refusal(surroundings_.fast_path.install(command.binding));
}

void CommandRunner::execute(const turn::RemoveBinding& command, const turn::CommandQueue&) {
  surroundings_.fast_path.remove(command.allocation, command.channel);
}

void CommandRunner::execute(const turn::Event& command, const turn::CommandQueue&) {
  log_event(command, surroundings_.log_addresses);
}

void CommandRunner::note_refusal(const Result<void>& result) {
  if (result) return;
  ++fast_refused_;
  if (const auto held_back = refusal_limit_.admit(now_))
    spdlog::warn("the fast path refuses a flow, the slow path carries it: {} ({} more like it)",
                 result.error().message, *held_back);
}

}  // namespace turnpike::app
