// SPDX-License-Identifier: Apache-2.0
#include "net/socket_address.h"

#include <arpa/inet.h>

#include <cstring>

namespace turnpike::net {

SocketAddress to_socket_address(const Endpoint& endpoint, bool mapped) {
  SocketAddress result{};
  if (endpoint.address.is_v4() && !mapped) {
    result.v4.sin_family = AF_INET;
    result.v4.sin_port = htons(endpoint.port);
    std::memcpy(&result.v4.sin_addr, endpoint.address.wire().data(), 4);
    result.length = sizeof result.v4;
  } else {
    result.v6.sin6_family = AF_INET6;
    result.v6.sin6_port = htons(endpoint.port);
    std::memcpy(&result.v6.sin6_addr, endpoint.address.bytes().data(), 16);
    result.length = sizeof result.v6;
  }
  return result;
}

Endpoint to_endpoint(const sockaddr_in& address) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&address.sin_addr);
  return {IpAddress::v4(bytes[0], bytes[1], bytes[2], bytes[3]), ntohs(address.sin_port)};
}

Endpoint to_endpoint(const sockaddr_in6& address) {
  IpAddress::Storage bytes;
  std::memcpy(bytes.data(), &address.sin6_addr, bytes.size());
  return {IpAddress::v6(bytes), ntohs(address.sin6_port)};
}

}  // namespace turnpike::net
