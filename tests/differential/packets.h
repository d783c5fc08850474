// SPDX-License-Identifier: Apache-2.0
//
// Packets: what the world sends to a relay, most of it right, some of it wrong in a way that somebody thought
// of, some of it broken at random.
#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "bpf/frame.h"
#include "util/relay_types.h"

namespace turnpike::differential {

using bpf_test::Frame;
using bpf_test::Octets;

// The parties whom a packet may come from, as the relay knows them.
struct Session {
  FiveTuple five_tuple;
  Endpoint relayed;
  std::vector<std::pair<ChannelNumber, Endpoint>> channels;
  std::vector<IpAddress> permitted;
};

struct Packet {
  std::string kind;  // for the message of a difference
  Octets bytes;      // the Ethernet frame
  bool plain;        // nothing was mutated, and no part is one that only the slow path handles
};

class PacketMaker {
 public:
  // `external`: how clients name a relay address, see Server's AddressTranslation.
  PacketMaker(uint64_t seed, std::vector<Session> sessions, std::vector<Endpoint> peers,
              std::function<Endpoint(Endpoint)> external);

  Packet next();

 private:
  Packet channel_data();
  Packet send_indication();
  Packet from_peer();
  Packet other();

  Frame frame(const Endpoint& source, const Endpoint& destination, Octets payload);
  Octets data();
  Octets attributes(const Endpoint& peer, const Octets& id, bool& plain);
  void mutate(Packet& packet);
  uint32_t below(uint32_t limit) { return std::uniform_int_distribution<uint32_t>(0, limit - 1)(random_); }
  bool chance(uint32_t percent) { return below(100) < percent; }
  template <class T>
  const T& one_of(const std::vector<T>& many) {
    return many[below(static_cast<uint32_t>(many.size()))];
  }

  std::mt19937_64 random_;
  std::vector<Session> sessions_;
  std::vector<Endpoint> peers_;
  std::function<Endpoint(Endpoint)> external_;
};

}  // namespace turnpike::differential
