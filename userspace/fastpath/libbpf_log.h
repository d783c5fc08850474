// SPDX-License-Identifier: Apache-2.0
//
// LibbpfLog: what libbpf and the kernel (verifier log, netlink's extended error) said on this thread while it
// lived. libbpf has one print function for the whole process; the first LibbpfLog sets it, and without a
// living LibbpfLog on the thread the words go to the debug log.
#pragma once

#include <string>

namespace turnpike::fastpath {

class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  const std::string& text() const { return text_; }
  // The last `lines` lines: a verifier's log ends with its reason.
  std::string tail(unsigned lines) const;
  // What stands behind "Kernel error message: "; empty when the kernel said nothing.
  std::string kernel_message() const;

 private:
  std::string text_;
  std::string* outer_;
};

}  // namespace turnpike::fastpath
