// SPDX-License-Identifier: Apache-2.0
//
// Socket options with one check for many, and what the sockets of this room have in common.
#pragma once

#include "util/ip_address.h"
#include "util/relay_types.h"
#include "util/result.h"

namespace turnpike::net {

inline constexpr int kDefaultTtl = IpFields{}.ttl;
inline constexpr int kBufferBytes = 4 * 1024 * 1024;

// Addresses that no host has, to bind sockets that must receive nothing: the IPv4 dummy address (RFC 7600
// §4.8) and one of the IPv6 discard-only block (RFC 6666). Binding to them takes IP_FREEBIND.
inline constexpr IpAddress kNowhereIpv4 = IpAddress::v4(192, 0, 0, 8);
inline constexpr IpAddress kNowhereIpv6 = IpAddress::v6({0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});

Result<void> set_option(int socket, int level, int name, int value);

// Sets several and keeps the first error.
class Options {
 public:
  explicit Options(int socket) : socket_(socket) {}
  void set(int level, int name, int value) {
    if (result_) result_ = set_option(socket_, level, name, value);
  }
  const Result<void>& result() const { return result_; }

 private:
  int socket_;
  Result<void> result_;
};

// The socket receives nothing from now on, by a filter in the kernel; what is queued stays.
Result<void> drop_all_input(int socket);
// Ends that.
Result<void> accept_input(int socket);

// kBufferBytes each way: past the sysctl limits where CAP_NET_ADMIN allows it, else as far as they go.
void enlarge_buffers(int socket);

}  // namespace turnpike::net
