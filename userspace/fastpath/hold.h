// SPDX-License-Identifier: Apache-2.0
//
// Hold: what keeps the program on an interface. Alone by a bpf_link of its own (link_hold.h), or beside
// others by libxdp's dispatcher (dispatcher.h). Both leave a pin by which a later process finds it again.
#pragma once

#include <string>
#include <vector>

#include "fastpath/xdp_fast_path.h"
#include "util/result.h"

struct bpf_object;

namespace turnpike::fastpath {

// The program, and how it is to stand on an interface.
struct AttachOptions {
  int program = -1;                    // loaded
  const bpf_object* object = nullptr;  // that `program` is from: dispatchers need copies of it
  Mode mode = Mode::kAuto;
  Attach way = Attach::kLink;
  std::string directory;  // of the pins
};

class Hold {
 public:
  Hold() = default;
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  // Takes the program off and removes the pin, unless it is kept.
  virtual ~Hold() = default;

  virtual Mode mode() const = 0;  // kNative or kGeneric
  // So that a later process finds it.
  virtual Result<void> pin() = 0;
  void keep(bool keep) { kept_ = keep; }

 protected:
  bool kept() const { return kept_; }

 private:
  bool kept_ = false;
};

// The program that somebody has on the interface, in words; empty when there is none.
std::string other_program(unsigned ifindex);
// DIRECTORY/PREFIX-IFINDEX
std::string pin_of(const std::string& directory, const std::string& prefix, unsigned ifindex);
// The interfaces that have such a pin.
std::vector<unsigned> pinned_interfaces(const std::string& directory, const std::string& prefix);
// Pins what `fd` is, in the place of what is pinned there.
Result<void> pin_object(int fd, const std::string& path);

}  // namespace turnpike::fastpath
