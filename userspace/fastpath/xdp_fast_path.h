// SPDX-License-Identifier: Apache-2.0
//
// XdpFastPath: the XDP program on the interfaces, its maps, and the next hops it sends to. Thread-safe: one
// mutex guards the tables; the kernel reads them without it (bpf/abi.h says how).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fastpath/bpffs.h"
#include "fastpath/fast_path.h"

namespace turnpike::fastpath {

// How the program stands on an interface: alone, by a bpf_link of its own, or beside others by libxdp's
// dispatcher.
enum class Attach : uint8_t { kLink, kDispatcher };

// Requests that one source may send; 0: no limit.
struct SourceBudget {
  uint32_t per_second = 0;
  uint32_t burst = 0;
};

struct XdpOptions {
  Mode mode = Mode::kAuto;  // kAuto: native, then generic, then none, for each interface
  Attach attach = Attach::kLink;
  std::vector<std::string> interfaces;     // names; empty: those that carry `local_addresses`, without lo
  std::vector<IpAddress> local_addresses;  // listening and relay addresses, as on the interfaces
  std::vector<IpAddress> relay_addresses;  // a peer at one of these is a candidate for the hairpin
  std::vector<std::pair<IpAddress, IpAddress>> translations;  // 1:1 NAT: local, external; where they differ
  uint16_t relay_first_port = 49152;
  uint16_t relay_last_port = 65535;
  TrafficRates rates;
  SourceBudget requests{};      // from 5-tuples without an allocation
  bool answer_binding = false;  // Binding requests, in the kernel
  SourceBudget bindings{100, 100};
  uint32_t max_bindings = 262144;  // sizes of the maps
  uint32_t max_allocations = 65536;
  uint32_t max_users = 65536;
  uint32_t max_next_hops = 4096;
  uint32_t max_blocked = 65536;
  uint32_t max_sources = 65536;  // whose budgets are remembered
};

// Loads, attaches by a test packet on each interface, and starts to follow routes and neighbours. Steering
// has been created in `bpffs` before. What an earlier process left there goes on: its maps are used, its
// links are given the new program; finish_takeover() ends what is not named again. `bpffs` outlives the
// result. Errors: kPermission (what capability is missing), kUnsupported (verifier refusal, with its log;
// a time namespace with another clock than the boot's),
// kInvalid (an interface that does not exist), kUnsupported when `mode` is kNative or kGeneric and an
// interface refuses it or no interface carries an address. With kAuto an interface that refuses both is not
// an error: interfaces() tells.
Result<std::unique_ptr<FastPath>> create_xdp_fast_path(const XdpOptions& options, const Bpffs& bpffs);

}  // namespace turnpike::fastpath
