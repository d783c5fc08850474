// SPDX-License-Identifier: Apache-2.0
//
// IcmpIngress: the ICMP errors that this host gets about UDP datagrams it sent. Two raw sockets, filtered by
// the kernel to the types that matter. What cannot be true is ignored (RFC 5927 §4); of what can, no more
// than kPerSecond are told, so that a flood of errors costs little more than throwing it away. One thread.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>

#include "net/icmp_message.h"
#include "util/cell_rate.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/result.h"

namespace turnpike::net {

class IcmpIngress {
 public:
  static constexpr uint32_t kPerSecond = 200;
  using Ours = std::function<bool(const Endpoint&)>;
  using Callback = std::function<void(const IcmpNotice&)>;

  // kPermission without CAP_NET_RAW.
  static Result<std::unique_ptr<IcmpIngress>> create();

  int v4_fd() const { return v4_.get(); }
  int v6_fd() const { return v6_.get(); }
  // Hands what has come about datagrams from endpoints that are `ours` to `callback`. To be called when a
  // descriptor is readable; what it leaves for the next call keeps it so.
  void receive(MonotonicTime now, const Ours& ours, const Callback& callback);
  uint64_t ignored() const { return ignored_; }  // about datagrams of ours: beyond kPerSecond, or untrue

 private:
  IcmpIngress() = default;
  // One more error that waits in `socket`; nullopt when there is none.
  struct Received;
  std::optional<Received> read(int socket);
  void drain(int socket, MonotonicTime now, const Ours& ours, const Callback& callback);

  UniqueFd v4_, v6_;
  static constexpr CellRate kRate{kPerSecond, kPerSecond};
  MonotonicTime budget_full_at_;
  uint64_t ignored_ = 0;
  std::array<uint8_t, 2048> buffer_{};
};

}  // namespace turnpike::net
