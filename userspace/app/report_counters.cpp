// SPDX-License-Identifier: Apache-2.0
#include "app/report_counters.h"

#include <string_view>

#include "app/reasons.h"

namespace turnpike::app {
namespace {

using admin::Json;

std::string_view meaning_of(turn::DropReason reason) {
  switch (reason) {
    case turn::DropReason::kMalformedStun:
      return "looked like STUN, but does not parse";
    case turn::DropReason::kMalformedChannelData:
      return "looked like ChannelData, but is shorter than it says";
    case turn::DropReason::kUnknownMethod:
      return "a STUN message that is neither a request nor an indication that TURN knows";
    case turn::DropReason::kNoAllocation:
      return "data from a 5-tuple without an allocation";
    case turn::DropReason::kNoPermission:
      return "data to or from a peer for which the client has installed no permission";
    case turn::DropReason::kChannelUnbound:
      return "ChannelData on a channel that is not bound";
    case turn::DropReason::kPeerForbidden:
      return "data to a peer that the policy refuses, or to a relay port that no allocation has";
    case turn::DropReason::kPeerFamily:
      return "data to a peer of another address family than the relayed address";
    case turn::DropReason::kTtlExceeded:
      return "TTL or hop limit used up";
    case turn::DropReason::kUnknownAttribute:
      return "an indication with a comprehension-required attribute that is not known";
    case turn::DropReason::kNotListening:
      return "a datagram to a relay port that no allocation has";
    case turn::DropReason::kTooLarge:
      return "with a STUN header around it, longer than a UDP datagram may be";
    case turn::DropReason::kAmplifying:
      return "a request without credentials, too short for any answer to be at most three times its size";
    case turn::DropReason::kBlocked:
      return "from a blocked source";
    case turn::DropReason::kSourceBudget:
      return "a request without an allocation, from a source that has sent too many";
    case turn::DropReason::kOverLimit:
      return "over a rate or quota of the allocation or its user";
    case turn::DropReason::kCount:
      break;
  }
  return "";
}

Json count(uint64_t packets, uint64_t bytes) {
  return {{"packets", packets}, {"bytes", bytes}};
}
Json count(const tp_counter& counter) {
  return count(counter.packets, counter.bytes);
}

tp_counter sum(const fastpath::ReasonCounters& fast, std::initializer_list<tp_reason> reasons) {
  tp_counter total{};
  for (const tp_reason reason : reasons) {
    total.packets += fast[reason].packets;
    total.bytes += fast[reason].bytes;
  }
  return total;
}

Json fast_counts(const fastpath::ReasonCounters& fast) {
  const tp_counter to_peer = sum(fast, {TP_RELAYED_TO_PEER, TP_RELAYED_SEND});
  const tp_counter to_client = sum(fast, {TP_RELAYED_TO_CLIENT, TP_RELAYED_DATA});
  const tp_counter& hairpin = fast[TP_RELAYED_HAIRPIN];
  Json json = count(to_peer.packets + to_client.packets + hairpin.packets,
                    to_peer.bytes + to_client.bytes + hairpin.bytes);
  json["to_peer"] = count(to_peer);
  json["to_client"] = count(to_client);
  json["hairpin"] = count(hairpin);
  json["indications"] = count(sum(fast, {TP_RELAYED_SEND, TP_RELAYED_DATA}));
  return json;
}

Json slow_counts(const turn::Counters& slow) {
  Json json = count(slow.to_peer_packets + slow.to_client_packets, slow.to_peer_bytes + slow.to_client_bytes);
  json["to_peer"] = count(slow.to_peer_packets, slow.to_peer_bytes);
  json["to_client"] = count(slow.to_client_packets, slow.to_client_bytes);
  return json;
}

Json io_counts(const WorkerCounters& io) {
  return {{"client_datagrams", io.client_datagrams},
          {"peer_datagrams", io.peer_datagrams},
          {"truncated", io.truncated},
          {"send_failed", io.send_failed},
          {"fast_refused", io.fast_refused},
          {"steer_failed", io.steer_failed},
          {"not_recorded", io.not_recorded},
          {"icmp_sent", io.icmp_sent}};
}

Json worker_counts(const WorkerTotals& worker) {
  return {{"index", worker.index},
          {"core", worker.core},
          {"running", worker.running},
          {"allocations", worker.allocations},
          {"slow", slow_counts(worker.slow)},
          {"io", io_counts(worker.io)}};
}

Json drop_row(const char* path, std::string_view verdict, std::string_view reason, const Json& counts,
              std::string_view meaning) {
  Json row = {{"path", path}, {"verdict", verdict}, {"reason", reason}};
  row.update(counts);
  row["meaning"] = meaning;
  return row;
}

// What became of the packets that reached an interface of the fast path.
void add_fast_rows(Json& rows, const fastpath::ReasonCounters& fast, bool all) {
  for (size_t i = 0; i < fast.size(); ++i) {
    if (fast[i].packets == 0 && !all) continue;
    const Reason& reason = kReasons[i];
    rows.push_back(drop_row("fast", reason.verdict, reason.name, count(fast[i]), reason.meaning));
  }
}

void add_slow_drops(Json& rows, const RelayTotals& totals, bool all) {
  const WorkerTotals& sum = totals.sum;
  const auto add = [&rows, all](std::string_view name, uint64_t packets, std::string_view meaning) {
    if (packets != 0 || all)
      rows.push_back(drop_row("slow", "dropped", name, {{"packets", packets}}, meaning));
  };
  for (size_t i = 0; i < sum.drops.size(); ++i) {
    const auto reason = static_cast<turn::DropReason>(i);
    add(turn::to_string(reason), sum.drops[i], meaning_of(reason));
  }
  add("truncated", sum.io.truncated, "longer than the relay's receive buffer");
  add("send_failed", sum.io.send_failed, "the kernel refused to send it: no route, full queue, ...");
  add("icmp_ignored", totals.icmp_ignored, "an ICMP error that cannot be true, or one of too many at once");
}

}  // namespace

Json counters_report(const fastpath::ReasonCounters& fast, const RelayTotals& totals) {
  Json relayed = {{"fast", fast_counts(fast)}, {"slow", slow_counts(totals.sum.slow)}};
  const auto fast_packets = relayed["fast"]["packets"].get<uint64_t>();
  const auto slow_packets = relayed["slow"]["packets"].get<uint64_t>();
  const auto packets = static_cast<double>(fast_packets + slow_packets);
  if (packets > 0) relayed["fast_share"] = static_cast<double>(fast_packets) / packets;
  Json workers = Json::array();
  for (const WorkerTotals& worker : totals.workers)
    workers.push_back(worker_counts(worker));
  return {{"relayed", std::move(relayed)},         {"allocations", totals.sum.allocations},
          {"permissions", totals.sum.permissions}, {"channels", totals.sum.channels},
          {"io", io_counts(totals.sum.io)},        {"workers", std::move(workers)}};
}

Json drops_report(const fastpath::ReasonCounters& fast, const RelayTotals& totals, bool all) {
  Json rows = Json::array();
  add_fast_rows(rows, fast, all);
  add_slow_drops(rows, totals, all);
  return rows;
}

}  // namespace turnpike::app
