// SPDX-License-Identifier: Apache-2.0
//
// Config: what FILE.toml says, with the defaults in place. load() refuses unknown keys and bad values, naming
// file, line, key and what is allowed; what it returns is complete and consistent.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "util/clock.h"
#include "util/ip_address.h"
#include "util/result.h"

namespace turnpike::config {

struct Listen {
  std::vector<IpAddress> addresses;  // empty: all of this host's global addresses
  uint16_t port = 3478;
};

struct Relay {
  std::vector<IpAddress> addresses;  // empty: the listening addresses
  uint16_t first_port = 49152;       // ports = "49152-65535"
  uint16_t last_port = 65535;
  std::map<IpAddress, IpAddress> external;  // local -> public: external = "public" or ["public/local", ...]
};

enum class FastPathMode : uint8_t { kAuto, kNative, kGeneric, kOff };

enum class FastPathAttach : uint8_t { kLink, kDispatcher };

struct FastPath {
  FastPathMode mode = FastPathMode::kAuto;
  std::vector<std::string> interfaces;  // empty: those with listening and relay addresses
  std::string bpffs = "/sys/fs/bpf/turnpike";
  FastPathAttach attach = FastPathAttach::kLink;
  bool answer_binding = false;     // STUN Binding requests, in the kernel
  uint32_t max_bindings = 262144;  // clients, permissions and channels together
};

struct Auth {
  std::map<std::string, std::string> users;  // name -> password
  std::vector<std::string> secrets;          // REST: the first one makes new credentials
  Seconds nonce_lifetime{600};
};

struct Peers {
  std::vector<Prefix> allow;  // outranks deny
  std::vector<Prefix> deny;   // outranks the built-in rules
};

struct Limits {
  uint32_t allocations = 65536;       // of the relay
  uint32_t allocations_per_user = 0;  // 0: no limit of its own
  uint32_t permissions = 256;         // per allocation
  uint32_t channels = 256;            // per allocation
  Seconds default_lifetime{600};
  Seconds max_lifetime{3600};
  // Of application data, each direction by itself; 0: no limit.
  uint64_t allocation_bytes_per_second = 0;
  uint64_t allocation_packets_per_second = 0;
  uint64_t user_bytes_per_second = 0;
  uint64_t user_packets_per_second = 0;
  std::chrono::milliseconds burst{1000};  // how much of a rate may come at once
  uint64_t allocation_quota_bytes = 0;    // both directions, for its whole life; 0: none
  uint64_t user_quota_bytes = 0;
  // STUN requests of one source address (IPv6: /64) from 5-tuples without an allocation; 0: no limit.
  uint32_t source_requests_per_second = 500;
  uint32_t source_requests_burst = 2000;
};

struct Admin {
  std::string socket = "/run/turnpike/turnpike.sock";
};

struct Log {
  std::string level = "info";      // trace, debug, info, warning, error
  std::string format = "text";     // text, json
  std::string addresses = "none";  // full, none: addresses and user names in the log
};

struct Config {
  std::string realm = "turnpike";
  std::string state_dir = "/var/lib/turnpike";
  uint32_t workers = 0;  // 0: one for each core
  bool strict_channels = false;
  Listen listen;
  Relay relay;
  FastPath fastpath;
  Auth auth;
  Peers peers;
  Limits limits;
  Admin admin;
  Log log;
};

// Reads and checks `path`. kNotFound or kInvalid, as "FILE:LINE: KEY: expected …, got …".
Result<Config> load(const std::string& path);
// The same for text; `name` stands for the file in messages.
Result<Config> parse(std::string_view text, const std::string& name);

}  // namespace turnpike::config
