// SPDX-License-Identifier: Apache-2.0
#include "fastpath/session_codec.h"

#include <algorithm>
#include <string>

#include "fastpath/abi_endpoint.h"

namespace turnpike::fastpath {
namespace {

MonotonicTime time_from(uint64_t nanoseconds) {
  return MonotonicTime(Nanoseconds(static_cast<int64_t>(nanoseconds)));
}

}  // namespace

tp_totals to_abi(const RelayCounters& counters) {
  return {counters.to_peer_packets, counters.to_peer_bytes, counters.to_client_packets,
          counters.to_client_bytes};
}

RelayCounters from_abi(const tp_totals& totals) {
  return {totals.to_peer_packets, totals.to_peer_bytes, totals.to_client_packets, totals.to_client_bytes};
}

Result<tp_session> to_abi(const SessionRecord& session, const tp_totals& slow) {
  if (session.username.size() > TP_USERNAME_SIZE)
    return fail(ErrorCode::kInvalid, "a user name of " + std::to_string(session.username.size()) +
                                         " bytes does not fit into the record of its session, " +
                                         std::to_string(TP_USERNAME_SIZE) + " bytes do");
  tp_session entry{};
  entry.created = kernel_nanoseconds(session.created);
  entry.expires = kernel_nanoseconds(session.expires);
  entry.client = to_abi(session.five_tuple.client);
  entry.server = to_abi(session.five_tuple.server);
  entry.relayed = to_abi(session.relayed);
  entry.transport = static_cast<uint8_t>(session.five_tuple.transport);
  entry.additional_family_refused = session.additional_family_refused ? 1 : 0;
  if (session.reserved) {
    entry.has_reservation = 1;
    std::copy(session.reserved->begin(), session.reserved->end(), entry.reservation_token);
  }
  std::copy(session.transaction_id.begin(), session.transaction_id.end(), entry.transaction_id);
  entry.granted = static_cast<uint32_t>(session.granted.count());
  entry.slow = slow;
  entry.username_length = static_cast<uint32_t>(session.username.size());
  std::copy_n(session.username.begin(), std::min<size_t>(session.username.size(), TP_SHORT_USERNAME),
              entry.username);
  return entry;
}

tp_session_name rest_of(const std::string& username) {
  tp_session_name name{};
  std::copy(username.begin() + TP_SHORT_USERNAME, username.end(), name.rest);
  return name;
}

Result<SavedSession> from_abi(AllocationId id, const tp_session& entry, const tp_session_name* rest) {
  if (id.value == 0) return fail(ErrorCode::kInvalid, "its id is 0");
  if (entry.username_length > TP_USERNAME_SIZE)
    return fail(ErrorCode::kInvalid,
                "its user name would have " + std::to_string(entry.username_length) + " bytes");
  if (has_rest(entry) && rest == nullptr)
    return fail(ErrorCode::kInvalid, "the end of its user name is not there");
  if (entry.transport > static_cast<uint8_t>(Transport::kDtls))
    return fail(ErrorCode::kInvalid, "its transport would be number " + std::to_string(entry.transport));
  if (entry.client.port == 0 || entry.server.port == 0 || entry.relayed.port == 0)
    return fail(ErrorCode::kInvalid, "one of its ports is 0");
  SavedSession saved;
  SessionRecord& session = saved.session;
  session.id = id;
  session.five_tuple = {from_abi(entry.client), from_abi(entry.server),
                        static_cast<Transport>(entry.transport)};
  session.relayed = from_abi(entry.relayed);
  session.username.assign(entry.username, std::min<size_t>(entry.username_length, TP_SHORT_USERNAME));
  if (has_rest(entry)) session.username.append(rest->rest, entry.username_length - TP_SHORT_USERNAME);
  session.created = time_from(entry.created);
  session.expires = time_from(entry.expires);
  std::copy(std::begin(entry.transaction_id), std::end(entry.transaction_id), session.transaction_id.begin());
  session.granted = Seconds(entry.granted);
  if (entry.has_reservation != 0) {
    session.reserved.emplace();
    std::copy(std::begin(entry.reservation_token), std::end(entry.reservation_token),
              session.reserved->begin());
  }
  session.additional_family_refused = entry.additional_family_refused != 0;
  saved.slow = from_abi(entry.slow);
  return saved;
}

tp_session_permission_key permission_key(AllocationId id, const IpAddress& peer) {
  tp_session_permission_key key{};
  key.session = id.value;
  std::copy(peer.bytes().begin(), peer.bytes().end(), key.peer);
  return key;
}

PermissionRecord from_abi(const tp_session_permission_key& key, const tp_session_permission& permission) {
  return {address_from_abi(key.peer), time_from(permission.expires)};
}

tp_session_channel_key channel_key(AllocationId id, ChannelNumber channel) {
  tp_session_channel_key key{};
  key.session = id.value;
  key.channel = channel.value;
  return key;
}

tp_session_channel to_abi(const ChannelRecord& channel) {
  return {.expires = kernel_nanoseconds(channel.expires),
          .peer = to_abi(channel.peer),
          .resting = channel.resting ? 1U : 0U};
}

Result<ChannelRecord> from_abi(const tp_session_channel_key& key, const tp_session_channel& channel) {
  const ChannelNumber number{key.channel};
  if (number < kFirstChannel || number > kLastChannel)
    return fail(ErrorCode::kInvalid, "it has a channel of number " + std::to_string(key.channel));
  return ChannelRecord{number, from_abi(channel.peer), time_from(channel.expires), channel.resting != 0};
}

}  // namespace turnpike::fastpath
