// SPDX-License-Identifier: Apache-2.0
//
// ReceiveBatch: the datagrams of one recvmmsg(2), with where they came from, where they went to and what of
// their IP headers a relay carries over. One thread; one batch serves all sockets of a worker.
//
// Where the socket asks for it (UDP_GRO) the kernel joins datagrams of one size that follow each other from
// one sender, with the same IP header fields, and passes them through the stack as one; here they are single
// again.
//
// Each buffer takes the largest UDP datagram there is, so nothing is ever truncated. Memory that was never
// written costs no page: with datagrams of usual size a batch of kSize occupies about 128 KiB.
//
// Don't-fragment of a received packet cannot be asked of a UDP socket: dont_fragment is always false, which
// is the "alternate behavior" that RFC 8656 §14 permits.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "util/bytes.h"
#include "util/endpoint.h"
#include "util/relay_types.h"

namespace turnpike::net {

struct ReceivedDatagram {
  Bytes data;  // valid until the next receive()
  Endpoint remote;
  Endpoint local;  // original destination; all zeros when the socket does not report it
  IpFields ip;
};

class ReceiveBatch {
 public:
  static constexpr size_t kSize = 32;  // datagrams, or runs of joined ones

  ReceiveBatch();
  ReceiveBatch(const ReceiveBatch&) = delete;
  ReceiveBatch& operator=(const ReceiveBatch&) = delete;

  // How many datagrams `socket` had; 0 when there is none or the kernel reports an error. Less than kSize:
  // those were all.
  size_t receive(int socket);
  // `index` below what receive() returned.
  const ReceivedDatagram& operator[](size_t index) const { return datagrams_[index]; }

 private:
  static constexpr size_t kBufferSize = 65536;
  // Not a multiple of 4096, lest the first bytes of all buffers compete for the same sets of the L1 cache.
  static constexpr size_t kStride = kBufferSize + 1600;
  // Original destination, TTL and traffic class of either family, size of joined datagrams.
  static constexpr size_t kControlSize = CMSG_SPACE(28 /* sockaddr_in6 */) + 3 * CMSG_SPACE(sizeof(int));
  struct alignas(cmsghdr) Control {
    std::array<uint8_t, kControlSize> bytes;
  };

  void unfold(size_t index);

  std::unique_ptr<uint8_t[]> buffers_;
  std::array<mmsghdr, kSize> messages_{};
  std::array<iovec, kSize> pieces_{};
  std::array<sockaddr_storage, kSize> remotes_{};
  std::array<Control, kSize> controls_{};
  std::vector<ReceivedDatagram> datagrams_;
};

}  // namespace turnpike::net
