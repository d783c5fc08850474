// SPDX-License-Identifier: Apache-2.0
#include "net/burst_sockets.h"

#include "net/udp_socket.h"

namespace turnpike::net {

int BurstSockets::find(const Endpoint& source, size_t datagrams) {
  if (const auto found = by_source_.find(source); found != by_source_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->socket.get();
  }
  if (datagrams < kPays) return -1;
  // What keeps it from being opened (another process has the port) does not keep a raw socket from sending.
  auto socket = open_listening_socket(source);
  if (!socket) return -1;
  if (entries_.size() == kMost) close(entries_.back().source);
  entries_.push_front({source, std::move(*socket)});
  by_source_.emplace(source, entries_.begin());
  return entries_.front().socket.get();
}

void BurstSockets::close(const Endpoint& source) {
  const auto found = by_source_.find(source);
  if (found == by_source_.end()) return;
  const auto entry = found->second;
  by_source_.erase(found);
  entries_.erase(entry);
}

}  // namespace turnpike::net
