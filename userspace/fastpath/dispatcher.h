// SPDX-License-Identifier: Apache-2.0
//
// DispatcherHold: the program beside those of others, by libxdp's dispatcher. Each interface has a copy of
// the program of its own, which shares the maps. The pin is DIRECTORY/prog-IFINDEX.
#pragma once

#include <memory>
#include <string>

#include "fastpath/hold.h"

namespace turnpike::fastpath {

class DispatcherHold final : public Hold {
 public:
  static constexpr const char* kPrefix = "prog";

  // Lets libxdp keep its state in the bpffs of `directory` where the usual place has none. To be called
  // before other threads run.
  static void prepare(const std::string& directory);
  // An error when the kernel refuses the `ext` programs that a dispatcher needs.
  static Result<void> supported();
  // kUnsupported with the reason: another program stands alone on the
  // interface, or others run there in another mode.
  static Result<std::unique_ptr<Hold>> create(unsigned ifindex, const AttachOptions& options, Mode mode);
  // Adds the program in the mode of an earlier process' and then takes that out; null when there is none.
  static std::unique_ptr<Hold> take_over(unsigned ifindex, const AttachOptions& options);
  // Ends what an earlier process pinned for the interface, if anything.
  static void discard(unsigned ifindex, const std::string& directory);

  // A program, and the object that it was made of.
  class Copy;

  DispatcherHold(unsigned ifindex, std::unique_ptr<Copy> copy, Mode mode, const std::string& directory);
  ~DispatcherHold() override;

  Mode mode() const override { return mode_; }
  Result<void> pin() override;

 private:
  unsigned ifindex_;
  std::unique_ptr<Copy> copy_;
  Mode mode_;
  std::string path_;
};

}  // namespace turnpike::fastpath
