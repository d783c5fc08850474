// SPDX-License-Identifier: Apache-2.0
//
// Interfaces: which interfaces carry the XDP program, and to which of them packets may be redirected. A frame
// that was received in native mode is lost when it is redirected to a device that does not transmit for XDP;
// in generic mode any device does. An interface that is met at run time is tried out by a test packet, which
// takes too long for a caller that holds a mutex: refusal() only notes it, and event_fd() calls whoever sends
// one. Guarded by XdpFastPath's mutex, but for event_fd() and the test packet itself.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "fastpath/attach.h"
#include "fastpath/xdp_fast_path.h"
#include "net/rtnetlink.h"
#include "util/fd.h"

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
  InterfaceStatus refusal(const net::Link& link);
  // Readable while interfaces wait to be tried out.
  int event_fd() const { return wake_.get(); }
  // The interfaces that wait; each is named once.
  std::vector<unsigned> take_untried();
  // What came of the test packet.
  void tried(unsigned ifindex, const Result<void>& outcome);
  // Takes note of interfaces that went away. `links`: those that there are.
  void update(const std::vector<net::Link>& links);

 private:
  explicit Interfaces(UniqueFd wake) : wake_(std::move(wake)) {}
  bool any_native() const;

  UniqueFd wake_;  // an eventfd
  std::vector<Attachment> attachments_;
  std::map<unsigned, std::string> probed_;  // ifindex -> why it does not transmit; empty: it does
  std::set<unsigned> untried_;
};

}  // namespace turnpike::fastpath
