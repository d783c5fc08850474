// SPDX-License-Identifier: Apache-2.0
#include "net/icmp_ingress.h"

#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "net/socket_option.h"

namespace turnpike::net {

namespace {

// How many one call reads before others get their turn.
constexpr int kInARow = 64;

Result<UniqueFd> open_raw(int family, int protocol) {
  UniqueFd socket(::socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!socket) return fail_errno(errno, "raw ICMP socket (needs CAP_NET_RAW)");
  return socket;
}

Result<void> hear_errors_v4(int socket) {
  icmp_filter filter{};
  filter.data = ~(1U << ICMP_DEST_UNREACH | 1U << ICMP_TIME_EXCEEDED);
  if (setsockopt(socket, SOL_RAW, ICMP_FILTER, &filter, sizeof filter) == 0) return {};
  return fail_errno(errno, "ICMP_FILTER");
}

Result<void> hear_errors_v6(int socket) {
  icmp6_filter filter;
  ICMP6_FILTER_SETBLOCKALL(&filter);
  for (const int type : {ICMP6_DST_UNREACH, ICMP6_PACKET_TOO_BIG, ICMP6_TIME_EXCEEDED})
    ICMP6_FILTER_SETPASS(type, &filter);
  if (setsockopt(socket, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) == 0) return {};
  return fail_errno(errno, "ICMP6_FILTER");
}

// Raw IPv4 sockets hand over the IP header too.
Bytes behind_ip_header(Bytes packet) {
  const size_t header = packet.empty() ? 0 : (packet[0] & 0x0fU) * 4U;
  return header >= 20 && header <= packet.size() ? packet.subspan(header) : Bytes();
}

}  // namespace

Result<std::unique_ptr<IcmpIngress>> IcmpIngress::create() {
  std::unique_ptr<IcmpIngress> ingress(new IcmpIngress);
  auto v4 = open_raw(AF_INET, IPPROTO_ICMP);
  if (!v4) return forward(v4);
  if (auto filtered = hear_errors_v4(v4->get()); !filtered) return forward(filtered);
  auto v6 = open_raw(AF_INET6, IPPROTO_ICMPV6);
  if (!v6) return forward(v6);
  if (auto filtered = hear_errors_v6(v6->get()); !filtered) return forward(filtered);
  ingress->v4_ = std::move(*v4);
  ingress->v6_ = std::move(*v6);
  return ingress;
}

void IcmpIngress::receive(MonotonicTime now, const Callback& callback) {
  drain(v4_.get(), now, callback);
  drain(v6_.get(), now, callback);
}

void IcmpIngress::drain(int socket, MonotonicTime now, const Callback& callback) {
  for (int i = 0; i < kInARow; ++i) {
    const ssize_t size = recv(socket, buffer_.data(), buffer_.size(), 0);
    if (size < 0) return;
    const Bytes packet = Bytes(buffer_).first(static_cast<size_t>(size));
    const auto notice = socket == v4_.get() ? parse_icmp_v4(behind_ip_header(packet)) : parse_icmp_v6(packet);
    if (!notice) continue;
    if (kRate.admit(budget_full_at_, now))
      callback(*notice);
    else
      ++ignored_;
  }
}

}  // namespace turnpike::net
