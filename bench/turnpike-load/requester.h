// SPDX-License-Identifier: Apache-2.0
//
// Requester: many clients' STUN requests to one relay at the same time, as standard clients make them (RFC
// 8656 over UDP, long-term credentials): a 401 or 438 is answered with credentials, what gets no answer is
// sent again. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "allocation.h"
#include "options.h"
#include "port_space.h"
#include "stun/message.h"
#include "util/random.h"

namespace turnpike::load {

struct Request {
  stun::Method method{};  // kAllocate, kRefresh, kCreatePermission or kChannelBind
  uint32_t lifetime = 0;  // kRefresh: seconds, 0 ends the allocation
  uint16_t channel = 0;   // kChannelBind
  Endpoint peer{};        // kChannelBind; kCreatePermission: its address
};

struct Answer {
  static constexpr uint16_t kNone = 1;  // no answer came

  uint16_t error = 0;               // an error code of STUN, kNone, or 0: success
  std::chrono::nanoseconds took{};  // since the request was first sent, a challenge's round trip included

  bool ok() const { return error == 0; }
  // The relay knows the 5-tuple from before: the client tries another one (RFC 8656 §7.4).
  bool tuple_in_use() const;
};

// What an answer other than success means to a user.
std::string describe(const Request& request, const Answer& answer, const Endpoint& relay);

class Requester {
 public:
  using Done = std::function<void(const Answer&)>;

  // Both are borrowed. Clients of `lane` alone may ask.
  Requester(Lane& lane, const Target& target);

  // `client` must stay where it is until `done` was called; a success changes it.
  void ask(Allocation& client, const Request& request, Done done);
  size_t in_flight() const { return in_flight_; }

  // Sends what is collected, takes the answers that come within `wait`, repeats what is overdue. `done`s are
  // called, which may ask again. What is no answer goes to `other`.
  void step(std::chrono::milliseconds wait, const Lane::Handler& other = {});

 private:
  using Clock = std::chrono::steady_clock;

  struct Transaction {
    Allocation* client = nullptr;  // null: free
    Request request;
    Done done;
    stun::TransactionId id{};
    std::vector<uint8_t> datagram;
    Clock::time_point asked, sent;
    int transmissions = 0;
    int attempts = 0;  // with other credentials each
    bool authenticated = false;
  };

  void start(size_t index);
  void write(Transaction& transaction);
  void transmit(Transaction& transaction);
  void handle(const net::ReceivedDatagram& datagram, const Lane::Handler& other);
  void take_error(size_t index, const stun::MessageView& view);
  void learn_challenge(Allocation& client, const stun::MessageView& view);
  void finish(size_t index, uint16_t error);
  void repeat_overdue();

  Lane& lane_;
  const Target& target_;
  std::vector<Transaction> transactions_;
  std::vector<size_t> free_;
  size_t in_flight_ = 0;
  Clock::time_point next_check_;
  uint64_t serial_;
  std::string realm_;
  stun::LongTermKey key_{};
};

}  // namespace turnpike::load
