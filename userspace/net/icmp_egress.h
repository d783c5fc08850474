// SPDX-License-Identifier: Apache-2.0
//
// IcmpEgress: sends ICMP errors from any address of this host: that a packet was too big (RFC 1191, RFC
// 8201), so that its sender learns the path's MTU. At most kPerSecond of them, for anybody can cause them.
// One thread.
#pragma once

#include <memory>

#include "net/icmp_message.h"
#include "net/send_batch.h"
#include "util/cell_rate.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/result.h"

namespace turnpike::net {

class IcmpEgress {
 public:
  static constexpr uint32_t kPerSecond = 100;

  // kPermission without CAP_NET_RAW.
  static Result<std::unique_ptr<IcmpEgress>> create();

  // `packet`: the IP packet that was too big, as far as it is there. The error goes to its source, from its
  // destination, an address of this host.
  void send_too_big(Bytes packet, uint32_t mtu, MonotonicTime now);
  uint64_t sent() const { return sent_; }

 private:
  IcmpEgress(UniqueFd v4, UniqueFd v6);

  UniqueFd v4_, v6_;
  SendBatch v4_batch_, v6_batch_;
  static constexpr CellRate kRate{kPerSecond, kPerSecond};
  MonotonicTime budget_full_at_;
  uint64_t sent_ = 0;
};

}  // namespace turnpike::net
