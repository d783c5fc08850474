// SPDX-License-Identifier: Apache-2.0
//
// The choice of the kernel's forwarding: what the configuration asks for and this host allows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/host_addresses.h"
#include "config/config.h"
#include "fastpath/bpffs.h"
#include "fastpath/fast_path.h"

namespace turnpike::app {

// With mode "auto" a kernel that cannot is no error: a warning, and the relay runs without. A missing
// privilege always is, as is any refusal of "native" or "generic".
Result<std::unique_ptr<fastpath::FastPath>> choose_fast_path(const config::Config& config,
                                                             const Addresses& addresses,
                                                             const fastpath::Bpffs& bpffs);

// "eth0 native, eth1 generic"; "off" when there are none.
std::string describe_interfaces(const std::vector<fastpath::InterfaceStatus>& interfaces);

}  // namespace turnpike::app
