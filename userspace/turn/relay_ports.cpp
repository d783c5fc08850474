// SPDX-License-Identifier: Apache-2.0
#include "turn/relay_ports.h"

#include <bit>

namespace turnpike::turn {
namespace {

constexpr size_t kWordBits = 64;

uint64_t mask_of(size_t index) {
  return uint64_t{1} << index % kWordBits;
}

// The bits at which a port, or the even port of a pair, may be claimed.
uint64_t fitting(uint64_t free, PortShape shape) {
  constexpr uint64_t kEvenBits = 0x5555555555555555;
  if (shape == PortShape::kAny) return free;
  return free & kEvenBits & (shape == PortShape::kPair ? free >> 1 : ~uint64_t{0});
}

}  // namespace

RelayPorts::RelayPorts(const std::vector<IpAddress>& addresses, PortRange range) : range_(range) {
  const size_t bits = range.last >= range.first ? index_of(range.last) + 1 : 0;
  words_ = (bits + kWordBits - 1) / kWordBits;
  for (const IpAddress& address : addresses)
    used_[address] = std::make_unique<Bitmap>(words_);
}

std::atomic<uint64_t>* RelayPorts::word_of(const Endpoint& relayed) const {
  const auto found = used_.find(relayed.address);
  if (found == used_.end() || !range_.contains(relayed.port)) return nullptr;
  return &(*found->second)[index_of(relayed.port) / kWordBits];
}

bool RelayPorts::owned(const Endpoint& relayed) const {
  const std::atomic<uint64_t>* word = word_of(relayed);
  return word != nullptr && (word->load(std::memory_order_acquire) & mask_of(index_of(relayed.port))) != 0;
}

bool RelayPorts::claim(const Endpoint& relayed) {
  std::atomic<uint64_t>* word = word_of(relayed);
  const uint64_t mask = mask_of(index_of(relayed.port));
  return word != nullptr && (word->fetch_or(mask, std::memory_order_acq_rel) & mask) == 0;
}

void RelayPorts::release(const Endpoint& relayed) {
  std::atomic<uint64_t>* word = word_of(relayed);
  if (word != nullptr) word->fetch_and(~mask_of(index_of(relayed.port)), std::memory_order_acq_rel);
}

void RelayPorts::insert(PortSet& set, uint16_t port) const {
  set[index_of(port) / kWordBits] |= mask_of(index_of(port));
}

std::optional<uint16_t> RelayPorts::claim_next(const IpAddress& address, uint16_t start, const PortSet& among,
                                               PortShape shape) {
  const auto found = used_.find(address);
  if (found == used_.end()) return std::nullopt;
  Bitmap& bitmap = *found->second;
  const size_t first = index_of(start) / kWordBits;
  const uint64_t from_start = ~uint64_t{0} << index_of(start) % kWordBits;
  // The first word comes twice: its ports from `start` on at first, those before it in the end.
  for (size_t step = 0; step <= words_; ++step) {
    const size_t position = (first + step) % words_;
    const uint64_t in_turn = step == 0 ? from_start : step == words_ ? ~from_start : ~uint64_t{0};
    uint64_t used = bitmap[position].load(std::memory_order_acquire);
    while (const uint64_t fit = fitting(among[position] & ~used, shape) & in_turn) {
      const auto bit = static_cast<unsigned>(std::countr_zero(fit));
      const uint64_t claimed = (shape == PortShape::kPair ? uint64_t{3} : uint64_t{1}) << bit;
      if (bitmap[position].compare_exchange_weak(used, used | claimed, std::memory_order_acq_rel))
        return static_cast<uint16_t>(base() + position * kWordBits + bit);
    }
  }
  return std::nullopt;
}

PortAllocator::PortAllocator(RelayPorts& ports, unsigned worker, unsigned workers, Random& random)
    : ports_(ports), slice_set_(ports.no_ports()), random_(random) {
  for (unsigned number = ports.range().first; number <= ports.range().last; ++number) {
    if (number / 2 % workers != worker) continue;
    const auto port = static_cast<uint16_t>(number);
    slice_.push_back(port);
    ports.insert(slice_set_, port);
  }
}

std::optional<uint16_t> PortAllocator::claim(const IpAddress& address, PortShape shape) {
  if (slice_.empty()) return std::nullopt;
  const uint16_t start = slice_[random_.below(static_cast<uint32_t>(slice_.size()))];
  return ports_.claim_next(address, start, slice_set_, shape);
}

}  // namespace turnpike::turn
