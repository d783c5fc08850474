// SPDX-License-Identifier: Apache-2.0
//
// SendBatch: datagrams collected for one socket and sent by sendmmsg(2). One thread. The data is borrowed:
// it must stay where it is until flush().
//
// Datagrams of one size to one destination that follow each other, also in memory, are one message to the
// kernel, which cuts it apart behind its IP layer (UDP_SEGMENT): most of what a datagram costs is paid once.
// Where the way does not allow that (a size above its MTU, IPsec) they are sent one by one.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "net/socket_address.h"
#include "util/bytes.h"
#include "util/endpoint.h"
#include "util/relay_types.h"

namespace turnpike::net {

class SendBatch {
 public:
  static constexpr size_t kSize = 64;
  static constexpr size_t kMaxHead = 8;
  static constexpr size_t kMaxJoined = 64;  // Linux' UDP_MAX_SEGMENTS

  struct Datagram {
    Endpoint destination;
    const IpAddress* source = nullptr;  // by IP_PKTINFO; nullptr: as the socket is bound
    Bytes head;                         // at most kMaxHead bytes before `data`; copied
    Bytes data;
    IpFields ip;  // what differs from the default is set by control message; dont_fragment for IPv6 only
  };

  // `socket` is borrowed.
  explicit SendBatch(int socket);
  SendBatch(const SendBatch&) = delete;
  SendBatch& operator=(const SendBatch&) = delete;

  // Sends the collected ones first when there is no room.
  void add(const Datagram& datagram);
  void flush();
  // For what is added from now on; there must be nothing to flush.
  void use(int socket) { socket_ = socket; }
  // Datagrams that the kernel refused, since start: too large for the route, no route, buffers full.
  uint64_t failed() const { return failed_; }

  // One that was larger than its path takes and might not be fragmented. `data` is still borrowed.
  struct TooBig {
    IpAddress source;  // unspecified without a source of its own
    Endpoint destination;
    std::array<uint8_t, kMaxHead> head;
    Bytes data;
  };
  // Those since the last call.
  std::vector<TooBig> take_too_big() { return std::exchange(too_big_, {}); }

 private:
  // Source (in6_pktinfo is the larger one), TTL, traffic class, don't-fragment, size of joined datagrams.
  static constexpr size_t kSegmentControlSize = CMSG_SPACE(sizeof(uint16_t));
  static constexpr size_t kControlSize = CMSG_SPACE(20) + 3 * CMSG_SPACE(sizeof(int)) + kSegmentControlSize;
  struct Slot {
    SocketAddress destination;
    Endpoint to;  // the same
    IpFields ip;
    size_t segment;  // size of each datagram but the last
    size_t count;    // of datagrams
    IpAddress source;
    std::array<uint8_t, kMaxHead> head;
    std::array<iovec, 2> pieces;
    alignas(cmsghdr) std::array<uint8_t, kControlSize> control;
  };

  // Adds `datagram` to the message before it; false when it cannot go on there.
  bool join(const Datagram& datagram);
  void send_apart(size_t index);
  void note_too_big(size_t index);

  int socket_;
  size_t count_ = 0;
  bool joins_ = true;
  uint64_t failed_ = 0;
  std::vector<TooBig> too_big_;
  std::vector<Slot> slots_;
  std::vector<mmsghdr> messages_;
};

}  // namespace turnpike::net
