// SPDX-License-Identifier: Apache-2.0
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>

#include "net/rtnetlink.h"

namespace turnpike::net {
namespace {

constexpr std::array kGroups = {RTNLGRP_LINK,        RTNLGRP_NEIGH,       RTNLGRP_IPV4_ROUTE,
                                RTNLGRP_IPV6_ROUTE,  RTNLGRP_IPV4_RULE,   RTNLGRP_IPV6_RULE,
                                RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_NEXTHOP};
constexpr int kReceiveBuffer = 1 << 20;  // a full routing table is announced in a burst

// The address of a neighbour message, for mnl_attr_parse().
int take_address(const nlattr* attribute, void* address) {
  if (mnl_attr_get_type(attribute) != NDA_DST) return MNL_CB_OK;
  const auto parsed = IpAddress::from_wire(Bytes(static_cast<const uint8_t*>(mnl_attr_get_payload(attribute)),
                                                 mnl_attr_get_payload_len(attribute)));
  if (parsed) *static_cast<std::optional<IpAddress>*>(address) = *parsed;
  return MNL_CB_OK;
}

int note_change(const nlmsghdr* message, void* context) {
  auto& changes = *static_cast<RouteMonitor::Changes*>(context);
  if (message->nlmsg_type != RTM_NEWNEIGH && message->nlmsg_type != RTM_DELNEIGH) {
    changes.routes = true;
    return MNL_CB_OK;
  }
  const auto* header = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(message));
  if (header->ndm_family != AF_INET && header->ndm_family != AF_INET6) return MNL_CB_OK;  // a bridge's
  std::optional<IpAddress> address;
  (void)mnl_attr_parse(message, sizeof(ndmsg), take_address, &address);
  if (address) changes.neighbours.emplace_back(static_cast<unsigned>(header->ndm_ifindex), *address);
  return MNL_CB_OK;
}

}  // namespace

Result<RouteMonitor> RouteMonitor::create() {
  mnl_socket* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket == nullptr) return fail_errno(errno, "opening a route netlink socket");
  RouteMonitor monitor(socket);
  if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) != 0)
    return fail_errno(errno, "binding a route netlink socket");
  for (int group : kGroups)
    if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
      return fail_errno(errno, "subscribing to route netlink group " + std::to_string(group));
  const int size = kReceiveBuffer;  // refused without CAP_NET_ADMIN: then the default must do
  (void)setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  return monitor;
}

RouteMonitor::RouteMonitor(RouteMonitor&& other) noexcept : socket_(std::exchange(other.socket_, nullptr)) {}

RouteMonitor::~RouteMonitor() {
  if (socket_ != nullptr) mnl_socket_close(socket_);
}

int RouteMonitor::fd() const {
  return mnl_socket_get_fd(socket_);
}

RouteMonitor::Changes RouteMonitor::drain() {
  Changes changes;
  alignas(nlmsghdr) char buffer[32768];
  for (;;) {
    const ssize_t length = mnl_socket_recvfrom(socket_, buffer, sizeof buffer);
    if (length >= 0) {
      if (mnl_cb_run(buffer, static_cast<size_t>(length), 0, 0, note_change, &changes) == MNL_CB_ERROR)
        changes.routes = true;
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return changes;
    changes.routes = true;  // ENOBUFS: messages were lost; ENOSPC: one was longer than the buffer
    if (errno != ENOBUFS && errno != ENOSPC) return changes;
  }
}

}  // namespace turnpike::net
