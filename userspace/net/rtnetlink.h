// SPDX-License-Identifier: Apache-2.0
//
// Routes, neighbours, links and addresses by netlink (libmnl). RouteReader asks; RouteMonitor tells that
// something changed. Both work in the network namespace of the thread that created them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "util/fd.h"
#include "util/ip_address.h"
#include "util/result.h"

struct mnl_socket;
struct nlmsghdr;

namespace turnpike::net {

using MacAddress = std::array<uint8_t, 6>;

struct Link {
  unsigned ifindex = 0;
  std::string name;
  MacAddress mac{};
  uint32_t mtu = 0;
  bool enabled = false;  // administratively up
  bool up = false;       // that, and with carrier
  bool loopback = false;
  bool ethernet = false;  // ARPHRD_ETHER
  std::string kind;       // of a virtual device: "vlan", "veth", "bridge", "bond", …; else empty
  unsigned parent = 0;    // the device below a VLAN, a veth's other end; 0: none, or in another namespace
  uint16_t vlan_protocol = 0;  // ETH_P_8021Q or ETH_P_8021AD when `kind` is "vlan"
  uint16_t vlan_id = 0;
  uint32_t native_program = 0;  // ids of XDP programs; 0: none
  uint32_t generic_program = 0;
  uint32_t carrier_downs = 0;  // how often the carrier was lost
  uint64_t tx_packets = 0;
  uint64_t tx_dropped = 0;
};

// Of an RTM_NEWLINK message.
Link parse_link(const nlmsghdr* message);

struct LocalAddress {
  IpAddress address;
  unsigned ifindex = 0;
  bool global_scope = true;  // false: link or host scope
};

// Where a packet from `source` to `destination` leaves.
struct Route {
  unsigned ifindex = 0;
  IpAddress next_hop;         // gateway, or the destination itself when on link
  uint32_t mtu = 0;           // route metric if any, else 0
  bool local = false;         // destination is this host
  bool encapsulates = false;  // packets leave inside others (RTA_ENCAP: MPLS, SRv6, IP in IP, …)
  bool operator==(const Route&) const = default;
};

class RouteReader {
 public:
  static Result<RouteReader> create();
  RouteReader(RouteReader&& other) noexcept;
  RouteReader& operator=(RouteReader&&) = delete;
  ~RouteReader();

  Result<std::vector<Link>> links();
  // kNotFound when there is no such interface.
  Result<Link> link(unsigned ifindex);
  Result<std::vector<LocalAddress>> addresses();
  // kNotFound when there is no route.
  Result<Route> route(const IpAddress& source, const IpAddress& destination);
  // The neighbour's MAC when its entry is usable (REACHABLE, STALE, DELAY, PROBE, PERMANENT, NOARP).
  std::optional<MacAddress> neighbour(unsigned ifindex, const IpAddress& address);
  // Asks the kernel to resolve it and keep it so (NTF_MANAGED, else NTF_USE once). Entries that the operator
  // made permanent stay as they are.
  void keep_resolved(unsigned ifindex, const IpAddress& address);
  // Ends keep_resolved(): the entry ages like any other.
  void release_resolved(unsigned ifindex, const IpAddress& address);
  // Those that keep_resolved() was asked for, by whichever process, as far as they are resolved.
  struct KeptNeighbour {
    unsigned ifindex = 0;
    IpAddress address;
    MacAddress mac{};
  };
  std::vector<KeptNeighbour> kept_resolved();

 private:
  struct Neighbour {
    uint16_t state = 0;
    std::optional<MacAddress> mac;
  };

  explicit RouteReader(mnl_socket* socket) : socket_(socket) {}
  // Sends `request` and hands each answer to `handle`. 0, or the errno that the kernel answered.
  template <class Handle>
  int ask(void* request, Handle handle);
  // `source` may be null. An errno, or 0 with nothing in `route` when what was found is no unicast route.
  int look_up(const IpAddress* source, const IpAddress& destination, std::optional<Route>& route);
  Neighbour neighbour_entry(unsigned ifindex, const IpAddress& address);
  bool use_neighbour(unsigned ifindex, const IpAddress& address, bool managed);

  mnl_socket* socket_;
  uint32_t sequence_ = 0;
};

class RouteMonitor {
 public:
  static Result<RouteMonitor> create();
  RouteMonitor(RouteMonitor&& other) noexcept;
  RouteMonitor& operator=(RouteMonitor&&) = delete;
  ~RouteMonitor();

  int fd() const;
  // Reads all that is pending. Says what must be looked up again; an overrun (ENOBUFS) means everything.
  struct Changes {
    bool routes = false;  // routes, rules, links or addresses: every next hop
    std::vector<std::pair<unsigned, IpAddress>> neighbours;  // (ifindex, address)
  };
  Changes drain();

 private:
  explicit RouteMonitor(mnl_socket* socket) : socket_(socket) {}
  mnl_socket* socket_;
};

}  // namespace turnpike::net
