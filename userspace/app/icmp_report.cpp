// SPDX-License-Identifier: Apache-2.0
#include "app/icmp_report.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <algorithm>

namespace turnpike::app {

namespace {

// More no router quotes (net/icmp_message.h).
constexpr size_t kMostQuoted = 1232;

}  // namespace

IcmpReport::IcmpReport(const net::IcmpNotice& notice)
    : notice_(notice),
      payload_(notice.payload.begin(), notice.payload.begin() + static_cast<ptrdiff_t>(std::min(
                                                                    notice.payload.size(), kMostQuoted))) {
  notice_.payload = {};
}

IcmpReport IcmpReport::of_too_big(const net::RawEgress::TooBig& packet, uint32_t mtu) {
  const bool v4 = packet.source.address.is_v4();
  return IcmpReport(net::IcmpNotice{.source = packet.source,
                                    .destination = packet.destination,
                                    .type = v4 ? uint8_t{ICMP_DEST_UNREACH} : uint8_t{ICMP6_PACKET_TOO_BIG},
                                    .code = v4 ? uint8_t{ICMP_FRAG_NEEDED} : uint8_t{0},
                                    .data = mtu,
                                    .payload = packet.data});
}

turn::IcmpError IcmpReport::error() const {
  return {notice_.source, notice_.destination, notice_.type, notice_.code, notice_.data, payload_};
}

}  // namespace turnpike::app
