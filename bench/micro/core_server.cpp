// SPDX-License-Identifier: Apache-2.0
//
// The core, message by message, with one session and with many: each iteration is another session's.
#include <benchmark/benchmark.h>

#include "core.h"

namespace turnpike::micro {
namespace {

void sessions(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("sessions")->Arg(1)->Arg(1000)->Arg(50'000);
}

// One datagram of each session in turn. Each must have caused a Wanted.
template <class Wanted, class Make>
void from_each_client(benchmark::State& state, Make make) {
  Core& core = core_with(static_cast<size_t>(state.range(0)));
  std::vector<Datagram> datagrams;
  for (const Core::Session& session : core.sessions())
    datagrams.push_back(make(session));
  size_t next = 0;
  for (auto _ : state) {
    core.from_client(datagrams[next], core.sessions()[next].five_tuple);
    if (!core.did<Wanted>()) return state.SkipWithError("not what was expected came of the message");
    next = next + 1 == datagrams.size() ? 0 : next + 1;
  }
  state.SetItemsProcessed(state.iterations());
}

void core_channel_data(benchmark::State& state) {
  from_each_client<turn::SendToPeer>(state, [](const Core::Session&) { return channel_data(kChannel); });
}
BENCHMARK(core_channel_data)->Apply(sessions);

void core_send_indication(benchmark::State& state) {
  from_each_client<turn::SendToPeer>(
      state, [](const Core::Session& session) { return send_indication(session.peer); });
}
BENCHMARK(core_send_indication)->Apply(sessions);

void core_refresh(benchmark::State& state) {
  from_each_client<turn::SetAllocation>(
      state, [](const Core::Session& session) { return refresh_request(session.nonce, 1, 600); });
}
BENCHMARK(core_refresh)->Apply(sessions);

void core_create_permission(benchmark::State& state) {
  from_each_client<turn::SendToClient>(
      state, [](const Core::Session& session) { return permission_request(session.nonce, 1, session.peer); });
}
BENCHMARK(core_create_permission)->Apply(sessions);

void core_channel_bind(benchmark::State& state) {
  from_each_client<turn::InstallBinding>(state, [](const Core::Session& session) {
    return channel_request(session.nonce, 1, kChannel, session.peer);
  });
}
BENCHMARK(core_channel_bind)->Apply(sessions);

void from_each_peer(benchmark::State& state, uint16_t port_change) {
  Core& core = core_with(static_cast<size_t>(state.range(0)));
  const Datagram datagram = application_data();
  size_t next = 0;
  for (auto _ : state) {
    const Core::Session& session = core.sessions()[next];
    core.from_peer(datagram, {session.peer.address, static_cast<uint16_t>(session.peer.port ^ port_change)},
                   session.relayed);
    if (!core.did<turn::SendToClient>()) return state.SkipWithError("a peer's datagram was not relayed");
    next = next + 1 == core.sessions().size() ? 0 : next + 1;
  }
  state.SetItemsProcessed(state.iterations());
}

void core_peer_to_channel_data(benchmark::State& state) {
  from_each_peer(state, 0);
}
BENCHMARK(core_peer_to_channel_data)->Apply(sessions);

void core_peer_to_data_indication(benchmark::State& state) {
  from_each_peer(state, 1);
}
BENCHMARK(core_peer_to_data_indication)->Apply(sessions);

// Beside the sessions: a new one begins and ends. Two signed requests.
void core_allocate_and_release(benchmark::State& state) {
  Core& core = core_with(static_cast<size_t>(state.range(0)));
  const Core::Session session = core.stranger(60'000);
  const Datagram allocate = allocate_request(session.nonce, 1), end = refresh_request(session.nonce, 2, 0);
  for (auto _ : state) {
    core.from_client(allocate, session.five_tuple);
    if (!core.did<turn::SetAllocation>()) return state.SkipWithError("an Allocate was refused");
    core.from_client(end, session.five_tuple);
    if (!core.did<turn::RemoveAllocation>()) return state.SkipWithError("a Refresh of 0 was refused");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(core_allocate_and_release)->Apply(sessions);

void answer_stranger(benchmark::State& state, const Datagram& datagram) {
  Core& core = core_with(1);
  const Core::Session session = core.stranger(60'000);
  for (auto _ : state) {
    core.from_client(datagram, session.five_tuple);
    if (!core.did<turn::SendToClient>()) return state.SkipWithError("no answer");
  }
  state.SetItemsProcessed(state.iterations());
}

void core_unauthenticated_allocate(benchmark::State& state) {
  answer_stranger(state, unsigned_allocate_request());
}
BENCHMARK(core_unauthenticated_allocate);

void core_binding(benchmark::State& state) {
  answer_stranger(state, binding_request());
}
BENCHMARK(core_binding);

}  // namespace
}  // namespace turnpike::micro
