// SPDX-License-Identifier: Apache-2.0
//
// Which addresses the relay listens at and relays from: those of the configuration, checked against what this
// host has, or all that it has.
#pragma once

#include <vector>

#include "config/config.h"
#include "net/rtnetlink.h"
#include "turn/server.h"

namespace turnpike::app {

struct Addresses {
  std::vector<IpAddress> host;  // every address of this host
  std::vector<Endpoint> listening;
  std::vector<turn::RelayAddress> relay;

  std::vector<IpAddress> relay_local() const;
};

// kInvalid: a configured address is not this host's; the message lists those that are. kNotFound: the host
// has no usable address.
Result<Addresses> choose_addresses(const config::Config& config, const std::vector<net::Link>& links,
                                   const std::vector<net::LocalAddress>& locals);
// The same with the links and addresses of the calling thread's network namespace.
Result<Addresses> choose_addresses(const config::Config& config);

}  // namespace turnpike::app
