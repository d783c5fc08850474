// SPDX-License-Identifier: Apache-2.0
//
// turn::Server: STUN Binding and TURN over UDP (RFC 8489, RFC 8656) without sockets, clocks or threads. Each
// call takes an event and the time, and leaves commands in commands(); the caller carries them out and
// clears the queue before the next event. One server belongs to one thread.
//
// Where things are: server.cpp sorts what arrives, answers.cpp writes what goes back; allocate.cpp,
// refresh.cpp, permissions.cpp and channels.cpp are the requests; relaying.cpp carries data; icmp.cpp tells
// of errors; expiry.cpp ends things; restore.cpp brings them back; sessions.cpp is the CLI's view.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "stun/message.h"
#include "turn/address_translation.h"
#include "turn/allocation_table.h"
#include "turn/commands.h"
#include "turn/icmp_error.h"
#include "turn/options.h"
#include "turn/relay_ports.h"
#include "turn/request.h"
#include "turn/statistics.h"

namespace turnpike::turn {

struct AllocateWish;

class Server {
 public:
  // `options.relay_addresses` agree with `environment.ports`. Refuses (kInvalid) an empty realm or one of
  // more than kMaxRealm bytes, an empty
  // list of relay addresses, an address that the ports do not have, and a worker beyond the workers.
  static Result<std::unique_ptr<Server>> create(Options options, Environment environment);

  // A datagram from a client at a listening address. `ip` is its IP header's.
  void handle_client(Bytes datagram, const FiveTuple& five_tuple, const IpFields& ip, const Now& now);
  // A datagram from `peer` at a relay address and port, both as on the interface.
  void handle_peer(Bytes datagram, const Endpoint& peer, const Endpoint& relayed, const IpFields& ip,
                   const Now& now);
  // An ICMP error about a packet that this server sent (RFC 8656 §11.5, §11.6), to a peer or to a client. The
  // caller has checked that it is one of the types that are told on. About a packet to a peer: the client
  // gets a Data indication with an ICMP attribute. About one to a client that was too big: the peer whose
  // data it carried is told what would fit (SendTooBig).
  void handle_icmp(const IcmpError& error, const Now& now);
  // A session from before a restart: as it was, its commands (OwnPort, SetAllocation, ...) sent again. What
  // has expired since, or what the configuration no longer allows (its address, its peers), is taken away
  // instead. Keep: quota is counted whatever the limit. kInUse: its 5-tuple or relayed address is taken.
  Result<void> restore(const SavedSession& saved, const Now& now);
  // SaveCounters for what has been relayed since the last call.
  void save_counters();
  // What earlier processes relayed: counters() goes on from there.
  void restore_totals(const RelayCounters& totals);
  // Ends what has expired. To be called at next_timeout() or later; the other calls do the same first, so
  // that nothing outlives its time by a late timer.
  void handle_timeout(const Now& now);
  // Never later than the next expiry; it may be earlier.
  std::optional<MonotonicTime> next_timeout() const;
  CommandQueue& commands() { return commands_; }

  // Statistics.
  const Counters& counters() const { return counters_; }
  uint64_t drops(DropReason reason) const { return drops_[static_cast<size_t>(reason)]; }
  const std::map<stun::StatusCode, uint64_t>& refusals() const { return refusals_; }
  size_t allocation_count() const { return allocations_.size(); }
  size_t permission_count() const { return permission_count_; }
  size_t channel_count() const { return channel_count_; }  // bound ones
  std::vector<SessionSnapshot> sessions(const Now& now) const;
  // Whether session `id`, of that 5-tuple, lives.
  bool has(AllocationId id, const FiveTuple& five_tuple, const Now& now) const;

 private:
  struct Reserved {
    ReservationToken token;
    MonotonicTime expires;
  };

  Server(Options options, Environment environment);

  using Handler = Outcome (Server::*)(const Request&, stun::MessageBuilder&);
  static Handler handler_of(stun::Method method);
  void handle_request(Request request);
  void handle_indication(const stun::MessageView& message, const FiveTuple& five_tuple, const IpFields& ip,
                         const Now& now);
  bool blocked(const IpAddress& source, const Now& now) const {
    return environment_.sources != nullptr && environment_.sources->blocked(source, now.monotonic);
  }
  bool admit_request(const FiveTuple& five_tuple, const Now& now);
  Outcome perform(Request& request, Handler handler, stun::MessageBuilder& answer);
  void drop(DropReason reason) { ++drops_[static_cast<size_t>(reason)]; }

  // Requests. Each adds its attributes to the success answer, or says why not.
  Outcome bind(const Request& request, stun::MessageBuilder& answer);
  Outcome allocate(const Request& request, stun::MessageBuilder& answer);
  Outcome refresh(const Request& request, stun::MessageBuilder& answer);
  Outcome create_permission(const Request& request, stun::MessageBuilder& answer);
  Outcome bind_channel(const Request& request, stun::MessageBuilder& answer);

  void send_answer(const Request& request, stun::MessageBuilder& answer);
  void send_refusal(const Request& request, const Refusal& refusal);
  Bytes build_refusal(const Request& request, const Refusal& refusal, std::string_view phrase);
  void add_software(const Request& request, stun::MessageBuilder& answer) const;
  Bytes close_message(const Request& request, stun::MessageBuilder& answer);

  // The 5-tuple's allocation, if the request's user made it.
  OrRefusal<Allocation*> allocation_of(const Request& request) const;
  // XOR-PEER-ADDRESS as an address of this side, of the relayed address' family.
  OrRefusal<Endpoint> read_peer(const Request& request, Bytes value, const Allocation& allocation) const;

  OrRefusal<Endpoint> obtain_port(const Request& request, const AllocateWish& wish);
  OrRefusal<Endpoint> redeem_reservation(const Request& request, const ReservationToken& token);
  OrRefusal<Endpoint> claim_port(const Request& request, const AllocateWish& wish);
  Outcome acquire_quota(std::string_view username, unsigned count);
  ReservationToken reserve(const Endpoint& relayed, std::string_view username, const Now& now);
  void describe(const Allocation& allocation, stun::MessageBuilder& answer) const;

  // False when the permission lasts that long already, so that no binding was installed anew.
  bool grant_permission(Allocation& allocation, const IpAddress& peer, const Now& now);
  void announce(const Allocation& allocation, const IpAddress& peer);
  void install(const Allocation& allocation, ChannelNumber number);
  Outcome check_channel(const Allocation& allocation, ChannelNumber number, const Endpoint& peer) const;

  void relay_channel_data(Bytes datagram, const FiveTuple& five_tuple, const IpFields& ip, const Now& now);
  void relay_send(const stun::MessageView& message, const FiveTuple& five_tuple, const IpFields& ip,
                  const Now& now);
  void relay_to_peer(Allocation& allocation, const Endpoint& peer, Bytes data, IpFields ip, const Now& now);
  bool within_limits(Allocation& allocation, Direction direction, size_t bytes, const Now& now) {
    return environment_.limits == nullptr || charge(allocation, direction, bytes, now);
  }
  bool charge(Allocation& allocation, Direction direction, size_t bytes, const Now& now);
  // nullopt when no UDP datagram holds the message.
  std::optional<Slice> channel_data(ChannelNumber channel, Bytes data);
  std::optional<Slice> data_indication(const Endpoint& peer, Bytes data);
  stun::MessageBuilder open_data_indication(const Endpoint& peer);

  void tell_client(Allocation& allocation, const IcmpError& error, const Now& now);
  void tell_peer(Allocation& allocation, const IcmpError& error, const Now& now);

  Allocation revive(const SavedSession& saved);
  void withdraw_forbidden(Allocation& allocation);
  void announce(const Allocation& allocation);

  using Channels = decltype(Allocation::channels);
  using Permissions = decltype(Allocation::permissions);
  void expire(Allocation& allocation, const Now& now);
  void rest_if_due(const Allocation& allocation, Channels::value_type& entry, const Now& now);
  // Both tell the next one.
  Channels::iterator end_channel(Allocation& allocation, Channels::iterator channel);
  Permissions::iterator end_permission(Allocation& allocation, Permissions::iterator permission);
  void withdraw(Allocation& allocation);
  void end_allocation(Allocation& allocation, Event::Kind kind);
  void give_back(const Endpoint& relayed, std::string_view username);

  Options options_;
  Environment environment_;
  AddressTranslation translation_;
  PortAllocator ports_;
  AllocationTable allocations_;
  std::deque<Reserved> reserved_;  // by this server, perhaps redeemed since; all live equally long
  CommandQueue commands_;
  std::vector<uint8_t> scratch_;         // a message being built
  stun::TransactionId indication_id_{};  // of the last Data indication

  Counters counters_;
  std::optional<Counters> saved_;  // what the last SaveCounters told
  std::array<uint64_t, static_cast<size_t>(DropReason::kCount)> drops_{};
  std::map<stun::StatusCode, uint64_t> refusals_;
  size_t permission_count_ = 0;
  size_t channel_count_ = 0;
};

}  // namespace turnpike::turn
