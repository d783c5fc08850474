// SPDX-License-Identifier: Apache-2.0
//
// The one canonicaliser. Every address that a client names passes through it before any rule sees it, so that
// no spelling of an address escapes a rule written for another spelling.
#pragma once

#include <array>
#include <cstddef>

#include "util/ip_address.h"

namespace turnpike {

// The address by which `address` must be judged: the IPv4 address inside the forms below, else `address`.
//   ::a.b.c.d          IPv4-compatible, RFC 4291 §2.5.5.1 (not :: and ::1)
//   ::ffff:a.b.c.d     IPv4-mapped, RFC 4291 §2.5.5.2: in our layout already IPv4
//   ::ffff:0:a.b.c.d   IPv4-translated, RFC 2765 §2.1
//   64:ff9b::/96       NAT64 well-known prefix, RFC 6052 §2.1
//   2002::/16          6to4, RFC 3056 §2
//   2001::/32          Teredo, RFC 4380 §4: the client's address, stored inverted
//   *:[02]00:5efe:*    ISATAP, RFC 5214 §6.1
// NAT64's local-use prefix is not among them: what it means depends on the site (see readings()).
IpAddress canonical(const IpAddress& address);

// Every address that a packet to `address` may reach. All of them must be fit to be reached.
class Readings {
 public:
  const IpAddress* begin() const { return addresses_.data(); }
  const IpAddress* end() const { return addresses_.data() + count_; }

 private:
  friend Readings readings(const IpAddress& address);
  void add(const IpAddress& address) { addresses_[count_++] = address; }

  std::array<IpAddress, 5> addresses_;
  size_t count_ = 0;
};

// The IPv4 addresses inside, then `address` as it is written. Only 64:ff9b:1::/48 (RFC 8215) has several: a
// site translates by a /48, /56, /64 or /96 of it (RFC 6052 §2.2), and the client may fill the bits that one
// length ignores. A reading in 0.0.0.0/8 is left out: it is another length's padding, and nobody is there.
Readings readings(const IpAddress& address);

}  // namespace turnpike
