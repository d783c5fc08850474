// SPDX-License-Identifier: Apache-2.0
//
// Endpoints as the kernel's maps keep them (bpf/abi.h), and back.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <iterator>

#include "bpf/abi.h"
#include "util/endpoint.h"

namespace turnpike::fastpath {

inline tp_endpoint to_abi(const Endpoint& endpoint) {
  tp_endpoint entry{};
  std::copy(endpoint.address.bytes().begin(), endpoint.address.bytes().end(), entry.address);
  entry.port = htons(endpoint.port);
  return entry;
}

inline IpAddress address_from_abi(const uint8_t (&bytes)[16]) {
  IpAddress::Storage storage;
  std::copy(std::begin(bytes), std::end(bytes), storage.begin());
  return IpAddress::v6(storage);
}

inline Endpoint from_abi(const tp_endpoint& entry) {
  return {address_from_abi(entry.address), ntohs(entry.port)};
}

}  // namespace turnpike::fastpath
