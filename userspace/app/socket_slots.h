// SPDX-License-Identifier: Apache-2.0
//
// SocketSlots: which slot of the steering table holds which socket, with W workers and L listening endpoints.
//
//   slot 0 … W-1             endpoint 0: the listening sockets of workers 0 … W-1
//   …
//   slot (L-1)·W … L·W-1     endpoint L-1
//   slot L·W … (L+1)·W-1     the relay sockets of workers 0 … W-1
//
// So a listening endpoint is W slots in a row, from which a hash of the client picks, and an owned relay port
// one slot.
#pragma once

#include <cstdint>

namespace turnpike::app {

struct SocketSlots {
  uint32_t workers = 1;
  uint32_t endpoints = 1;

  uint32_t listening(uint32_t endpoint, uint32_t worker) const { return endpoint * workers + worker; }
  uint32_t relay(uint32_t worker) const { return endpoints * workers + worker; }
  uint32_t count() const { return (endpoints + 1) * workers; }
};

}  // namespace turnpike::app
