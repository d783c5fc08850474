// SPDX-License-Identifier: Apache-2.0
//
// Blocks: the sources that an operator keeps out, in userspace and in the kernel, and in a file of the state
// directory, so that they outlive the process and the boot. Control thread only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/state_dir.h"
#include "fastpath/fast_path.h"
#include "guard/source_list.h"
#include "util/clock.h"
#include "util/ip_address.h"
#include "util/result.h"

namespace turnpike::app {

class Blocks {
 public:
  struct Entry {
    Prefix source;
    std::optional<WallTime> expires;  // nullopt: stays until it is taken away
  };

  // All three outlive this object.
  Blocks(const StateDir& state, guard::SourceList& sources, fastpath::FastPath& fast_path)
      : state_(state), sources_(sources), fast_path_(fast_path) {}

  // What the file of an earlier process says, less what has expired since.
  Result<void> load(const Now& now);
  // New, or a new expiry. `duration`: nullopt for ever. kExhausted: the kernel's table is full; the block
  // then holds in userspace alone. The others say why the file could not be written; the block holds until
  // the end of the process.
  Result<void> block(const Prefix& source, std::optional<Seconds> duration, const Now& now);
  // False when it was not blocked.
  Result<bool> unblock(const Prefix& source);
  std::vector<Entry> list() const;
  // Takes away what has expired. To be called once a second or so.
  void expire(const Now& now);

 private:
  Result<void> apply(const Entry& entry, const Now& now);
  void withdraw(const Prefix& source);
  Result<void> save() const;

  const StateDir& state_;
  guard::SourceList& sources_;
  fastpath::FastPath& fast_path_;
  std::map<std::string, Entry> entries_;  // by their text, which orders the list
};

}  // namespace turnpike::app
