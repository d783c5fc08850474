// SPDX-License-Identifier: Apache-2.0
#include "turn/relay_ports.h"

namespace turnpike::turn {
namespace {

constexpr size_t kWordBits = 64;

uint64_t mask_of(size_t index) {
  return uint64_t{1} << index % kWordBits;
}

}  // namespace

RelayPorts::RelayPorts(const std::vector<IpAddress>& addresses, PortRange range) : range_(range) {
  const size_t ports = range.last >= range.first ? size_t{range.last} - range.first + 1 : 0;
  for (const IpAddress& address : addresses)
    used_[address] = std::make_unique<Bitmap>((ports + kWordBits - 1) / kWordBits);
}

std::atomic<uint64_t>* RelayPorts::word_of(const Endpoint& relayed) const {
  const auto found = used_.find(relayed.address);
  if (found == used_.end() || !range_.contains(relayed.port)) return nullptr;
  return &(*found->second)[index_of(relayed) / kWordBits];
}

bool RelayPorts::owned(const Endpoint& relayed) const {
  const std::atomic<uint64_t>* word = word_of(relayed);
  return word != nullptr && (word->load(std::memory_order_acquire) & mask_of(index_of(relayed))) != 0;
}

bool RelayPorts::claim(const Endpoint& relayed) {
  std::atomic<uint64_t>* word = word_of(relayed);
  const uint64_t mask = mask_of(index_of(relayed));
  return word != nullptr && (word->fetch_or(mask, std::memory_order_acq_rel) & mask) == 0;
}

void RelayPorts::release(const Endpoint& relayed) {
  std::atomic<uint64_t>* word = word_of(relayed);
  if (word != nullptr) word->fetch_and(~mask_of(index_of(relayed)), std::memory_order_acq_rel);
}

PortAllocator::PortAllocator(RelayPorts& ports, unsigned worker, unsigned workers, Random& random)
    : ports_(ports), random_(random) {
  for (unsigned port = ports.range().first; port <= ports.range().last; ++port)
    if (port / 2 % workers == worker) slice_.push_back(static_cast<uint16_t>(port));
}

template <class Fits>
std::optional<uint16_t> PortAllocator::search(Fits fits) {
  if (slice_.empty()) return std::nullopt;
  const size_t start = random_.below(static_cast<uint32_t>(slice_.size()));
  for (size_t step = 0; step < slice_.size(); ++step) {
    const uint16_t port = slice_[(start + step) % slice_.size()];
    if (fits(port)) return port;
  }
  return std::nullopt;
}

std::optional<uint16_t> PortAllocator::claim(const IpAddress& address) {
  return search([&](uint16_t port) { return ports_.claim({address, port}); });
}

std::optional<uint16_t> PortAllocator::claim_even(const IpAddress& address, bool pair) {
  return search([&](uint16_t port) {
    if (port % 2 != 0 || !ports_.claim({address, port})) return false;
    if (!pair || ports_.claim({address, static_cast<uint16_t>(port + 1)})) return true;
    ports_.release({address, port});
    return false;
  });
}

}  // namespace turnpike::turn
