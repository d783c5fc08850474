// SPDX-License-Identifier: Apache-2.0
#include "unit/turn_records.h"

namespace turnpike::turn::test {

void Records::apply(const CommandQueue& queue) {
  for (const Command& command : queue.commands())
    std::visit([this](const auto& one) { apply(one); }, command);
}

void Records::apply(const SetAllocation& c) {
  sessions_[c.session.id].session = c.session;
}

void Records::apply(const RemoveAllocation& c) {
  EXPECT_TRUE(sessions_.at(c.id).permissions.empty());
  EXPECT_TRUE(sessions_.at(c.id).channels.empty());
  sessions_.erase(c.id);
}

void Records::apply(const SetPermission& c) {
  const Permission& permission = c.permission;
  sessions_.at(permission.allocation).permissions[permission.peer] = {permission.peer, permission.expires};
}

void Records::apply(const RemovePermission& c) {
  EXPECT_EQ(sessions_.at(c.allocation).permissions.erase(c.peer), 1u);
}

void Records::apply(const InstallBinding& c) {
  const Binding& binding = c.binding;
  Session& session = sessions_.at(binding.allocation);
  EXPECT_EQ(session.permissions.at(binding.peer.address).expires, binding.permission_expires);
  session.channels[binding.channel] = {binding.channel, binding.peer, binding.channel_expires, false};
}

void Records::apply(const RestChannel& c) {
  sessions_.at(c.allocation).channels.at(c.channel.number) = c.channel;
}

void Records::apply(const RemoveChannel& c) {
  EXPECT_EQ(sessions_.at(c.allocation).channels.erase(c.channel), 1u);
}

void Records::apply(const SaveCounters& c) {
  if (c.id.value != 0) sessions_.at(c.id).slow = c.slow;
}

std::vector<SavedSession> Records::load() const {
  std::vector<SavedSession> loaded;
  for (const auto& [id, session] : sessions_) {
    SavedSession saved{session.session, session.slow, {}, {}};
    for (const auto& [peer, permission] : session.permissions)
      saved.permissions.push_back(permission);
    for (const auto& [number, channel] : session.channels)
      saved.channels.push_back(channel);
    loaded.push_back(std::move(saved));
  }
  return loaded;
}

}  // namespace turnpike::turn::test
