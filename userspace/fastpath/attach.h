// SPDX-License-Identifier: Apache-2.0
//
// Attachment: the XDP program on one interface, in the best mode that the interface really carries, held by a
// pinned bpf_link. Another's program is never pushed out.
#pragma once

#include <string>

#include "fastpath/fast_path.h"
#include "net/rtnetlink.h"
#include "util/fd.h"

namespace turnpike::fastpath {

class Attachment {
 public:
  // `wanted`: kAuto tries native, then generic; kNative and kGeneric that alone; kOff nothing. What came of
  // it is in status(): mode kOff with a reason when nothing did. The pin is DIRECTORY/link-INTERFACE.
  Attachment(net::RouteReader& reader, const net::Link& link, int program, Mode wanted,
             const std::string& directory);
  Attachment(Attachment&& other) noexcept = default;
  Attachment& operator=(Attachment&&) = delete;
  // Detaches and unpins.
  ~Attachment();

  const InterfaceStatus& status() const { return status_; }
  // The interface went away, and the program with it.
  void lost();

 private:
  bool attach_native(net::RouteReader& reader, const net::Link& link, int program);
  bool attach_generic(int program);
  bool create_link(int program, unsigned flags);
  void pin(const std::string& directory);
  void detach();
  void refuse(const std::string& reason);

  InterfaceStatus status_;
  UniqueFd link_;
  std::string pin_;
};

// "veth", "virtio_net", …; empty when the kernel does not tell.
std::string driver_of(const std::string& interface);

}  // namespace turnpike::fastpath
