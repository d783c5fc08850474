// SPDX-License-Identifier: Apache-2.0
#include "udp_endpoint.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace turnpike::load {
namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress to_socket_address(const Endpoint& endpoint) {
  SocketAddress result;
  const Bytes wire = endpoint.address.wire();
  if (endpoint.address.is_v4()) {
    auto* address = reinterpret_cast<sockaddr_in*>(&result.storage);
    address->sin_family = AF_INET;
    address->sin_port = htons(endpoint.port);
    std::memcpy(&address->sin_addr, wire.data(), wire.size());
    result.size = sizeof(*address);
  } else {
    auto* address = reinterpret_cast<sockaddr_in6*>(&result.storage);
    address->sin6_family = AF_INET6;
    address->sin6_port = htons(endpoint.port);
    std::memcpy(&address->sin6_addr, wire.data(), wire.size());
    result.size = sizeof(*address);
  }
  return result;
}

Result<Endpoint> local_endpoint(int fd) {
  SocketAddress local;
  local.size = sizeof(local.storage);
  if (::getsockname(fd, local.get(), &local.size) != 0) return fail_errno(errno, "getsockname");
  if (local.storage.ss_family == AF_INET) {
    const auto* address = reinterpret_cast<const sockaddr_in*>(&local.storage);
    auto ip = IpAddress::from_wire(Bytes(reinterpret_cast<const uint8_t*>(&address->sin_addr), 4));
    if (!ip) return forward(ip);
    return Endpoint{*ip, ntohs(address->sin_port)};
  }
  const auto* address = reinterpret_cast<const sockaddr_in6*>(&local.storage);
  auto ip = IpAddress::from_wire(Bytes(reinterpret_cast<const uint8_t*>(&address->sin6_addr), 16));
  if (!ip) return forward(ip);
  return Endpoint{*ip, ntohs(address->sin6_port)};
}

Result<UniqueFd> udp_socket(const IpAddress& address) {
  UniqueFd fd(::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno(errno, "UDP socket");
  return fd;
}

}  // namespace

Result<UdpEndpoint> UdpEndpoint::bind(const Endpoint& local) {
  auto fd = udp_socket(local.address);
  if (!fd) return forward(fd);
  SocketAddress address = to_socket_address(local);
  if (::bind(fd->get(), address.get(), address.size) != 0)
    return fail_errno(errno, "binding " + local.to_string());
  auto bound = local_endpoint(fd->get());
  if (!bound) return forward(bound);
  return UdpEndpoint(std::move(*fd), *bound);
}

Result<UdpEndpoint> UdpEndpoint::towards(const Endpoint& remote) {
  auto probe = udp_socket(remote.address);
  if (!probe) return forward(probe);
  SocketAddress address = to_socket_address(remote);
  if (::connect(probe->get(), address.get(), address.size) != 0)
    return fail_errno(errno, "no route to " + remote.to_string());
  auto local = local_endpoint(probe->get());
  if (!local) return forward(local);
  return bind({local->address, 0});
}

Result<void> UdpEndpoint::send(const Endpoint& to, Bytes datagram) const {
  SocketAddress address = to_socket_address(to);
  if (::sendto(fd_.get(), datagram.data(), datagram.size(), 0, address.get(), address.size) < 0)
    return fail_errno(errno, "sending to " + to.to_string());
  return {};
}

std::optional<std::vector<uint8_t>> UdpEndpoint::receive(std::chrono::milliseconds limit) const {
  pollfd readable{fd_.get(), POLLIN, 0};
  if (::poll(&readable, 1, static_cast<int>(limit.count())) <= 0) return std::nullopt;
  std::array<uint8_t, 65535> buffer;
  const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (size < 0) return std::nullopt;
  return std::vector<uint8_t>(buffer.begin(), buffer.begin() + size);
}

}  // namespace turnpike::load
