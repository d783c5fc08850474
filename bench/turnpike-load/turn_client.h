// SPDX-License-Identifier: Apache-2.0
//
// TurnClient: one allocation at a relay, as a standard client makes it (RFC 8656 over UDP, long-term
// credentials), with channels bound. No refreshes: a measurement is shorter than any lifetime.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "stun/message.h"
#include "udp_endpoint.h"
#include "util/random.h"

namespace turnpike::load {

struct Credentials {
  std::string user;
  std::string password;
};

class TurnClient {
 public:
  // Allocates at `relay` a relayed address of the same family.
  static Result<TurnClient> allocate(const Endpoint& relay, const Credentials& credentials);

  Result<void> bind_channel(uint16_t channel, const Endpoint& peer);
  Result<void> send_channel_data(uint16_t channel, Bytes data) const;
  // The application data of the next ChannelData message on `channel`; nullopt when none came in time.
  std::optional<std::vector<uint8_t>> receive_channel_data(uint16_t channel,
                                                           std::chrono::milliseconds limit) const;

  const Endpoint& local() const { return socket_.local(); }
  const Endpoint& relayed() const { return relayed_; }

 private:
  using Attributes = std::function<void(stun::MessageBuilder&)>;

  TurnClient(UdpEndpoint socket, const Endpoint& relay, Credentials credentials)
      : socket_(std::move(socket)), relay_(relay), credentials_(std::move(credentials)) {}

  // Sends the request until it is answered; learns realm and nonce from a 401 or 438 and asks again.
  Result<std::vector<uint8_t>> request(stun::Method method, const Attributes& attributes);
  Result<std::vector<uint8_t>> exchange(stun::Method method, const Attributes& attributes);
  void learn_challenge(const stun::MessageView& response);

  UdpEndpoint socket_;
  Endpoint relay_;
  Credentials credentials_;
  std::string realm_;
  std::string nonce_;
  Endpoint relayed_;
  SystemRandom random_;
};

}  // namespace turnpike::load
