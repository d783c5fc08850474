// SPDX-License-Identifier: Apache-2.0
#include "net/icmp_ingress.h"

#include <linux/icmp.h>
#include <linux/ipv6.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "net/checksum.h"
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
  if (auto told = set_option(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1); !told) return told;
  if (setsockopt(socket, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) == 0) return {};
  return fail_errno(errno, "ICMP6_FILTER");
}

// Raw IPv4 sockets hand over the IP header too, and messages before the kernel has looked at their checksum;
// of ICMPv6 they hand over neither the header nor what is damaged.
Bytes behind_ip_header(Bytes packet) {
  const size_t header = packet.empty() ? 0 : (packet[0] & 0x0fU) * 4U;
  return header >= 20 && header <= packet.size() ? packet.subspan(header) : Bytes();
}

bool is_whole(Bytes message_v4) {
  return internet_checksum(add_words(0, message_v4)) == 0;
}

// Where an ICMPv6 message went to.
std::optional<IpAddress> destination_v6(msghdr& message) {
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != IPPROTO_IPV6 || each->cmsg_type != IPV6_PKTINFO) continue;
    in6_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(each), sizeof info);
    auto address = IpAddress::from_wire(Bytes(info.ipi6_addr.s6_addr, sizeof info.ipi6_addr.s6_addr));
    if (address) return *address;
  }
  return std::nullopt;
}

// Who sent the datagram is told, and a packet is too big only for less than its own size.
bool is_plausible(const IcmpNotice& notice, const std::optional<IpAddress>& destination) {
  return destination == notice.source.address && (!notice.is_too_big() || notice.data < notice.size);
}

}  // namespace

struct IcmpIngress::Received {
  std::optional<IcmpNotice> notice;      // none: it tells of nothing that matters here
  std::optional<IpAddress> destination;  // where it came to
};

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

void IcmpIngress::receive(MonotonicTime now, const Ours& ours, const Callback& callback) {
  drain(v4_.get(), now, ours, callback);
  drain(v6_.get(), now, ours, callback);
}

std::optional<IcmpIngress::Received> IcmpIngress::read(int socket) {
  iovec data{buffer_.data(), buffer_.size()};
  alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = recvmsg(socket, &message, 0);
  if (size < 0) return std::nullopt;
  const Bytes packet = Bytes(buffer_).first(static_cast<size_t>(size));
  if (socket == v6_.get()) return Received{parse_icmp_v6(packet), destination_v6(message)};
  const Bytes icmp = behind_ip_header(packet);
  const bool whole = (message.msg_flags & MSG_TRUNC) == 0 && is_whole(icmp);
  const auto ends = ends_of(packet);
  if (!whole || !ends) return Received{};
  return Received{parse_icmp_v4(icmp), ends->destination};
}

// Of strangers' errors about others' datagrams there may be any number: they are not charged.
void IcmpIngress::drain(int socket, MonotonicTime now, const Ours& ours, const Callback& callback) {
  for (int i = 0; i < kInARow; ++i) {
    const auto received = read(socket);
    if (!received) return;
    const auto& [notice, destination] = *received;
    if (!notice || !ours(notice->source)) continue;
    if (is_plausible(*notice, destination) && kRate.admit(budget_full_at_, now))
      callback(*notice);
    else
      ++ignored_;
  }
}

}  // namespace turnpike::net
