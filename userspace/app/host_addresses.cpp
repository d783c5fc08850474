// SPDX-License-Identifier: Apache-2.0
#include "app/host_addresses.h"

#include <algorithm>

namespace turnpike::app {

namespace {

const net::Link* link_of(const net::LocalAddress& local, const std::vector<net::Link>& links) {
  const auto found = std::find_if(links.begin(), links.end(),
                                  [&](const net::Link& link) { return link.ifindex == local.ifindex; });
  return found == links.end() ? nullptr : &*found;
}

// Global addresses of links that are enabled, for a carrier may come later; those of the loopback only when
// there are no others.
std::vector<IpAddress> usable_addresses(const std::vector<net::Link>& links,
                                        const std::vector<net::LocalAddress>& locals) {
  std::vector<IpAddress> outside;
  std::vector<IpAddress> loopback;
  for (const net::LocalAddress& local : locals) {
    const net::Link* link = link_of(local, links);
    if (link == nullptr || !link->enabled) continue;
    if (link->loopback)
      loopback.push_back(local.address);
    else if (local.global_scope)
      outside.push_back(local.address);
  }
  return outside.empty() ? loopback : outside;
}

bool has(const std::vector<IpAddress>& addresses, const IpAddress& address) {
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

Result<void> check_present(const char* key, const std::vector<IpAddress>& wanted,
                           const std::vector<IpAddress>& host) {
  for (const IpAddress& address : wanted) {
    if (has(host, address)) continue;
    std::string list;
    for (const IpAddress& one : host)
      list += (list.empty() ? "" : ", ") + one.to_string();
    return fail(ErrorCode::kInvalid, std::string(key) + ": expected an address of this host, got " +
                                         address.to_string() + "; this host has " +
                                         (list.empty() ? "none" : list));
  }
  return {};
}

}  // namespace

std::vector<IpAddress> Addresses::relay_local() const {
  std::vector<IpAddress> local;
  for (const turn::RelayAddress& address : relay)
    local.push_back(address.local);
  return local;
}

Result<Addresses> choose_addresses(const config::Config& config, const std::vector<net::Link>& links,
                                   const std::vector<net::LocalAddress>& locals) {
  Addresses result;
  for (const net::LocalAddress& local : locals) {
    if (!has(result.host, local.address)) result.host.push_back(local.address);
  }
  if (auto ok = check_present("listen.addresses", config.listen.addresses, result.host); !ok)
    return forward(ok);
  if (auto ok = check_present("relay.addresses", config.relay.addresses, result.host); !ok)
    return forward(ok);

  const auto listening =
      config.listen.addresses.empty() ? usable_addresses(links, locals) : config.listen.addresses;
  if (listening.empty())
    return fail(ErrorCode::kNotFound,
                "expected an address on an interface that is up, this host has none; `ip addr` shows them, "
                "listen.addresses names which to use");
  for (const IpAddress& address : listening)
    result.listening.push_back({address, config.listen.port});
  for (const IpAddress& local : config.relay.addresses.empty() ? listening : config.relay.addresses) {
    const auto external = config.relay.external.find(local);
    result.relay.push_back({local, external == config.relay.external.end() ? local : external->second});
  }
  return result;
}

Result<Addresses> choose_addresses(const config::Config& config) {
  auto reader = net::RouteReader::create();
  if (!reader) return forward(reader);
  auto links = reader->links();
  if (!links) return forward(links);
  auto locals = reader->addresses();
  if (!locals) return forward(locals);
  return choose_addresses(config, *links, *locals);
}

}  // namespace turnpike::app
