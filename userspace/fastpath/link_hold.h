// SPDX-License-Identifier: Apache-2.0
//
// LinkHold: the program alone on an interface, by a bpf_link that nobody else can replace. The pin is
// DIRECTORY/link-IFINDEX: an interface may be renamed.
#pragma once

#include <memory>
#include <string>

#include "fastpath/hold.h"
#include "util/fd.h"

namespace turnpike::fastpath {

class LinkHold final : public Hold {
 public:
  static constexpr const char* kPrefix = "link";

  // `mode`: kNative or kGeneric. kUnsupported with the kernel's words.
  static Result<std::unique_ptr<Hold>> create(unsigned ifindex, const AttachOptions& options, Mode mode);
  // Puts the program into the link of an earlier process, without a gap; null when there is none or it does
  // not take the program.
  static std::unique_ptr<Hold> take_over(unsigned ifindex, const AttachOptions& options);
  // Ends what an earlier process pinned for the interface, if anything.
  static void discard(unsigned ifindex, const std::string& directory);

  LinkHold(unsigned ifindex, UniqueFd link, Mode mode, const std::string& directory, bool pinned);
  ~LinkHold() override;

  Mode mode() const override { return mode_; }
  Result<void> pin() override;

 private:
  UniqueFd link_;
  Mode mode_;
  std::string path_;
  bool pinned_;
};

}  // namespace turnpike::fastpath
