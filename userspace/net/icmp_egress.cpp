// SPDX-License-Identifier: Apache-2.0
#include "net/icmp_egress.h"

#include <netinet/in.h>

#include "net/socket_option.h"

namespace turnpike::net {

namespace {

Result<UniqueFd> open_deaf(int family, int protocol) {
  UniqueFd socket(::socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!socket) return fail_errno(errno, "raw ICMP socket (needs CAP_NET_RAW)");
  if (auto dropped = drop_all_input(socket.get()); !dropped) return forward(dropped);
  return socket;
}

}  // namespace

Result<std::unique_ptr<IcmpEgress>> IcmpEgress::create() {
  auto v4 = open_deaf(AF_INET, IPPROTO_ICMP);
  if (!v4) return forward(v4);
  auto v6 = open_deaf(AF_INET6, IPPROTO_ICMPV6);
  if (!v6) return forward(v6);
  return std::unique_ptr<IcmpEgress>(new IcmpEgress(std::move(*v4), std::move(*v6)));
}

IcmpEgress::IcmpEgress(UniqueFd v4, UniqueFd v6)
    : v4_(std::move(v4)), v6_(std::move(v6)), v4_batch_(v4_.get()), v6_batch_(v6_.get()) {}

void IcmpEgress::send_too_big(Bytes packet, uint32_t mtu, MonotonicTime now) {
  const auto ends = ends_of(packet);
  // An error to a group or to nobody must not be (RFC 1122 §3.2.2, RFC 4443 §2.4 e).
  if (!ends || ends->source.is_multicast() || ends->source.is_unspecified() ||
      !kRate.admit(budget_full_at_, now))
    return;
  const std::vector<uint8_t> message = make_too_big(packet, mtu);
  SendBatch& batch = ends->source.is_v4() ? v4_batch_ : v6_batch_;
  batch.add({{ends->source, 0}, &ends->destination, {}, message, {}});
  batch.flush();
  ++sent_;
}

}  // namespace turnpike::net
