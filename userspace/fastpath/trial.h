// SPDX-License-Identifier: Apache-2.0
//
// Trial: an interface that is tried out, to carry the program or as a target of redirects. Made and settled
// by Interfaces; run without its mutex.
#pragma once

#include <memory>
#include <string>

#include "fastpath/attach.h"
#include "fastpath/conditions.h"
#include "net/rtnetlink.h"

namespace turnpike::fastpath {

class Trial {
 public:
  // Sends test packets by `reader`, which is no other's meanwhile; takes up to some seconds.
  void run(net::RouteReader& reader);

 private:
  friend class Interfaces;
  void run_port(net::RouteReader& reader, const net::Link& link);
  void run_target(net::RouteReader& reader, const net::Link& link);

  unsigned ifindex_ = 0;
  const AttachOptions* options_ = nullptr;  // null: a target
  bool has_vlans_ = false;
  std::unique_ptr<Attachment> attachment_;  // before: what the port has, if anything
  Conditions conditions_;                   // at the end
  bool decided_ = false;                    // false: the interface went away or down
  std::string fault_;                       // of a target: why it does not transmit; empty: it does
};

}  // namespace turnpike::fastpath
