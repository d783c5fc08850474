// SPDX-License-Identifier: Apache-2.0
//
// Relay: one relay, twice. The C++ relay is a turn::Server; its commands fill the maps of a real XDP program,
// which stands on the interfaces of this network namespace:
//
//   tp0  192.0.2.1, 2001:db8:1::1      clients, .2 to .5
//   tp2  198.51.100.1, 2001:db8:2::1   peers, .2 to .5; the relay addresses, the IPv4 one as 203.0.113.1
//   outside
#pragma once

#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "differential/packets.h"
#include "differential/stack.h"
#include "fastpath/steering.h"
#include "fastpath/xdp_fast_path.h"
#include "unit/turn_fixture.h"
#include "util/fd.h"

namespace turnpike::differential {

// The namespace's links, addresses and neighbours.
void make_network();

class Relay {
 public:
  // `directory`: for pins. Sessions, permissions and channels at random. Some have come to their end already,
  // which the maps have not been told: only the expiries in them say so, or their slots' generations.
  Relay(const std::string& directory, uint64_t seed);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay();

  const std::vector<Session>& sessions() const { return sessions_; }
  const std::vector<Endpoint>& peers() const { return peers_; }
  Endpoint external(const Endpoint& local) const;
  static bool is_own(const IpAddress& address);  // of this host

  // What the C++ relay sends for it: relayed data alone, each as the frame in which it leaves.
  std::vector<bpf_test::Frame> relay_in_userspace(const Received& received);

  struct Verdict {
    uint32_t action;  // XDP_PASS, ...
    bpf_test::Octets bytes;
  };
  // The same by the XDP program, as if `frame` had come in by tp0.
  Verdict relay_in_kernel(const bpf_test::Octets& frame) const;

 private:
  using Now = turnpike::Now;

  void start_kernel(const std::string& directory);
  void start_server();
  void make_sessions();
  void make_session(uint16_t port);
  turn::test::Datagram request(stun::Method method, const turn::test::Fill& fill);
  void ask(const turn::test::Datagram& request, const FiveTuple& five_tuple, const Now& now);
  void end_sessions(const std::string& directory);
  void install(const turn::Command& command);
  bool is_relayed(const Endpoint& endpoint) const;
  uint32_t below(uint32_t limit) { return std::uniform_int_distribution<uint32_t>(0, limit - 1)(random_); }

  std::mt19937_64 random_;
  std::vector<Endpoint> peers_;
  std::vector<Session> sessions_;

  std::optional<fastpath::Bpffs> bpffs_;
  std::unique_ptr<fastpath::Steering> steering_;
  std::unique_ptr<fastpath::FastPath> fast_path_;
  UniqueFd program_;
  unsigned ingress_ = 0;

  turn::test::FakeAuthenticator authenticator_;
  turn::test::FakePeerPolicy policy_;
  turn::test::FakeQuota quota_;
  std::unique_ptr<turn::RelayPorts> ports_;
  turn::Reservations reservations_;
  turn::test::CountingRandom ids_;
  std::unique_ptr<turn::Server> server_;
  uint64_t transaction_ = 0;
};

}  // namespace turnpike::differential
