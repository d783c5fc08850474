// SPDX-License-Identifier: Apache-2.0
//
// BlockedSources: the map `blocked`, sources whose packets the program drops. It looks at the longest prefix
// that matches and at no other, so each is entered with the latest expiry of all that hold it. Guarded by
// XdpFastPath's mutex.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <utility>

#include "bpf/abi.h"
#include "fastpath/fast_path.h"
#include "fastpath/relay_control.h"
#include "fastpath/relay_program.h"

namespace turnpike::fastpath {

class BlockedSources {
 public:
  // Both must outlive this. What an earlier process blocked goes on until finish_takeover().
  BlockedSources(const RelayProgram& program, RelayControl& control);

  Result<void> block(const Prefix& source, MonotonicTime expires, MonotonicTime now);
  void unblock(const Prefix& source);
  void finish_takeover();
  TableUse use() const { return {"blocked", known_.size(), map_.max_entries, refused_}; }

 private:
  using Key = std::pair<uint32_t, IpAddress::Storage>;  // length and address of tp_prefix
  struct Block {
    MonotonicTime expires;
    bool named;  // by this process
  };
  using Known = std::map<Key, Block>;

  // Until when all of it is blocked, by itself or by a wider one.
  MonotonicTime blocked_until(const Key& key) const;
  // 0 or an errno.
  int enter(const Key& key) const;
  // Enters those inside it anew.
  void enter_narrower(const Key& wide) const;
  Known::iterator erase(Known::iterator block);
  void erase_expired(MonotonicTime now);

  KernelMap map_;
  RelayControl& control_;
  Known known_;
  std::map<uint32_t, size_t> lengths_;  // how many there are of each
  uint64_t refused_ = 0;
};

}  // namespace turnpike::fastpath
