// SPDX-License-Identifier: Apache-2.0
//
// Interfaces: which interfaces carry the XDP program, and to which of them packets may be redirected. A frame
// that was received in native mode is lost when it is redirected to a device that does not transmit for XDP;
// in generic mode any device does. Guarded by XdpFastPath's mutex.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fastpath/attach.h"
#include "fastpath/xdp_fast_path.h"
#include "net/rtnetlink.h"

namespace turnpike::fastpath {

class Interfaces {
 public:
  // Errors as create_xdp_fast_path() says.
  static Result<Interfaces> attach(net::RouteReader& reader, const XdpOptions& options, int program,
                                   const std::string& directory);

  std::vector<InterfaceStatus> status() const;
  // The program runs on it.
  bool carries(unsigned ifindex) const;
  // Why no packet may be redirected to `link`, whatever carrying interface it came in by; empty when it may.
  // May send a test packet, once in an interface's life.
  InterfaceStatus refusal(net::RouteReader& reader, const net::Link& link);
  // Takes note of interfaces that went away. `links`: those that there are.
  void update(const std::vector<net::Link>& links);

 private:
  bool any_native() const;

  std::vector<Attachment> attachments_;
  std::map<unsigned, std::string> probed_;  // ifindex -> why it does not transmit; empty: it does
};

}  // namespace turnpike::fastpath
