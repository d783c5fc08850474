// SPDX-License-Identifier: Apache-2.0
//
// Interfaces: which interfaces carry the XDP program, and to which of them packets may be redirected. A frame
// that was received in native mode is lost when it is redirected to a device that does not transmit for XDP;
// in generic mode any device does.
//
// Interfaces come, go, are renamed, set up anew and given other addresses while the relay runs: refresh()
// takes note. To put the program on one, and to try out by a test packet whether one transmits, takes too
// long for a caller that holds a mutex: event_fd() calls whoever takes the trials, runs them and brings them
// back. Guarded by XdpFastPath's mutex, but for event_fd() and Trial::run().
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "fastpath/conditions.h"
#include "fastpath/trial.h"
#include "fastpath/vlans.h"
#include "fastpath/xdp_fast_path.h"
#include "net/rtnetlink.h"
#include "util/fd.h"

namespace turnpike::fastpath {

class RelayProgram;

class Interfaces {
 public:
  // Errors as create_xdp_fast_path() says. `program` must outlive this. What an earlier process left pinned
  // in `directory` is taken over.
  static Result<Interfaces> attach(net::RouteReader& reader, const XdpOptions& options,
                                   const RelayProgram& program, const std::string& directory);
  Interfaces(Interfaces&&) = default;
  Interfaces& operator=(Interfaces&&) = delete;
  ~Interfaces();

  std::vector<InterfaceStatus> status() const;
  // The program runs on it.
  bool carries(unsigned ifindex) const;
  // The program runs where frames come without the VLAN tags that they had.
  bool hides_tags() const;
  // All there are, as last read.
  const Links& links() const { return links_; }
  // Why no packet may be redirected to `link`, whatever carrying interface it came in by; empty when it may.
  InterfaceStatus refusal(const net::Link& link);

  // Reads links and addresses again, and takes note of what changed.
  void refresh(net::RouteReader& reader);
  // Readable while interfaces wait to be tried out.
  int event_fd() const { return wake_.get(); }
  // Those that wait; each comes once, and is not looked at again before it is settled.
  std::vector<Trial> take_trials();
  void settle(Trial trial);

  // Takes the program off interfaces that an earlier process had it on and that this one does not want. The
  // start has succeeded: what was taken over is not kept any longer unless keep() says so again.
  void finish_takeover();
  // Whether the program stays on the interfaces when this is destroyed. True from the start when an earlier
  // process had left it there.
  void keep(bool keep) { keep_ = keep; }

 private:
  // An interface that carries the program, or ought to.
  struct Port {
    InterfaceStatus status;
    std::unique_ptr<Attachment> attachment;  // null: none yet, on trial or gone
    Conditions conditions;                   // of the last trial
    bool waits = true;                       // for a trial
    bool on_trial = false;
    bool gone = false;
  };
  struct Target {
    Conditions conditions;
    std::string fault;
  };

  Interfaces(const XdpOptions& options, const RelayProgram& program, const std::string& directory);
  Result<void> read(net::RouteReader& reader);
  Result<void> explain_absence() const;
  Result<void> explain_refusals() const;
  // The interfaces that ought to carry the program, and why one cannot; empty: it can.
  std::map<unsigned, std::string> wanted() const;
  const net::Link* other_end(const net::Link& link) const;
  bool any_native() const;
  void follow();
  void follow_port(Port& port, const net::Link& link);
  void lose(Port& port);
  static void release(Port& port);
  void drop_ports(const std::map<unsigned, std::string>& wanted_now);
  void add_ports(const std::map<unsigned, std::string>& wanted_now);
  void wake();
  void tell(const InterfaceStatus& status) const;

  bool keep_ = false;
  bool started_ = false;                           // what happens from now on is news
  std::unique_ptr<AttachOptions> attach_options_;  // trials point to it
  std::vector<std::string> names_;                 // empty: by address
  std::vector<IpAddress> addresses_;               // the relay's
  UniqueFd wake_;                                  // an eventfd
  Links links_;
  std::vector<net::LocalAddress> local_;  // the interfaces' addresses
  VlanTable vlans_;
  std::vector<Port> ports_;
  std::map<unsigned, Target> targets_;  // that were tried out
  std::set<unsigned> untried_;          // targets that wait
  std::set<unsigned> tried_now_;        // targets on trial
};

}  // namespace turnpike::fastpath
