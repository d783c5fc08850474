// SPDX-License-Identifier: Apache-2.0
//
// A turn::Server with a clock, random numbers and surroundings that a test sets, and clients that speak to
// it. Commands come back as lines of text, so that a test states exactly what an event causes:
//
//   own 192.0.2.1:50004
//   set #1 t+600
//   permit #1 203.0.113.9 t+300
//   event allocated #1 alice
//   answer 198.51.100.7:40000 allocate 200 relayed=192.0.2.1:50004 lifetime=600 mapped=… signed=alice
//
// Allocations are #1, #2, … in the order in which they appear; times are seconds since the world began.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "stun/message.h"
#include "turn/server.h"
#include "unit/turn_records.h"

namespace turnpike::turn::test {

using Lines = std::vector<std::string>;
using Datagram = std::vector<uint8_t>;
using Fill = std::function<void(stun::MessageBuilder&)>;

Datagram bytes_of(std::string_view text);
inline IpAddress ip(std::string_view text) {
  return IpAddress::parse(text).value();
}
inline Endpoint at(std::string_view text) {
  return Endpoint::parse(text).value();
}
stun::LongTermKey key_of(std::string_view username);  // of password "secret of USERNAME"
stun::TransactionId transaction(uint64_t number);

// Counts instead of guessing: 1, 2, 3, … as 64-bit numbers.
class CountingRandom final : public Random {
 public:
  void fill(MutableBytes bytes) override;

 private:
  uint64_t next_ = 1;
};

// Users "alice" and "bob", and "rotating" with two keys of which the second is used. Nonces: "fresh" is
// valid, "stale" is stale.
class FakeAuthenticator final : public Authenticator {
 public:
  std::vector<stun::LongTermKey> keys_for(std::string_view username, const Now& now) const override;
  std::string make_nonce(const Endpoint&, const Now&) const override { return "fresh"; }
  NonceState check_nonce(std::string_view nonce, const Endpoint&, const Now&) const override;
};

class FakePeerPolicy final : public PeerPolicy {
 public:
  std::set<IpAddress> forbidden_addresses;
  std::set<Endpoint> forbidden_endpoints;
  PeerVerdict judge(const IpAddress& peer) const override;
  PeerVerdict judge(const Endpoint& peer) const override;
};

class FakeQuota final : public AllocationQuota {
 public:
  Verdict acquire(std::string_view username) override;
  void adopt(std::string_view username) override;
  void release(std::string_view username) override;
  int user_limit = 1000;
  int relay_limit = 100000;
  int total = 0;
  std::map<std::string, int, std::less<>> held;
};

// Refuses with that text; empty: admits.
class FakeLimits final : public TrafficLimits {
 public:
  const char* admit(AllocationId id, Direction direction, size_t bytes, MonotonicTime now) override;
  const char* refusal = "";
  size_t charged[2] = {};  // bytes, by direction
};

class FakeSources final : public SourceGuard {
 public:
  bool blocked(const IpAddress& source, MonotonicTime) const override {
    return blocked_addresses.contains(source);
  }
  bool admit_request(const IpAddress&, MonotonicTime) override { return requests-- > 0; }
  std::set<IpAddress> blocked_addresses;
  int requests = 1 << 30;  // that are admitted yet
};

// What the workers of a relay share; the last World to end frees it.
struct Shared {
  FakeQuota quota;
  std::unique_ptr<RelayPorts> ports;
  Reservations reservations;
};

struct World {
  explicit World(Options options = {}, PortRange range = {50000, 50099});
  // Another worker of the same relay.
  World(Options options, const World& beside);

  // What is random, the time, the names of allocations and the records go on as in `other`.
  void follow(const World& other);
  FiveTuple five_tuple(uint16_t client_port) const;
  void advance(Nanoseconds time) { now.monotonic += time; }
  Lines timeout();  // handle_timeout at `now`
  Lines from_client(const Datagram& datagram, const FiveTuple& five_tuple, IpFields ip = {});
  Lines from_peer(std::string_view data, const Endpoint& peer, const Endpoint& relayed, IpFields ip = {});
  Lines icmp(const IcmpError& error);
  Lines restore(const SavedSession& saved);  // expects no error
  Lines take();  // releases ports and keeps records as the caller is to, and clears the queue

  Now now{MonotonicTime(std::chrono::hours(1)), WallTime(Seconds(1'800'000'000))};
  const MonotonicTime began = now.monotonic;
  FakeAuthenticator authenticator;
  FakePeerPolicy peers;
  FakeLimits limits;
  FakeSources sources;
  const std::shared_ptr<Shared> shared = std::make_shared<Shared>();
  FakeQuota& quota = shared->quota;
  std::unique_ptr<RelayPorts>& ports = shared->ports;
  CountingRandom random;
  std::unique_ptr<Server> server;
  Records records;

 private:
  void make_server(const Options& options);
  std::string render(const Command& command);
  std::string render_client_bytes(Bytes bytes);
  std::string render_stun(const stun::MessageView& message);
  std::string name(AllocationId id);
  std::string seconds(MonotonicTime time) const;

  std::map<AllocationId, size_t> names_;
};

class Client {
 public:
  Client(World& world, uint16_t port, std::string username = "alice");

  // A signed request with a transaction id of its own.
  Datagram request(stun::Method method, const Fill& fill = {}, bool fingerprint = false);
  Datagram indication(const Fill& fill) const;
  Lines send(const Datagram& datagram, IpFields ip = {});

  Datagram allocate_request(const Fill& more = {});
  Lines allocate(const Fill& more = {}) { return send(allocate_request(more)); }
  // Allocates, expects success and gives the relayed address as told.
  Endpoint allocated(const Fill& more = {});
  Lines refresh(std::optional<uint32_t> lifetime = std::nullopt, const Fill& more = {});
  Lines permit(const std::vector<std::string>& peers);
  Lines bind(uint16_t channel, std::string_view peer);
  Lines send_data(std::string_view peer, std::string_view data, IpFields ip = {});
  Lines channel_data(uint16_t channel, std::string_view data, IpFields ip = {});

  World& world;
  FiveTuple five_tuple;
  std::string username;

 private:
  uint64_t next_transaction_;
};

// A client with an allocation and a permission.
struct Call {
  explicit Call(Options options = {}, const Fill& more = {}, const std::string& with = "203.0.113.9")
      : world(std::move(options)),
        client(world, 1),
        relayed(client.allocated(more)),
        relayed_text(relayed.to_string()),
        peer{ip(with), 9} {
    client.permit({with});
  }
  uint64_t drops(DropReason reason) const { return world.server->drops(reason); }

  World world;
  Client client;
  const Endpoint relayed;
  const std::string relayed_text;
  const Endpoint peer;
};

Fill requested_transport(uint8_t protocol = 17);
Fill attribute(stun::AttributeType type, Datagram value);
Fill both(const Fill& first, const Fill& second);

}  // namespace turnpike::turn::test
