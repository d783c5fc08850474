// SPDX-License-Identifier: Apache-2.0
#include "net/rtnetlink.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace turnpike::net {
namespace {

constexpr size_t kBufferSize = 32768;  // the largest message the kernel sends to a dump
constexpr int kDumpTries = 5;          // a dump during which the table changed ends with EINTR
constexpr uint16_t kUsableStates =
    NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

uint8_t family_of(const IpAddress& address) {
  return address.is_v4() ? AF_INET : AF_INET6;
}
uint8_t bits_of(const IpAddress& address) {
  return address.is_v4() ? 32 : 128;
}

// One request: the netlink header, the family's header H, room for a few attributes.
template <class H>
class Request {
 public:
  Request(uint16_t type, uint16_t flags) : header_(mnl_nlmsg_put_header(buffer_)) {
    header_->nlmsg_type = type;
    header_->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
    body_ = static_cast<H*>(mnl_nlmsg_put_extra_header(header_, sizeof(H)));
  }
  nlmsghdr* header() { return header_; }
  H* operator->() { return body_; }
  void put(uint16_t type, const IpAddress& address) {
    const Bytes wire = address.wire();
    mnl_attr_put(header_, type, wire.size(), wire.data());
  }
  void put(uint16_t type, uint32_t number) { mnl_attr_put_u32(header_, type, number); }

 private:
  alignas(nlmsghdr) char buffer_[512];
  nlmsghdr* header_;
  H* body_;
};

// Calls handle(type, attribute) for each attribute behind the header H.
template <class H, class Handle>
void for_each_attribute(const nlmsghdr* message, Handle handle) {
  const auto callback = [](const nlattr* attribute, void* context) {
    (*static_cast<Handle*>(context))(mnl_attr_get_type(attribute), attribute);
    return MNL_CB_OK;
  };
  (void)mnl_attr_parse(message, sizeof(H), callback, &handle);
}

int take_mtu(const nlattr* metric, void* mtu) {
  if (mnl_attr_get_type(metric) == RTAX_MTU) *static_cast<uint32_t*>(mtu) = mnl_attr_get_u32(metric);
  return MNL_CB_OK;
}

std::optional<IpAddress> address_of(const nlattr* attribute) {
  const auto address = IpAddress::from_wire(Bytes(
      static_cast<const uint8_t*>(mnl_attr_get_payload(attribute)), mnl_attr_get_payload_len(attribute)));
  if (!address) return std::nullopt;
  return *address;
}

std::optional<MacAddress> mac_of(const nlattr* attribute) {
  MacAddress mac;
  if (mnl_attr_get_payload_len(attribute) != mac.size()) return std::nullopt;
  std::memcpy(mac.data(), mnl_attr_get_payload(attribute), mac.size());
  return mac;
}

LocalAddress parse_address(const nlmsghdr* message) {
  const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
  LocalAddress local;
  local.ifindex = header->ifa_index;
  local.global_scope = header->ifa_scope < RT_SCOPE_LINK;
  bool has_local = false;  // IFA_LOCAL is ours, IFA_ADDRESS on a point-to-point link is the other end
  for_each_attribute<ifaddrmsg>(message, [&](uint16_t type, const nlattr* attribute) {
    if (type != IFA_LOCAL && (type != IFA_ADDRESS || has_local)) return;
    has_local = has_local || type == IFA_LOCAL;
    if (const auto address = address_of(attribute)) local.address = *address;
  });
  return local;
}

// Nothing when the route is no unicast route (an IPv6 unreachable route comes as an answer, not an error).
std::optional<Route> parse_route(const nlmsghdr* message, const IpAddress& destination) {
  const auto* header = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message));
  if (header->rtm_type != RTN_UNICAST && header->rtm_type != RTN_LOCAL) return std::nullopt;
  Route route;
  route.next_hop = destination;
  route.local = header->rtm_type == RTN_LOCAL;
  for_each_attribute<rtmsg>(message, [&](uint16_t type, const nlattr* attribute) {
    if (type == RTA_OIF) route.ifindex = mnl_attr_get_u32(attribute);
    if (type == RTA_ENCAP || type == RTA_ENCAP_TYPE) route.encapsulates = true;
    if (type == RTA_GATEWAY) route.next_hop = address_of(attribute).value_or(destination);
    if (type == RTA_VIA && mnl_attr_get_payload_len(attribute) > sizeof(uint16_t)) {
      const auto* via = static_cast<const uint8_t*>(mnl_attr_get_payload(attribute));  // family, address
      const auto gateway = IpAddress::from_wire(
          Bytes(via + sizeof(uint16_t), mnl_attr_get_payload_len(attribute) - sizeof(uint16_t)));
      if (gateway) route.next_hop = *gateway;
    }
    if (type == RTA_METRICS) (void)mnl_attr_parse_nested(attribute, take_mtu, &route.mtu);
  });
  return route;
}

// Calls handle(type, attribute) for each attribute inside `nest`.
template <class Handle>
void for_each_nested(const nlattr* nest, Handle handle) {
  const auto callback = [](const nlattr* attribute, void* context) {
    (*static_cast<Handle*>(context))(mnl_attr_get_type(attribute), attribute);
    return MNL_CB_OK;
  };
  (void)mnl_attr_parse_nested(nest, callback, &handle);
}

void take_link_info(const nlattr* info, Link& link) {
  const nlattr* data = nullptr;
  for_each_nested(info, [&](uint16_t type, const nlattr* attribute) {
    if (type == IFLA_INFO_KIND) link.kind = mnl_attr_get_str(attribute);
    if (type == IFLA_INFO_DATA) data = attribute;
  });
  if (link.kind != "vlan" || data == nullptr) return;
  for_each_nested(data, [&](uint16_t type, const nlattr* attribute) {
    if (type == IFLA_VLAN_ID) link.vlan_id = mnl_attr_get_u16(attribute);
    if (type == IFLA_VLAN_PROTOCOL) link.vlan_protocol = ntohs(mnl_attr_get_u16(attribute));
  });
}

void take_programs(const nlattr* xdp, Link& link) {
  for_each_nested(xdp, [&](uint16_t type, const nlattr* attribute) {
    if (type == IFLA_XDP_DRV_PROG_ID) link.native_program = mnl_attr_get_u32(attribute);
    if (type == IFLA_XDP_SKB_PROG_ID) link.generic_program = mnl_attr_get_u32(attribute);
  });
}

void take_statistics(const nlattr* attribute, Link& link) {
  constexpr size_t kNeeded = offsetof(rtnl_link_stats64, multicast);
  if (mnl_attr_get_payload_len(attribute) < kNeeded) return;
  rtnl_link_stats64 stats{};  // the attribute is aligned to four bytes only
  std::memcpy(&stats, mnl_attr_get_payload(attribute), kNeeded);
  link.tx_packets = stats.tx_packets;
  link.tx_dropped = stats.tx_dropped;
}

}  // namespace

Link parse_link(const nlmsghdr* message) {
  const auto* header = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  Link link;
  link.ifindex = static_cast<unsigned>(header->ifi_index);
  link.enabled = (header->ifi_flags & IFF_UP) != 0;
  // Not IFF_RUNNING, which follows the carrier some time later.
  link.up = link.enabled && (header->ifi_flags & IFF_LOWER_UP) != 0;
  link.loopback = (header->ifi_flags & IFF_LOOPBACK) != 0;
  link.ethernet = header->ifi_type == ARPHRD_ETHER;
  bool parent_elsewhere = false;
  for_each_attribute<ifinfomsg>(message, [&](uint16_t type, const nlattr* attribute) {
    if (type == IFLA_IFNAME) link.name = mnl_attr_get_str(attribute);
    if (type == IFLA_MTU) link.mtu = mnl_attr_get_u32(attribute);
    if (type == IFLA_ADDRESS) link.mac = mac_of(attribute).value_or(MacAddress{});
    if (type == IFLA_LINK) link.parent = mnl_attr_get_u32(attribute);
    if (type == IFLA_LINK_NETNSID) parent_elsewhere = true;
    if (type == IFLA_LINKINFO) take_link_info(attribute, link);
    if (type == IFLA_XDP) take_programs(attribute, link);
    if (type == IFLA_CARRIER_DOWN_COUNT) link.carrier_downs = mnl_attr_get_u32(attribute);
    if (type == IFLA_STATS64) take_statistics(attribute, link);
  });
  if (parent_elsewhere) link.parent = 0;
  return link;
}

Result<RouteReader> RouteReader::create() {
  mnl_socket* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
  if (socket == nullptr) return fail_errno(errno, "opening a route netlink socket");
  RouteReader reader(socket);
  if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) != 0)
    return fail_errno(errno, "binding a route netlink socket");
  return reader;
}

RouteReader::RouteReader(RouteReader&& other) noexcept
    : socket_(std::exchange(other.socket_, nullptr)), sequence_(other.sequence_) {}

RouteReader::~RouteReader() {
  if (socket_ != nullptr) mnl_socket_close(socket_);
}

template <class Handle>
int RouteReader::ask(void* request, Handle handle) {
  auto* header = static_cast<nlmsghdr*>(request);
  header->nlmsg_seq = ++sequence_;
  // Every request is acknowledged, so that the answer ends with a message whether it has a body or not.
  header->nlmsg_flags |= NLM_F_ACK;
  if (mnl_socket_sendto(socket_, header, header->nlmsg_len) < 0) return errno;
  const auto callback = [](const nlmsghdr* message, void* context) {
    (*static_cast<Handle*>(context))(message);
    return MNL_CB_OK;
  };
  alignas(nlmsghdr) char buffer[kBufferSize];
  for (;;) {
    const ssize_t length = mnl_socket_recvfrom(socket_, buffer, sizeof buffer);
    if (length < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    errno = 0;
    const int more = mnl_cb_run(buffer, static_cast<size_t>(length), sequence_,
                                mnl_socket_get_portid(socket_), callback, &handle);
    if (more == MNL_CB_STOP) return 0;
    // EPROTO and ESRCH: the rest of an earlier answer, whose sequence number is not ours.
    if (more == MNL_CB_ERROR && errno != EPROTO && errno != ESRCH) return errno;
  }
}

Result<std::vector<Link>> RouteReader::links() {
  Request<ifinfomsg> request(RTM_GETLINK, NLM_F_DUMP);
  request->ifi_family = AF_UNSPEC;
  std::vector<Link> links;
  int error = EINTR;
  for (int i = 0; i < kDumpTries && error == EINTR; ++i) {
    links.clear();
    error = ask(request.header(), [&](const nlmsghdr* message) {
      if (message->nlmsg_type == RTM_NEWLINK) links.push_back(parse_link(message));
    });
  }
  if (error != 0) return fail_errno(error, "listing the network interfaces");
  return links;
}

Result<Link> RouteReader::link(unsigned ifindex) {
  Request<ifinfomsg> request(RTM_GETLINK, 0);
  request->ifi_family = AF_UNSPEC;
  request->ifi_index = static_cast<int>(ifindex);
  std::optional<Link> link;
  const int error = ask(request.header(), [&](const nlmsghdr* message) {
    if (message->nlmsg_type == RTM_NEWLINK) link = parse_link(message);
  });
  if (error != 0) return fail_errno(error, "interface with index " + std::to_string(ifindex));
  if (!link) return fail(ErrorCode::kNotFound, "no interface with index " + std::to_string(ifindex));
  return *link;
}

Result<std::vector<LocalAddress>> RouteReader::addresses() {
  Request<ifaddrmsg> request(RTM_GETADDR, NLM_F_DUMP);
  request->ifa_family = AF_UNSPEC;
  std::vector<LocalAddress> addresses;
  int error = EINTR;
  for (int i = 0; i < kDumpTries && error == EINTR; ++i) {
    addresses.clear();
    error = ask(request.header(), [&](const nlmsghdr* message) {
      if (message->nlmsg_type == RTM_NEWADDR) addresses.push_back(parse_address(message));
    });
  }
  if (error != 0) return fail_errno(error, "listing the interfaces' addresses");
  return addresses;
}

int RouteReader::look_up(const IpAddress* source, const IpAddress& destination, std::optional<Route>& route) {
  Request<rtmsg> request(RTM_GETROUTE, 0);
  request->rtm_family = family_of(destination);
  request->rtm_dst_len = bits_of(destination);
  request.put(RTA_DST, destination);
  if (source != nullptr) {
    request->rtm_src_len = bits_of(*source);
    request.put(RTA_SRC, *source);
  }
  return ask(request.header(), [&](const nlmsghdr* message) {
    if (message->nlmsg_type == RTM_NEWROUTE) route = parse_route(message, destination);
  });
}

Result<Route> RouteReader::route(const IpAddress& source, const IpAddress& destination) {
  std::optional<Route> route;
  const bool with_source = !source.is_unspecified() && source.is_v4() == destination.is_v4();
  int error = look_up(with_source ? &source : nullptr, destination, route);
  if (error != 0 && with_source) {
    // IPv4 refuses a source that is no address of this host; the route by destination alone still holds.
    std::optional<Route> to_source;
    const bool local = look_up(nullptr, source, to_source) == 0 && to_source && to_source->local;
    if (!local) error = look_up(nullptr, destination, route);
  }
  if (error == 0 && route) return *route;
  return fail(ErrorCode::kNotFound, "no route from " + source.to_string() + " to " + destination.to_string() +
                                        (error != 0 ? ": " + std::generic_category().message(error) : ""));
}

RouteReader::Neighbour RouteReader::neighbour_entry(unsigned ifindex, const IpAddress& address) {
  Neighbour found;
  const auto take = [&](const nlmsghdr* message) {
    if (message->nlmsg_type != RTM_NEWNEIGH) return;
    const auto* header = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(message));
    Neighbour entry{header->ndm_state, std::nullopt};
    bool same = static_cast<unsigned>(header->ndm_ifindex) == ifindex;
    for_each_attribute<ndmsg>(message, [&](uint16_t type, const nlattr* attribute) {
      if (type == NDA_DST) same = same && address_of(attribute) == address;
      if (type == NDA_LLADDR) entry.mac = mac_of(attribute);
    });
    if (same) found = entry;
  };
  Request<ndmsg> single(RTM_GETNEIGH, 0);
  single->ndm_family = family_of(address);
  single->ndm_ifindex = static_cast<int>(ifindex);
  single.put(NDA_DST, address);
  const int error = ask(single.header(), take);
  if (error != EOPNOTSUPP && error != EINVAL) return found;
  Request<ndmsg> dump(RTM_GETNEIGH, NLM_F_DUMP);  // kernels before 5.0 have no single look-up
  dump->ndm_family = family_of(address);
  (void)ask(dump.header(), take);
  return found;
}

std::optional<MacAddress> RouteReader::neighbour(unsigned ifindex, const IpAddress& address) {
  const Neighbour entry = neighbour_entry(ifindex, address);
  if ((entry.state & kUsableStates) == 0) return std::nullopt;
  return entry.mac;
}

bool RouteReader::use_neighbour(unsigned ifindex, const IpAddress& address, bool managed) {
  Request<ndmsg> request(RTM_NEWNEIGH, NLM_F_CREATE);
  request->ndm_family = family_of(address);
  request->ndm_ifindex = static_cast<int>(ifindex);
  request->ndm_state = NUD_NONE;
  request->ndm_flags = managed ? 0 : NTF_USE;
  request.put(NDA_DST, address);
  if (managed) request.put(NDA_FLAGS_EXT, NTF_EXT_MANAGED);
  return ask(request.header(), [](const nlmsghdr*) {}) == 0;
}

void RouteReader::keep_resolved(unsigned ifindex, const IpAddress& address) {
  // The kernel takes NUD_PERMANENT away from an entry that is put under management.
  if ((neighbour_entry(ifindex, address).state & (NUD_PERMANENT | NUD_NOARP)) != 0) return;
  // NTF_MANAGED came with Linux 5.16; before, the request is refused for its state of none.
  if (!use_neighbour(ifindex, address, true)) (void)use_neighbour(ifindex, address, false);
}

void RouteReader::release_resolved(unsigned ifindex, const IpAddress& address) {
  const uint16_t state = neighbour_entry(ifindex, address).state;
  if (state == NUD_NONE || (state & (NUD_PERMANENT | NUD_NOARP)) != 0) return;
  (void)use_neighbour(ifindex, address, false);  // an update without the flag takes it away
}

std::vector<RouteReader::KeptNeighbour> RouteReader::kept_resolved() {
  std::vector<KeptNeighbour> kept;
  Request<ndmsg> dump(RTM_GETNEIGH, NLM_F_DUMP);
  dump->ndm_family = AF_UNSPEC;
  (void)ask(dump.header(), [&](const nlmsghdr* message) {
    if (message->nlmsg_type != RTM_NEWNEIGH) return;
    const auto* header = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(message));
    std::optional<IpAddress> address;
    std::optional<MacAddress> mac;
    bool managed = false;
    for_each_attribute<ndmsg>(message, [&](uint16_t type, const nlattr* attribute) {
      if (type == NDA_DST) address = address_of(attribute);
      if (type == NDA_LLADDR) mac = mac_of(attribute);
      if (type == NDA_FLAGS_EXT) managed = (mnl_attr_get_u32(attribute) & NTF_EXT_MANAGED) != 0;
    });
    if (managed && address && mac)
      kept.push_back({static_cast<unsigned>(header->ndm_ifindex), *address, *mac});
  });
  return kept;
}

}  // namespace turnpike::net
