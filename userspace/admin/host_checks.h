// SPDX-License-Identifier: Apache-2.0
//
// HostChecks: what `doctor` can tell of this host without a relay: kernel, capabilities, ports, buffers,
// bpffs, addresses, clock. Run in the relay's process they tell of the relay's own privileges and namespace.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "admin/check.h"
#include "util/clock.h"
#include "util/ip_address.h"

namespace turnpike::admin {

struct HostExpectations {
  bool in_relay = false;  // whether this process is the relay itself
  uint16_t relay_first_port = 49152;
  uint16_t relay_last_port = 65535;
  std::string bpffs = "/sys/fs/bpf/turnpike";  // empty: no fast path, so none is needed
  std::vector<IpAddress> addresses;            // must be on this host
};

// What the checks judge, so that tests can judge other hosts than theirs.
struct HostFacts {
  std::string kernel_release;        // "6.1.0-18-amd64"
  uint64_t capabilities = 0;         // effective set, one bit a capability
  std::string local_port_range;      // the sysctls' texts
  std::string local_reserved_ports;  // "" or "3478,49152-65535"
  std::string ip_forward;
  std::string rmem_max;
  bool bpf_filesystem_known = false;  // by /proc/filesystems
  bool bpffs_mounted = false;         // at HostExpectations::bpffs or above
  std::vector<IpAddress> addresses;
  WallTime wall;
};

HostFacts read_host_facts(const HostExpectations& expected);

std::vector<Check> check_host(const HostFacts& facts, const HostExpectations& expected);

}  // namespace turnpike::admin
