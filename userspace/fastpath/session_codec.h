// SPDX-License-Identifier: Apache-2.0
//
// The durable records as the kernel keeps them (bpf/abi.h), to and from ours. What comes from there is not
// trusted: a record that makes no sense becomes kInvalid, with the reason.
#pragma once

#include <string>
#include <utility>

#include "bpf/abi.h"
#include "util/result.h"
#include "util/session_record.h"

namespace turnpike::fastpath {

tp_totals to_abi(const RelayCounters& counters);
RelayCounters from_abi(const tp_totals& totals);

// kInvalid: a name that does not fit. A long one's beginning is in the record; has_rest() and rest_of() are
// for what follows.
Result<tp_session> to_abi(const SessionRecord& session, const tp_totals& slow);
inline bool has_rest(const tp_session& session) {
  return session.username_length > TP_SHORT_USERNAME;
}
tp_session_name rest_of(const std::string& username);
// `rest`: nullptr when there is none.
Result<SavedSession> from_abi(AllocationId id, const tp_session& session, const tp_session_name* rest);

tp_session_permission_key permission_key(AllocationId id, const IpAddress& peer);
PermissionRecord from_abi(const tp_session_permission_key& key, const tp_session_permission& permission);

tp_session_channel_key channel_key(AllocationId id, ChannelNumber channel);
tp_session_channel to_abi(const ChannelRecord& channel);
Result<ChannelRecord> from_abi(const tp_session_channel_key& key, const tp_session_channel& channel);

}  // namespace turnpike::fastpath
