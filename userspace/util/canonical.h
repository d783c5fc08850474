// SPDX-License-Identifier: Apache-2.0
//
// The one canonicaliser. Every address that a client names passes through it before any rule sees it, so that
// no spelling of an address escapes a rule written for another spelling.
#pragma once

#include "util/ip_address.h"

namespace turnpike {

// The address by which `address` must be judged: the IPv4 address inside the forms below, else `address`.
//   ::a.b.c.d          IPv4-compatible, RFC 4291 §2.5.5.1 (not :: and ::1)
//   ::ffff:a.b.c.d     IPv4-mapped, RFC 4291 §2.5.5.2: in our layout already IPv4
//   ::ffff:0:a.b.c.d   IPv4-translated, RFC 2765 §2.1
//   64:ff9b::/96       NAT64 well-known prefix, RFC 6052 §2.1
//   64:ff9b:1::/48     NAT64 local-use prefix, RFC 8215; the address at bits 48-63 and 72-87, RFC 6052 §2.2,
//                      or in the last 32 bits when the site uses a /96 of it
//   2002::/16          6to4, RFC 3056 §2
//   2001::/32          Teredo, RFC 4380 §4: the client's address, stored inverted
//   *:[02]00:5efe:*    ISATAP, RFC 5214 §6.1
IpAddress canonical(const IpAddress& address);

}  // namespace turnpike
