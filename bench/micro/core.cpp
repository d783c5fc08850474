// SPDX-License-Identifier: Apache-2.0
#include "core.h"

#include <cstdio>
#include <cstdlib>
#include <map>

namespace turnpike::micro {
namespace {

const IpAddress kRelayAddress = at("203.0.113.1:0").address;
const Endpoint kServer{kRelayAddress, 3478};
constexpr turn::PortRange kPorts{1024, 65535};

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "turnpike-micro: %s\n", what);
  std::exit(1);
}

// 198.18.0.0/15 (RFC 2544), a client for each number: its address and a port.
Endpoint client_of(size_t number) {
  IpAddress::Storage bytes = at("198.18.0.0:0").address.bytes();
  bytes[14] = static_cast<uint8_t>(number >> 8);
  bytes[15] = static_cast<uint8_t>(number);
  return {IpAddress::v6(bytes), static_cast<uint16_t>(20000 + (number >> 16))};
}

Endpoint peer_of(size_t number) {
  Endpoint peer = client_of(number);
  IpAddress::Storage bytes = peer.address.bytes();
  bytes[13] = 19;
  return {IpAddress::v6(bytes), 6000};
}

guard::PeerRules rules() {
  guard::PeerRules rules;
  const auto benchmarking = Prefix::parse("198.18.0.0/15");
  if (!benchmarking) give_up("198.18.0.0/15 is no prefix");
  rules.allow = {*benchmarking};
  rules.host_addresses = {kRelayAddress};
  rules.listening = {kServer};
  rules.relay_addresses = {{kRelayAddress, kRelayAddress}};
  rules.relay_ports = kPorts;
  return rules;
}

}  // namespace

auth::RelayAuthenticator make_authenticator() {
  const std::map<std::string, std::string> passwords{{kUsername, kPassword}};
  return {kRealm, auth::StaticUsers(passwords), auth::RestSecrets({"a shared secret"}),
          auth::NonceMinter({}, Seconds(3600))};
}

Core::Core(size_t sessions)
    : authenticator_(make_authenticator()),
      peers_(rules()),
      quota_({100'000, 0}),
      ports_({kRelayAddress}, kPorts) {
  turn::Options options;
  options.realm = kRealm;
  options.relay_addresses = {{kRelayAddress, kRelayAddress}};
  auto server = turn::Server::create(
      options, {authenticator_, peers_, quota_, ports_, reservations_, random_, nullptr, nullptr});
  if (!server) give_up(server.error().message.c_str());
  server_ = std::move(*server);
  for (size_t i = 0; i < sessions; ++i)
    open(sessions_.emplace_back(stranger(i)), i);
}

Core::Session Core::stranger(size_t number) const {
  const Endpoint client = client_of(number);
  return {{client, kServer, Transport::kUdp}, authenticator_.make_nonce(client, now_), {}, peer_of(number)};
}

void Core::open(Session& session, uint64_t number) {
  from_client(allocate_request(session.nonce, number), session.five_tuple);
  for (const turn::Command& command : server_->commands().commands())
    if (const auto* set = std::get_if<turn::SetAllocation>(&command)) session.relayed = set->session.relayed;
  if (!did<turn::SetAllocation>()) give_up("an Allocate was refused");
  from_client(channel_request(session.nonce, number, kChannel, session.peer), session.five_tuple);
  if (!did<turn::InstallBinding>()) give_up("a ChannelBind was refused");
}

Core& core_with(size_t sessions) {
  static std::map<size_t, std::unique_ptr<Core>> cores;
  std::unique_ptr<Core>& core = cores[sessions];
  if (!core) core = std::make_unique<Core>(sessions);
  return *core;
}

}  // namespace turnpike::micro
