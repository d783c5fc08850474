// SPDX-License-Identifier: Apache-2.0
//
// STUN messages read and written, ChannelData read.
#include <benchmark/benchmark.h>

#include "messages.h"
#include "stun/channel_data.h"

namespace turnpike::micro {
namespace {

using stun::AttributeType;
using stun::Class;
using stun::MessageBuilder;
using stun::MessageView;
using stun::Method;

constexpr const char* kNonce = "0123456789abcdef";

void parse(benchmark::State& state, const Datagram& datagram) {
  for (auto _ : state) {
    auto message = MessageView::parse(datagram);
    if (!message) return state.SkipWithError(message.error().message.c_str());
    benchmark::DoNotOptimize(message);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(datagram.size()));
}

void parse_binding(benchmark::State& state) {
  parse(state, binding_request());
}
BENCHMARK(parse_binding);

void parse_signed_allocate(benchmark::State& state) {
  parse(state, allocate_request(kNonce, 1));
}
BENCHMARK(parse_signed_allocate);

void parse_send_indication(benchmark::State& state) {
  parse(state, send_indication(at("192.0.2.20:6000")));
}
BENCHMARK(parse_send_indication);

void parse_channel_data(benchmark::State& state) {
  const Datagram datagram = channel_data(0x4000);
  for (auto _ : state) {
    auto data = stun::parse_channel_data(datagram);
    benchmark::DoNotOptimize(data);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(datagram.size()));
}
BENCHMARK(parse_channel_data);

void build_data_indication(benchmark::State& state) {
  const Datagram data = application_data();
  const Endpoint peer = at("192.0.2.20:6000");
  const stun::TransactionId id = transaction(1);
  Datagram buffer(2048);
  for (auto _ : state) {
    MessageBuilder builder(buffer, Method::kData, Class::kIndication, id);
    builder.add_xor_address(AttributeType::kXorPeerAddress, peer).add(AttributeType::kData, data);
    benchmark::DoNotOptimize(builder.finish());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(build_data_indication);

// Without the signature: integrity.cpp has it.
void build_allocate_success(benchmark::State& state) {
  const Endpoint relayed = at("203.0.113.1:50000"), client = at("198.51.100.10:40000");
  const stun::TransactionId id = transaction(1);
  Datagram buffer(2048);
  for (auto _ : state) {
    MessageBuilder builder(buffer, Method::kAllocate, Class::kSuccess, id);
    builder.add_xor_address(AttributeType::kXorRelayedAddress, relayed)
        .add_u32(AttributeType::kLifetime, 600)
        .add_xor_address(AttributeType::kXorMappedAddress, client);
    benchmark::DoNotOptimize(builder.finish());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(build_allocate_success);

}  // namespace
}  // namespace turnpike::micro
