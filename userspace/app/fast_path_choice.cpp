// SPDX-License-Identifier: Apache-2.0
#include "app/fast_path_choice.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "fastpath/slot_pool.h"
#include "fastpath/xdp_fast_path.h"

namespace turnpike::app {

namespace {

fastpath::Mode to_mode(config::FastPathMode mode) {
  switch (mode) {
    case config::FastPathMode::kAuto:
      return fastpath::Mode::kAuto;
    case config::FastPathMode::kNative:
      return fastpath::Mode::kNative;
    case config::FastPathMode::kGeneric:
      return fastpath::Mode::kGeneric;
    case config::FastPathMode::kOff:
      break;
  }
  return fastpath::Mode::kOff;
}

fastpath::TrafficRates rates_of(const config::Limits& limits) {
  const Nanoseconds burst = limits.burst;
  return {
      .allocation = {limits.allocation_bytes_per_second, limits.allocation_packets_per_second,
                     limits.allocation_quota_bytes, burst},
      .user = {limits.user_bytes_per_second, limits.user_packets_per_second, limits.user_quota_bytes, burst}};
}

std::vector<std::pair<IpAddress, IpAddress>> translations_of(const Addresses& addresses) {
  std::vector<std::pair<IpAddress, IpAddress>> pairs;
  for (const turn::RelayAddress& relay : addresses.relay)
    if (relay.local != relay.external) pairs.emplace_back(relay.local, relay.external);
  return pairs;
}

fastpath::XdpOptions xdp_options(const config::Config& config, const Addresses& addresses) {
  fastpath::XdpOptions options;
  options.mode = to_mode(config.fastpath.mode);
  options.interfaces = config.fastpath.interfaces;
  options.relay_addresses = addresses.relay_local();
  options.local_addresses = options.relay_addresses;
  for (const Endpoint& listening : addresses.listening) {
    auto& all = options.local_addresses;
    if (std::find(all.begin(), all.end(), listening.address) == all.end()) all.push_back(listening.address);
  }
  options.relay_first_port = config.relay.first_port;
  options.relay_last_port = config.relay.last_port;
  options.attach = config.fastpath.attach == config::FastPathAttach::kDispatcher
                       ? fastpath::Attach::kDispatcher
                       : fastpath::Attach::kLink;
  options.translations = translations_of(addresses);
  options.rates = rates_of(config.limits);
  options.requests = {config.limits.source_requests_per_second, config.limits.source_requests_burst};
  options.answer_binding = config.fastpath.answer_binding;
  options.max_bindings = config.fastpath.max_bindings;
  options.max_allocations = fastpath::with_resting(config.limits.allocations);
  options.max_users = options.max_allocations + 1;  // slot 0 is nobody's
  return options;
}

void log_interfaces(const fastpath::FastPath& fast_path) {
  for (const fastpath::InterfaceStatus& interface : fast_path.interfaces()) {
    if (interface.reason.empty()) continue;
    spdlog::warn("{}: fast path {}: {}{}{}", interface.name, fastpath::to_string(interface.mode),
                 interface.reason, interface.remedy.empty() ? "" : "; remedy: ", interface.remedy);
  }
}

std::unique_ptr<fastpath::FastPath> without_fast_path(const std::string& reason, const config::Config& config,
                                                      const fastpath::Bpffs& bpffs) {
  return fastpath::create_null_fast_path(reason, rates_of(config.limits), bpffs.directory());
}

}  // namespace

Result<std::unique_ptr<fastpath::FastPath>> choose_fast_path(const config::Config& config,
                                                             const Addresses& addresses,
                                                             const fastpath::Bpffs& bpffs) {
  if (config.fastpath.mode == config::FastPathMode::kOff)
    return without_fast_path("off by configuration", config, bpffs);
  auto created = fastpath::create_xdp_fast_path(xdp_options(config, addresses), bpffs);
  if (created) {
    log_interfaces(**created);
    return created;
  }
  if (config.fastpath.mode != config::FastPathMode::kAuto || created.error().code != ErrorCode::kUnsupported)
    return created;
  spdlog::warn("no fast path, every packet goes through this process: {}", created.error().message);
  return without_fast_path(created.error().message, config, bpffs);
}

std::string describe_interfaces(const std::vector<fastpath::InterfaceStatus>& interfaces) {
  std::string text;
  for (const fastpath::InterfaceStatus& interface : interfaces)
    text += (text.empty() ? "" : ", ") + interface.name + " " + fastpath::to_string(interface.mode);
  return text.empty() ? "off" : text;
}

}  // namespace turnpike::app
