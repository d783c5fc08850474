// SPDX-License-Identifier: Apache-2.0
#include "config/keys.h"

#include <sys/un.h>

#include <climits>

namespace turnpike::config {

namespace {

constexpr size_t kLongestSocketPath = sizeof(sockaddr_un::sun_path) - 1;
constexpr size_t kLongestInterface = 15;  // IFNAMSIZ without its zero
constexpr int64_t kDay = 86400;
constexpr int64_t kLeastByteRate = 1000;  // bpf/abi.h: costs of a byte are kept as whole numbers

}  // namespace

std::span<const Key> all_keys() {
  static const std::vector<Key> kKeys = {
      {"", "realm", realm()},
      {"", "state_dir", absolute_path(field(&Config::state_dir), PATH_MAX - 64)},
      {"", "workers", number(field(&Config::workers), 0, 256)},
      {"", "strict_channels", flag(field(&Config::strict_channels))},

      {"listen", "addresses", addresses(field(&Config::listen, &Listen::addresses))},
      {"listen", "port", number(field(&Config::listen, &Listen::port), 1, 65535)},

      {"relay", "addresses", addresses(field(&Config::relay, &Relay::addresses))},
      {"relay", "ports", port_range()},
      {"relay", "external", external()},

      {"fastpath", "mode",
       meaning<FastPathMode>(field(&Config::fastpath, &FastPath::mode), {{"auto", FastPathMode::kAuto},
                                                                         {"native", FastPathMode::kNative},
                                                                         {"generic", FastPathMode::kGeneric},
                                                                         {"off", FastPathMode::kOff}})},
      {"fastpath", "attach",
       meaning<FastPathAttach>(
           field(&Config::fastpath, &FastPath::attach),
           {{"link", FastPathAttach::kLink}, {"dispatcher", FastPathAttach::kDispatcher}})},
      {"fastpath", "interfaces",
       texts(field(&Config::fastpath, &FastPath::interfaces), "interface names", 1, kLongestInterface)},
      {"fastpath", "bpffs", absolute_path(field(&Config::fastpath, &FastPath::bpffs), PATH_MAX - 64)},
      {"fastpath", "answer_binding", flag(field(&Config::fastpath, &FastPath::answer_binding))},
      {"fastpath", "max_bindings", number(field(&Config::fastpath, &FastPath::max_bindings), 1, 16'777'216)},

      {"auth", "users", user_passwords()},
      {"auth", "secrets", texts(field(&Config::auth, &Auth::secrets), "secrets", 8, 1024)},
      {"auth", "nonce_lifetime", seconds(field(&Config::auth, &Auth::nonce_lifetime), 10, kDay)},

      {"peers", "allow", prefixes(field(&Config::peers, &Peers::allow))},
      {"peers", "deny", prefixes(field(&Config::peers, &Peers::deny))},

      {"limits", "allocations", number(field(&Config::limits, &Limits::allocations), 1, 16'777'216)},
      {"limits", "allocations_per_user",
       number(field(&Config::limits, &Limits::allocations_per_user), 0, 16'777'216)},
      {"limits", "permissions", number(field(&Config::limits, &Limits::permissions), 1, 65536)},
      {"limits", "channels", number(field(&Config::limits, &Limits::channels), 1, 16384)},
      {"limits", "default_lifetime", seconds(field(&Config::limits, &Limits::default_lifetime), 1, kDay)},
      {"limits", "max_lifetime", seconds(field(&Config::limits, &Limits::max_lifetime), 1, kDay)},
      {"limits", "allocation_bytes_per_second",
       limit(field(&Config::limits, &Limits::allocation_bytes_per_second), kLeastByteRate)},
      {"limits", "allocation_packets_per_second",
       limit(field(&Config::limits, &Limits::allocation_packets_per_second), 1)},
      {"limits", "allocation_quota_bytes", limit(field(&Config::limits, &Limits::allocation_quota_bytes), 1)},
      {"limits", "user_bytes_per_second",
       limit(field(&Config::limits, &Limits::user_bytes_per_second), kLeastByteRate)},
      {"limits", "user_packets_per_second",
       limit(field(&Config::limits, &Limits::user_packets_per_second), 1)},
      {"limits", "user_quota_bytes", limit(field(&Config::limits, &Limits::user_quota_bytes), 1)},
      {"limits", "burst", milliseconds(field(&Config::limits, &Limits::burst), 10, 60'000)},
      {"limits", "source_requests_per_second",
       number(field(&Config::limits, &Limits::source_requests_per_second), 0, 10'000'000)},
      {"limits", "source_requests_burst",
       number(field(&Config::limits, &Limits::source_requests_burst), 1, 10'000'000)},

      {"admin", "socket", absolute_path(field(&Config::admin, &Admin::socket), kLongestSocketPath)},

      {"log", "level",
       choice(field(&Config::log, &Log::level), {"trace", "debug", "info", "warning", "error"})},
      {"log", "format", choice(field(&Config::log, &Log::format), {"text", "json"})},
      {"log", "addresses", choice(field(&Config::log, &Log::addresses), {"none", "full"})},
  };
  return kKeys;
}

}  // namespace turnpike::config
