// SPDX-License-Identifier: Apache-2.0
#include "paths.h"

#include <map>
#include <utility>

namespace turnpike::bpf_test {
namespace {

struct Name {
  const char* path;
  const char* row;
};

// 160 bytes of data where nothing else is said.
constexpr Name kMedia[] = {
    {"ChannelData to peer, IPv4", "of_160_channel_data_v4"},
    {"ChannelData to peer, IPv6", "of_160_channel_data_v6"},
    {"ChannelData to peer, IPv4 to IPv6", "of_160_channel_data_v4_to_v6"},
    {"ChannelData to peer, IPv6 to IPv4", "of_160_channel_data_v6_to_v4"},
    {"ChannelData to peer, 1200 bytes", "of_1200_channel_data_v4"},
    {"ChannelData to peer, with padding", "of_161_padded_by_3_channel_data_v4"},
    {"ChannelData to peer, no UDP checksum", "no_checksum_channel_data_v4"},
    {"ChannelData to peer, in a frame padded to 60 bytes", "runt_of_6_padded_by_18_channel_data_v4"},
    {"ChannelData to peer, blocklist in use", "blocked_neighbour_channel_data_v4"},
    {"ChannelData to peer, rates and quotas of allocation and user", "all_limits_channel_data_v4"},
    {"peer to ChannelData, IPv4", "of_160_from_peer_v4"},
    {"peer to ChannelData, IPv6", "of_160_from_peer_v6"},
    {"peer to ChannelData, IPv6 to IPv4", "of_160_from_peer_v4_to_v6"},
    {"peer to ChannelData, IPv4 to IPv6", "of_160_from_peer_v6_to_v4"},
    {"peer to ChannelData, 1200 bytes", "of_1200_from_peer_v4"},
    {"peer to ChannelData, data that looks like ChannelData", "looks_like_channel_data_from_peer_v4"},
    {"peer to ChannelData, rates and quotas of allocation and user", "all_limits_from_peer_v4"},
    {"Send, IPv4", "of_160_send_v4"},
    {"Send, IPv6", "of_160_send_v6"},
    {"Send, IPv4 to IPv6", "of_160_send_v4_to_v6"},
    {"Send, IPv6 to IPv4", "of_160_send_v6_to_v4"},
    {"Send, eight attributes", "eight_attributes_send_v4"},
    {"Send, FINGERPRINT", "fingerprint_last_send_v4"},
    {"Send, 1:1 NAT", "outside_with_translations_send_v4"},
    {"Send, rates and quotas of allocation and user", "all_limits_send_v4"},
    {"Data, IPv4", "of_160_from_permitted_v4"},
    {"Data, IPv6", "of_160_from_permitted_v6"},
    {"Data, IPv6 to IPv4", "of_160_from_permitted_v4_to_v6"},
    {"Data, IPv4 to IPv6", "of_160_from_permitted_v6_to_v4"},
    {"Data, with padding", "of_161_from_permitted_v4"},
    {"Data, 1:1 NAT", "outside_with_translations_from_permitted_v4"},
    {"Data, rates and quotas of allocation and user", "all_limits_from_permitted_v4"},
};

constexpr Name kHairpins[] = {
    {"hairpin ChannelData to ChannelData, IPv4", "of_160_channel_data_alice"},
    {"hairpin ChannelData to ChannelData, IPv4 to IPv6", "of_160_channel_data_carol"},
    {"hairpin ChannelData to ChannelData, IPv6 to IPv4", "of_160_channel_data_dave"},
    {"hairpin ChannelData to ChannelData, IPv6", "of_160_channel_data_erin"},
    {"hairpin ChannelData to Data, IPv4", "of_160_to_permission_channel_data_alice"},
    {"hairpin ChannelData to Data, IPv6", "of_160_to_permission_channel_data_erin"},
    {"hairpin Send to ChannelData, IPv4", "of_160_send_alice"},
    {"hairpin Send to ChannelData, IPv6", "of_160_send_erin"},
    {"hairpin Send to Data, IPv4", "of_160_to_permission_send_alice"},
    {"hairpin Send to Data, IPv6", "of_160_to_permission_send_erin"},
    {"hairpin Send to Data, IPv4, 1:1 NAT", "translated_to_permission_send_alice"},
    {"hairpin, rates and quotas of allocations and user", "all_limits_channel_data_alice"},
};

constexpr Name kTagged[] = {
    {"VLAN, a tag comes off", "tag_in_channel_data_v4"},
    {"VLAN, a tag goes on", "tag_out_channel_data_v4"},
    {"VLAN, one tag for another", "tag_in_and_out_channel_data_v4"},
    {"VLAN, two tags for two others", "tags_in_and_out_from_peer_v6"},
    {"VLAN, a priority tag", "priority_only_channel_data_v4"},
    {"VLAN, not the host's", "tag_unknown_channel_data_v4"},
};

constexpr Name kNotOurs[] = {
    {"not ours, ARP", "arp"},
    {"not ours, TCP over IPv4", "tcp_v4"},
    {"not ours, TCP over IPv6", "tcp_v6"},
    {"not ours, UDP to another port of the host, IPv4", "junk_to_the_host_255_channel_data_v4"},
    {"not ours, UDP to another port of the host, IPv6", "junk_to_the_host_255_channel_data_v6"},
    {"not ours, IPv4 options", "ip_options"},
    {"not ours, fragment", "fragment_offset"},
    {"malformed, UDP length", "udp_length_above_ip"},
    {"malformed, IPv4 checksum", "ip_checksum"},
    {"no flow, ChannelData from a stranger", "another_client_port"},
    {"no flow, stranger to a relay port", "another_peer_address"},
    {"no flow, DTLS from a stranger", "dtls_from_stranger"},
    {"request of a known client", "stun_from_client"},
    {"request of a stranger", "stun_from_stranger"},
    {"request of a stranger, within its budget", "budget_of_another_channel_data_v4"},
    {"request of a stranger, beyond its budget", "budget_spent_channel_data_v4"},
    {"Binding request answered, IPv4", "binding_channel_data_v4"},
    {"Binding request answered, IPv6", "binding_channel_data_v6"},
    {"blocked, at a listening port", "blocked_stun_channel_data_v6"},
    {"blocked, a known client", "blocked_exact_channel_data_v4"},
    {"dropped, junk to a listening port", "junk_255_channel_data_v4"},
    {"dropped, source port 0", "source_port_zero_channel_data_v4"},
    {"dropped, own address as source", "reflected_channel_data_v4"},
    {"dropped, forged hairpin", "forged_hairpin_from_peer_alice"},
};

constexpr Name kSlowPath[] = {
    {"to the slow path, Send that it must judge", "dont_fragment_attribute_send_v4"},
    {"to the slow path, Send without permission", "to_stranger_send_v4"},
    {"to the slow path, ChannelData length", "length_beyond_datagram_channel_data_v4"},
    {"to the slow path, stale binding", "generation_moved_on_channel_data_v4"},
    {"to the slow path, channel expired", "channel_expired_channel_data_v4"},
    {"to the slow path, permission expired", "permission_expired_channel_data_v4"},
    {"to the slow path, allocation expired", "allocation_expired_channel_data_v4"},
    {"to the slow path, TTL 1", "ttl_1_channel_data_v4"},
    {"to the slow path, checksum of a local sender", "checksum_partial_channel_data_v4"},
    {"to the slow path, no checksum to IPv6", "no_checksum_to_v6_channel_data_v4_to_v6"},
    {"to the slow path, next hop unresolved", "next_hop_0_channel_data_v4"},
    {"to the slow path, above the MTU", "above_mtu_1500_from_peer_v4"},
    {"to the slow path, above the MTU, sender is told", "whole_above_mtu_1500_from_peer_v4"},
    {"to the slow path, hairpin that is not permitted", "permits_nothing_back_channel_data_alice"},
    {"over the allocation's rate", "byte_rate_allocation_channel_data_v4"},
    {"over the user's rate", "byte_rate_user_channel_data_v4"},
    {"over the allocation's quota", "quota_allocation_channel_data_v4"},
    {"over the user's quota", "quota_user_channel_data_v4"},
};

// The table's test expects no events of traces.
Path traced() {
  Path path{"ChannelData to peer, traced",
            relayed_row("traced", kChannelData, kV4, pattern(160), {}, [](World& world) {
              world.control.trace = world.allocations[kV4].id;
              world.control.trace_cost = 1;
              world.control.trace_burst = uint64_t{1} << 40;
            })};
  return path;
}

}  // namespace

std::vector<Path> all_paths(std::vector<std::string>& missing) {
  std::map<std::string, Row> rows;
  for (Row& row : all_rows())
    rows.emplace(row.name, std::move(row));
  std::vector<Path> paths;
  const auto add = [&](const auto& names) {
    for (const Name& name : names) {
      const auto row = rows.find(name.row);
      if (row == rows.end())
        missing.emplace_back(name.row);
      else
        paths.push_back({name.path, row->second});
    }
  };
  add(kMedia);
  paths.push_back(traced());
  add(kHairpins);
  add(kTagged);
  add(kNotOurs);
  add(kSlowPath);
  return paths;
}

}  // namespace turnpike::bpf_test
