// SPDX-License-Identifier: Apache-2.0
#include "fastpath/blocked_sources.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace turnpike::fastpath {
namespace {

tp_prefix to_abi(uint32_t length, const IpAddress::Storage& address) {
  tp_prefix prefix{};
  prefix.length = length;
  std::copy(address.begin(), address.end(), prefix.address);
  return prefix;
}

// The first `length` bits of an address; the others are 0.
IpAddress::Storage cut(const IpAddress::Storage& address, uint32_t length) {
  IpAddress::Storage prefix{};
  std::copy_n(address.begin(), length / 8, prefix.begin());
  if (length % 8 != 0) prefix[length / 8] = static_cast<uint8_t>(address[length / 8] & 0xff00U >> length % 8);
  return prefix;
}

// An IPv6 prefix that in our layout has all of IPv4 inside, which it does not mean.
bool holds_ipv4(const Prefix& prefix) {
  constexpr IpAddress kMapped = IpAddress::v4(0, 0, 0, 0);
  if (prefix.bits() >= 96) return false;
  for (unsigned bit = 0; bit < prefix.bits(); ++bit)
    if (((prefix.address().bytes()[bit / 8] ^ kMapped.bytes()[bit / 8]) & 0x80u >> bit % 8) != 0)
      return false;
  return true;
}

}  // namespace

BlockedSources::BlockedSources(const RelayProgram& program, RelayControl& control)
    : map_(program.maps().blocked), control_(control) {
  tp_prefix prefix{};
  for (int more = bpf_map_get_next_key(map_.fd, nullptr, &prefix); more == 0;
       more = bpf_map_get_next_key(map_.fd, &prefix, &prefix)) {
    Key key{prefix.length, {}};
    std::copy(std::begin(prefix.address), std::end(prefix.address), key.second.begin());
    known_.emplace(key, Block{MonotonicTime::max(), false});
    ++lengths_[key.first];
  }
  control_.set_blocked(static_cast<uint32_t>(known_.size()));
}

Result<void> BlockedSources::block(const Prefix& source, MonotonicTime expires, MonotonicTime now) {
  if (holds_ipv4(source))
    return fail(ErrorCode::kUnsupported, "the kernel cannot tell " + source.to_string() +
                                             " from all of IPv4; block smaller ranges, as 2000::/3");
  const Key key{source.bits(), source.address().bytes()};
  if (!known_.contains(key) && known_.size() >= map_.max_entries) erase_expired(now);
  const auto [block, is_new] = known_.try_emplace(key);
  const Block before = std::exchange(block->second, Block{expires, true});
  if (const int error_number = enter(key); error_number != 0) {
    block->second = before;
    if (is_new) known_.erase(block);
    if (error_number != ENOSPC && error_number != E2BIG && error_number != ENOMEM)
      return fail_errno(error_number, "blocking " + source.to_string());
    ++refused_;
    return fail(ErrorCode::kExhausted,
                "the table of blocked sources is full (" + std::to_string(map_.max_entries) + ")");
  }
  if (is_new) ++lengths_[key.first];
  enter_narrower(key);
  control_.set_blocked(static_cast<uint32_t>(known_.size()));
  return {};
}

MonotonicTime BlockedSources::blocked_until(const Key& key) const {
  MonotonicTime latest = known_.at(key).expires;
  for (auto length = lengths_.begin(); length != lengths_.end() && length->first < key.first; ++length) {
    const auto wider = known_.find({length->first, cut(key.second, length->first)});
    if (wider != known_.end()) latest = std::max(latest, wider->second.expires);
  }
  return latest;
}

int BlockedSources::enter(const Key& key) const {
  const tp_prefix prefix = to_abi(key.first, key.second);
  const tp_block entry{kernel_nanoseconds(blocked_until(key))};
  return bpf_map_update_elem(map_.fd, &prefix, &entry, BPF_ANY) == 0 ? 0 : errno;
}

void BlockedSources::enter_narrower(const Key& wide) const {
  for (auto length = lengths_.upper_bound(wide.first); length != lengths_.end(); ++length)
    for (auto block = known_.lower_bound({length->first, wide.second});
         block != known_.end() && block->first.first == length->first &&
         cut(block->first.second, wide.first) == wide.second;
         ++block)
      (void)enter(block->first);  // it keeps its own expiry when there is no memory
}

void BlockedSources::unblock(const Prefix& source) {
  const auto found = known_.find({source.bits(), source.address().bytes()});
  if (found == known_.end()) return;
  const Key key = found->first;
  erase(found);
  enter_narrower(key);
}

BlockedSources::Known::iterator BlockedSources::erase(Known::iterator block) {
  const tp_prefix prefix = to_abi(block->first.first, block->first.second);
  (void)bpf_map_delete_elem(map_.fd, &prefix);
  if (--lengths_[block->first.first] == 0) lengths_.erase(block->first.first);
  const auto next = known_.erase(block);
  control_.set_blocked(static_cast<uint32_t>(known_.size()));
  return next;
}

void BlockedSources::erase_expired(MonotonicTime now) {
  for (auto block = known_.begin(); block != known_.end();)
    block = block->second.expires <= now ? erase(block) : std::next(block);
}

void BlockedSources::finish_takeover() {
  for (auto block = known_.begin(); block != known_.end();)
    block = block->second.named ? std::next(block) : erase(block);
  for (const auto& [key, block] : known_)
    (void)enter(key);  // those inside an earlier process' block were entered for as long as that
}

}  // namespace turnpike::fastpath
