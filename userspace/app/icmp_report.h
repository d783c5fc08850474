// SPDX-License-Identifier: Apache-2.0
//
// IcmpReport: an ICMP error with its own copy of what it quotes, to go from thread to thread.
#pragma once

#include <vector>

#include "net/icmp_message.h"
#include "net/raw_egress.h"
#include "turn/icmp_error.h"

namespace turnpike::app {

class IcmpReport {
 public:
  // Addresses as on the interface.
  explicit IcmpReport(const net::IcmpNotice& notice);
  // As the first router would have reported `packet`, had it reached one.
  static IcmpReport of_too_big(const net::RawEgress::TooBig& packet, uint32_t mtu);

  // Valid as long as this object.
  turn::IcmpError error() const;

 private:
  net::IcmpNotice notice_;  // its payload lies in payload_
  std::vector<uint8_t> payload_;
};

}  // namespace turnpike::app
