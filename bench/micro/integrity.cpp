// SPDX-License-Identifier: Apache-2.0
//
// Signatures, keys and nonces.
#include "stun/integrity.h"

#include <benchmark/benchmark.h>

#include "core.h"

namespace turnpike::micro {
namespace {

constexpr const char* kNonce = "0123456789abcdef";
const Now kNow{MonotonicTime(std::chrono::hours(1)), WallTime(Seconds(1'800'000'000))};

void hmac_sha1(benchmark::State& state) {
  const Datagram message(static_cast<size_t>(state.range(0)), 0x5a);
  for (auto _ : state)
    benchmark::DoNotOptimize(stun::hmac_sha1(key(), {message}));
}
BENCHMARK(hmac_sha1)->Arg(20)->Arg(120)->Arg(1200);

void hmac_sha256(benchmark::State& state) {
  const Datagram message(static_cast<size_t>(state.range(0)), 0x5a);
  for (auto _ : state)
    benchmark::DoNotOptimize(stun::hmac_sha256(key(), {message}));
}
BENCHMARK(hmac_sha256)->Arg(20)->Arg(120)->Arg(1200);

void verify_integrity(benchmark::State& state) {
  const Datagram request = allocate_request(kNonce, 1);
  const auto message = stun::MessageView::parse(request);
  for (auto _ : state)
    if (!message->verify_integrity(key())) return state.SkipWithError("a right signature was refused");
}
BENCHMARK(verify_integrity);

void sign_answer(benchmark::State& state) {
  const stun::TransactionId id = transaction(1);
  Datagram buffer(2048);
  for (auto _ : state) {
    stun::MessageBuilder builder(buffer, stun::Method::kRefresh, stun::Class::kSuccess, id);
    builder.add_u32(stun::AttributeType::kLifetime, 600).add_integrity(key());
    benchmark::DoNotOptimize(builder.finish());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(sign_answer);

void fingerprint(benchmark::State& state) {
  const Datagram message(static_cast<size_t>(state.range(0)), 0x5a);
  for (auto _ : state)
    benchmark::DoNotOptimize(stun::crc32(message));
}
BENCHMARK(fingerprint)->Arg(20)->Arg(120);

void derive_key(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(stun::long_term_key(kUsername, kRealm, kPassword));
}
BENCHMARK(derive_key);

void keys_of_static_user(benchmark::State& state) {
  const auth::RelayAuthenticator users = make_authenticator();
  for (auto _ : state)
    benchmark::DoNotOptimize(users.keys_for(kUsername, kNow));
}
BENCHMARK(keys_of_static_user);

void keys_of_timed_user(benchmark::State& state) {
  const auth::RelayAuthenticator users = make_authenticator();
  for (auto _ : state)
    benchmark::DoNotOptimize(users.keys_for("1900000000:carol", kNow));
}
BENCHMARK(keys_of_timed_user);

void mint_nonce(benchmark::State& state) {
  const auth::RelayAuthenticator users = make_authenticator();
  const Endpoint client = at("198.51.100.10:40000");
  for (auto _ : state)
    benchmark::DoNotOptimize(users.make_nonce(client, kNow));
}
BENCHMARK(mint_nonce);

void check_nonce(benchmark::State& state) {
  const auth::RelayAuthenticator users = make_authenticator();
  const Endpoint client = at("198.51.100.10:40000");
  const std::string nonce = users.make_nonce(client, kNow);
  for (auto _ : state)
    if (users.check_nonce(nonce, client, kNow) != turn::NonceState::kValid)
      return state.SkipWithError("a valid nonce was refused");
}
BENCHMARK(check_nonce);

}  // namespace
}  // namespace turnpike::micro
