// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <algorithm>

#include "load_abi.h"

namespace turnpike::load {
namespace {

constexpr unsigned kLastPort = 65535;

Result<void> check_families(const Target& target) {
  for (const IpAddress& address : target.client_addresses)
    if (address.family() != target.relay.address.family())
      return fail(ErrorCode::kInvalid, "--client-address " + address.to_string() +
                                           " must be of the address family of --relay " +
                                           target.relay.to_string());
  return {};
}

// How many bindings there can be, and why.
Result<void> check_bindings(const RelayOptions& options) {
  const unsigned each = (options.bindings + options.flows - 1) / options.flows;
  const auto too_many = [&](const std::string& limit) {
    return fail(ErrorCode::kInvalid, "--bindings " + std::to_string(options.bindings) + " over --flows " +
                                         std::to_string(options.flows) + " are " + std::to_string(each) +
                                         " each, " + limit + ": give more --flows");
  };
  if (options.bindings > LOAD_MAX_BINDINGS)
    return fail(ErrorCode::kInvalid, "expected at most " + std::to_string(LOAD_MAX_BINDINGS) +
                                         " --bindings, got " + std::to_string(options.bindings));
  if (options.bindings < options.flows)
    return fail(ErrorCode::kInvalid, "expected at least one binding a flow, got --bindings " +
                                         std::to_string(options.bindings) + " for --flows " +
                                         std::to_string(options.flows));
  if (each > kChannelsPerFlow)
    return too_many("an allocation has " + std::to_string(kChannelsPerFlow) + " channels");
  if (options.direction == Direction::kHairpin && each > options.flows)
    return too_many("and a client has as many partners as there are flows");
  if (options.direction != Direction::kHairpin && options.peer.port + each - 1 > kLastPort)
    return too_many("which the peer's ports from " + std::to_string(options.peer.port) + " on are not");
  return {};
}

}  // namespace

Result<void> check(RelayOptions& options) {
  if (auto families = check_families(options.target); !families) return families;
  if (options.target.relay.address.family() != options.peer.address.family())
    return fail(ErrorCode::kInvalid, "--relay and --peer must be of one address family");
  if (!options.needs_relay() && options.framing != Framing::kChannel)
    return fail(ErrorCode::kInvalid, "--framing says how datagrams come to a relay: not with forward");
  if (options.pairs == Pairs::kMixed && options.direction != Direction::kHairpin)
    return fail(ErrorCode::kInvalid, "--pairs is for --direction hairpin");
  if (options.bindings == 0) options.bindings = options.flows;
  if (auto bindings = check_bindings(options); !bindings) return bindings;
  if (options.active == 0) options.active = options.bindings;
  if (options.active > options.bindings)
    return fail(ErrorCode::kInvalid, "expected --active of at most --bindings " +
                                         std::to_string(options.bindings) + ", got " +
                                         std::to_string(options.active));
  std::vector<int> cpus = options.cpus;
  std::ranges::sort(cpus);
  if (cpus.empty() || std::ranges::adjacent_find(cpus) != cpus.end())
    return fail(ErrorCode::kInvalid, "expected each CPU of --cpus once, and at least one");
  return {};
}

Result<void> check(AllocateOptions& options) {
  if (options.threads > options.clients)
    return fail(ErrorCode::kInvalid, "expected at least one of --clients for each of --threads " +
                                         std::to_string(options.threads) + ", got " +
                                         std::to_string(options.clients));
  return check_families(options.target);
}

Result<void> check(HoldOptions& options) {
  return check_families(options.target);
}

}  // namespace turnpike::load
