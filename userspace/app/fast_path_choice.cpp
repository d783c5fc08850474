// SPDX-License-Identifier: Apache-2.0
#include "app/fast_path_choice.h"

#include <spdlog/spdlog.h>

#include <algorithm>

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
  options.bpffs = config.fastpath.bpffs;
  options.max_bindings = config.fastpath.max_bindings;
  options.max_allocations = config.limits.allocations;
  return options;
}

void log_interfaces(const fastpath::FastPath& fast_path) {
  for (const fastpath::InterfaceStatus& interface : fast_path.interfaces()) {
    if (interface.reason.empty()) continue;
    spdlog::warn("{}: fast path {}: {}{}{}", interface.name, fastpath::to_string(interface.mode),
                 interface.reason, interface.remedy.empty() ? "" : "; remedy: ", interface.remedy);
  }
}

}  // namespace

Result<std::unique_ptr<fastpath::FastPath>> choose_fast_path(const config::Config& config,
                                                             const Addresses& addresses) {
  if (config.fastpath.mode == config::FastPathMode::kOff)
    return std::make_unique<fastpath::NullFastPath>("off by configuration");
  auto created = fastpath::create_xdp_fast_path(xdp_options(config, addresses));
  if (created) {
    log_interfaces(**created);
    return created;
  }
  if (config.fastpath.mode != config::FastPathMode::kAuto || created.error().code != ErrorCode::kUnsupported)
    return created;
  spdlog::warn("no fast path, every packet goes through this process: {}", created.error().message);
  return std::make_unique<fastpath::NullFastPath>(created.error().message);
}

std::string describe_interfaces(const std::vector<fastpath::InterfaceStatus>& interfaces) {
  std::string text;
  for (const fastpath::InterfaceStatus& interface : interfaces)
    text += (text.empty() ? "" : ", ") + interface.name + " " + fastpath::to_string(interface.mode);
  return text.empty() ? "off" : text;
}

}  // namespace turnpike::app
