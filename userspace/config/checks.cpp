// SPDX-License-Identifier: Apache-2.0
#include "config/checks.h"

#include <algorithm>

namespace turnpike::config {

namespace {

// A listening port that is also a relay port would steer clients' requests to an allocation.
void check_ports(Draft& draft) {
  const Config& config = draft.config;
  if (config.listen.port < config.relay.first_port || config.listen.port > config.relay.last_port) return;
  draft.fault("listen.port",
              "expected a port outside relay.ports (" + std::to_string(config.relay.first_port) + "-" +
                  std::to_string(config.relay.last_port) + "), got " + std::to_string(config.listen.port));
}

// The relay addresses as far as the file names them.
const std::vector<IpAddress>& named_relay_addresses(const Config& config) {
  return config.relay.addresses.empty() ? config.listen.addresses : config.relay.addresses;
}

// The fault of `entry` as the public address of `local`; empty: none. Packets to a public address must name
// one relay address, and what is somebody's local address would name that one.
std::string fault_of(const ExternalEntry& entry, const IpAddress& local, const Config& config) {
  const IpAddress& external = entry.external;
  if (external.is_unspecified() || external.is_multicast())
    return "expected a public address, got " + external.to_string() + ", which no host has";
  for (const IpAddress& relay : named_relay_addresses(config))
    if (relay == external && relay != local)
      return external.to_string() + " is itself a relay address, so it cannot be the public address of " +
             local.to_string();
  for (const auto& [other, taken] : config.relay.external)
    if (taken == external && other != local)
      return external.to_string() + " is the public address of both " + other.to_string() + " and " +
             local.to_string() + "; give each its own";
  return "";
}

// "PUBLIC" alone means the one relay address of its family.
std::optional<IpAddress> local_of(const ExternalEntry& entry, const Config& config, std::string& why) {
  const auto& relays = named_relay_addresses(config);
  if (entry.local) {
    if (std::find(relays.begin(), relays.end(), *entry.local) != relays.end()) return entry.local;
    why = "expected a relay address after the '/', got " + entry.local->to_string() +
          "; name it in relay.addresses";
    return std::nullopt;
  }
  const auto same_family = [&](const IpAddress& relay) { return relay.family() == entry.external.family(); };
  const auto count = std::count_if(relays.begin(), relays.end(), same_family);
  if (count == 1) return *std::find_if(relays.begin(), relays.end(), same_family);
  why = entry.external.to_string() +
        " alone needs exactly one address of its family in relay.addresses, there are " +
        std::to_string(count) + "; write \"PUBLIC/LOCAL\" and name LOCAL in relay.addresses";
  return std::nullopt;
}

void check_external(Draft& draft) {
  auto& external = draft.config.relay.external;
  for (const ExternalEntry& entry : draft.external) {
    std::string why;
    const auto local = local_of(entry, draft.config, why);
    if (local) why = fault_of(entry, *local, draft.config);
    if (!why.empty())
      draft.fault("relay.external", why);
    else if (!external.emplace(*local, entry.external).second)
      draft.fault("relay.external", local->to_string() + " has two public addresses; keep one");
  }
}

void check_lifetimes(Draft& draft) {
  const Limits& limits = draft.config.limits;
  if (limits.default_lifetime <= limits.max_lifetime) return;
  draft.fault("limits.default_lifetime", "expected at most limits.max_lifetime (" +
                                             std::to_string(limits.max_lifetime.count()) + "), got " +
                                             std::to_string(limits.default_lifetime.count()));
}

void check_credentials(Draft& draft) {
  // A faulty entry is named already; that there is none left would be said twice.
  if (draft.lines.contains("auth.users") || draft.lines.contains("auth.secrets")) {
    if (draft.has_faults()) return;
  }
  const Auth& auth = draft.config.auth;
  if (!auth.users.empty() || !auth.secrets.empty()) return;
  draft.fault(draft.line_of("auth.users"),
              "no credentials: [auth] has neither users nor secrets, so nobody could use the relay; add "
              "users = { NAME = \"PASSWORD\" } or secrets = [\"SECRET\"] under [auth]");
}

}  // namespace

void check_together(Draft& draft) {
  check_ports(draft);
  check_external(draft);
  check_lifetimes(draft);
  check_credentials(draft);
}

}  // namespace turnpike::config
