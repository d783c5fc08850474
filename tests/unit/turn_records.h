// SPDX-License-Identifier: Apache-2.0
//
// The durable records as a test keeps them: what a successor of the process would find.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "turn/commands.h"

namespace turnpike::turn::test {

class Records {
 public:
  // Fails the test when something would hang on what is not there: wherever the process dies between two
  // commands, the records must make sense.
  void apply(const CommandQueue& queue);
  std::vector<SavedSession> load() const;

 private:
  struct Session {
    SessionRecord session;
    RelayCounters slow;
    std::map<IpAddress, PermissionRecord> permissions;
    std::map<ChannelNumber, ChannelRecord> channels;
  };
  void apply(const SetAllocation& c);
  void apply(const RemoveAllocation& c);
  void apply(const SetPermission& c);
  void apply(const RemovePermission& c);
  void apply(const InstallBinding& c);
  void apply(const RestChannel& c);
  void apply(const RemoveChannel& c);
  void apply(const SaveCounters& c);
  template <class Other>
  void apply(const Other&) {}  // keeps nothing

  std::map<AllocationId, Session> sessions_;
};

}  // namespace turnpike::turn::test
