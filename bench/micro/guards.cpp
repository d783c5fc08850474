// SPDX-License-Identifier: Apache-2.0
//
// What the slow path asks for each packet or request beside the core: ports, policy, quota, limits, sources.
#include <benchmark/benchmark.h>

#include "fastpath/heap_limits.h"
#include "guard/peer_policy.h"
#include "guard/quota.h"
#include "guard/source_list.h"
#include "messages.h"
#include "net/raw_egress.h"
#include "turn/relay_ports.h"

namespace turnpike::micro {
namespace {

// `state.range(0)` hundredths of the ports are taken.
void claim_relay_port(benchmark::State& state) {
  const IpAddress address = at("203.0.113.1:0").address;
  turn::RelayPorts ports({address}, {});
  SystemRandom random;
  turn::PortAllocator allocator(ports, 0, 1, random);
  for (uint32_t port = 49152; port <= 65535; ++port)
    if (port % 100 < state.range(0)) ports.claim({address, static_cast<uint16_t>(port)});
  for (auto _ : state) {
    const auto port = allocator.claim(address);
    if (!port) return state.SkipWithError("no port is free");
    ports.release({address, *port});
  }
}
BENCHMARK(claim_relay_port)->ArgName("percent_taken")->Arg(0)->Arg(50)->Arg(99);

void judge_peer(benchmark::State& state, const char* peer) {
  guard::PeerRules rules;
  for (const char* host : {"203.0.113.1:0", "[2001:db8::1]:0"})
    rules.host_addresses.push_back(at(host).address);
  rules.listening = {at("203.0.113.1:3478")};
  const guard::RelayPeerPolicy policy(rules);
  const Endpoint endpoint = at(peer);
  for (auto _ : state)
    benchmark::DoNotOptimize(policy.judge(endpoint));
}
BENCHMARK_CAPTURE(judge_peer, public_v4, "8.8.8.8:6000");
BENCHMARK_CAPTURE(judge_peer, public_v6, "[2600::1]:6000");
BENCHMARK_CAPTURE(judge_peer, private_v4, "192.168.1.1:6000");

void acquire_quota(benchmark::State& state) {
  guard::SharedQuota quota({100'000, 100'000});
  for (auto _ : state) {
    benchmark::DoNotOptimize(quota.acquire(kUsername));
    quota.release(kUsername);
  }
}
BENCHMARK(acquire_quota);

void ask_blocklist(benchmark::State& state) {
  guard::SourceList sources({});
  for (int64_t i = 0; i < state.range(0); ++i) {
    const auto prefix =
        Prefix::parse("198.18." + std::to_string(i / 256) + "." + std::to_string(i % 256) + "/32");
    if (!prefix) return state.SkipWithError("no prefix");
    sources.block(*prefix, MonotonicTime::max());
  }
  const IpAddress source = at("203.0.113.7:0").address;
  const MonotonicTime now = read_clocks().monotonic;
  for (auto _ : state)
    benchmark::DoNotOptimize(sources.blocked(source, now));
}
BENCHMARK(ask_blocklist)->ArgName("blocked")->Arg(0)->Arg(1)->Arg(10'000);

void admit_request(benchmark::State& state) {
  guard::SourceList sources({UINT32_MAX, UINT32_MAX, 65536});
  const IpAddress source = at("203.0.113.7:0").address;
  MonotonicTime now = read_clocks().monotonic;
  for (auto _ : state) {
    now += Nanoseconds(1000);
    benchmark::DoNotOptimize(sources.admit_request(source, now));
  }
}
BENCHMARK(admit_request);

// Rates and quotas of both, none of which refuses.
void admit_traffic(benchmark::State& state) {
  const fastpath::Rate rate{uint64_t{1} << 30, uint64_t{1} << 30, uint64_t{1} << 60, Seconds(1000)};
  fastpath::HeapLimits limits({rate, rate});
  SessionRecord session;
  session.id = {7};
  session.username = kUsername;
  limits.set(session);
  MonotonicTime now = read_clocks().monotonic;
  for (auto _ : state) {
    now += Nanoseconds(1000);
    if (limits.admit(session.id, Direction::kToPeer, kDataSize, now) != fastpath::Admission::kAdmitted)
      return state.SkipWithError("refused");
  }
}
BENCHMARK(admit_traffic);

void udp_checksum(benchmark::State& state) {
  const Datagram header(8), data(static_cast<size_t>(state.range(0)), 0x5a);
  const IpAddress source = at("203.0.113.1:0").address, destination = at("192.0.2.20:0").address;
  for (auto _ : state)
    benchmark::DoNotOptimize(net::udp_checksum(source, destination, header, data));
}
BENCHMARK(udp_checksum)->ArgName("bytes")->Arg(160)->Arg(1200);

}  // namespace
}  // namespace turnpike::micro
