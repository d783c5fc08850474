// SPDX-License-Identifier: Apache-2.0
//
// XdpFastPath: the XDP program on the interfaces, its maps, and the next hops it sends to. Thread-safe: one
// mutex guards the tables; the kernel reads them without it (bpf/abi.h says how).
#pragma once

#include <memory>
#include <vector>

#include "fastpath/fast_path.h"

namespace turnpike::fastpath {

struct XdpOptions {
  Mode mode = Mode::kAuto;                 // kAuto: native, then generic, then none, for each interface
  std::vector<std::string> interfaces;     // names; empty: those that carry `local_addresses`, without lo
  std::vector<IpAddress> local_addresses;  // listening and relay addresses, as on the interfaces
  std::vector<IpAddress> relay_addresses;  // a peer at one of these is a candidate for the hairpin
  uint16_t relay_first_port = 49152;
  uint16_t relay_last_port = 65535;
  std::string bpffs;              // directory for pins, on a bpffs (see Bpffs)
  uint32_t max_bindings = 65536;  // sizes of the maps
  uint32_t max_allocations = 65536;
  uint32_t max_next_hops = 4096;
};

// Loads, attaches by a test packet on each interface, and starts to follow routes and neighbours.
// Errors: kPermission (what capability is missing), kUnsupported (verifier refusal, with its log), kInvalid
// (an interface that does not exist), kUnsupported when `mode` is kNative or kGeneric and an interface
// refuses it or no interface carries an address. With kAuto an interface that refuses both is not an error:
// interfaces() tells.
Result<std::unique_ptr<FastPath>> create_xdp_fast_path(const XdpOptions& options);

}  // namespace turnpike::fastpath
