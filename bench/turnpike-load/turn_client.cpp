// SPDX-License-Identifier: Apache-2.0
#include "turn_client.h"

#include <array>

#include "stun/channel_data.h"

namespace turnpike::load {
namespace {

constexpr std::chrono::milliseconds kRetransmitAfter{500};  // RFC 8489 §6.2.1: RTO
constexpr int kTransmissions = 7;                           // Rc
constexpr uint32_t kRequestedTransportUdp = 17u << 24;
constexpr uint32_t kRequestedFamilyIpv4 = 0x01u << 24;
constexpr uint32_t kRequestedFamilyIpv6 = 0x02u << 24;

uint16_t error_code(const stun::MessageView& response) {
  const auto attribute = response.find(stun::AttributeType::kErrorCode);
  const auto value = attribute ? stun::read_error_code(attribute->value) : std::nullopt;
  return value ? value->code : 0;
}

bool is_challenge(uint16_t code) {
  return code == static_cast<uint16_t>(stun::StatusCode::kUnauthenticated) ||
         code == static_cast<uint16_t>(stun::StatusCode::kStaleNonce);
}

}  // namespace

Result<TurnClient> TurnClient::allocate(const Endpoint& relay, const Credentials& credentials) {
  auto socket = UdpEndpoint::towards(relay);
  if (!socket) return forward(socket);
  TurnClient client(std::move(*socket), relay, credentials);
  auto answer = client.request(stun::Method::kAllocate, [&](stun::MessageBuilder& message) {
    message.add_u32(stun::AttributeType::kRequestedTransport, kRequestedTransportUdp);
    message.add_u32(stun::AttributeType::kRequestedAddressFamily,
                    relay.address.is_v4() ? kRequestedFamilyIpv4 : kRequestedFamilyIpv6);
  });
  if (!answer) return forward(answer);
  const auto view = stun::MessageView::parse(*answer);
  if (!view) return forward(view);
  const auto attribute = view->find(stun::AttributeType::kXorRelayedAddress);
  const auto relayed =
      attribute ? stun::read_xor_address(attribute->value, view->transaction_id()) : std::nullopt;
  if (!relayed)
    return fail(ErrorCode::kInvalid, "the relay's Allocate success has no usable XOR-RELAYED-ADDRESS");
  client.relayed_ = *relayed;
  return client;
}

Result<void> TurnClient::bind_channel(uint16_t channel, const Endpoint& peer) {
  auto answer = request(stun::Method::kChannelBind, [&](stun::MessageBuilder& message) {
    message.add_channel_number(channel);
    message.add_xor_address(stun::AttributeType::kXorPeerAddress, peer);
  });
  if (!answer) return forward(answer);
  return {};
}

Result<void> TurnClient::send_channel_data(uint16_t channel, Bytes data) const {
  std::vector<uint8_t> message(stun::kChannelDataHeaderSize + data.size());
  Writer writer(message);
  writer.u16(channel);
  writer.u16(static_cast<uint16_t>(data.size()));
  writer.put(data);
  return socket_.send(relay_, message);
}

std::optional<std::vector<uint8_t>> TurnClient::receive_channel_data(uint16_t channel,
                                                                     std::chrono::milliseconds limit) const {
  const auto datagram = socket_.receive(limit);
  if (!datagram) return std::nullopt;
  Reader reader(*datagram);
  const uint16_t number = reader.u16();
  const Bytes data = reader.take(reader.u16());
  if (!reader.ok() || number != channel) return std::nullopt;
  return std::vector<uint8_t>(data.begin(), data.end());
}

Result<std::vector<uint8_t>> TurnClient::request(stun::Method method, const Attributes& attributes) {
  // The first answer may be a 401 with realm and nonce, the second a 438 with a fresh nonce.
  for (int attempt = 0; attempt < 3; ++attempt) {
    auto answer = exchange(method, attributes);
    if (!answer) return answer;
    const auto view = stun::MessageView::parse(*answer);
    if (!view) return forward(view);
    if (view->message_class() == stun::Class::kSuccess) return answer;
    const uint16_t code = error_code(*view);
    if (!is_challenge(code) || attempt == 2)
      return fail(ErrorCode::kInvalid, relay_.to_string() + " refused STUN method " +
                                           std::to_string(view->method_number()) + " with error " +
                                           std::to_string(code) +
                                           (is_challenge(code) ? ": check --user and --password" : ""));
    learn_challenge(*view);
  }
  return fail(ErrorCode::kInvalid, relay_.to_string() + " keeps asking for credentials");
}

void TurnClient::learn_challenge(const stun::MessageView& response) {
  if (const auto realm = response.find(stun::AttributeType::kRealm)) realm_ = stun::as_text(realm->value);
  if (const auto nonce = response.find(stun::AttributeType::kNonce)) nonce_ = stun::as_text(nonce->value);
}

Result<std::vector<uint8_t>> TurnClient::exchange(stun::Method method, const Attributes& attributes) {
  stun::TransactionId id;
  random_.fill(id);
  std::array<uint8_t, 1024> buffer{};
  stun::MessageBuilder message(buffer, method, stun::Class::kRequest, id);
  attributes(message);
  if (!nonce_.empty()) {
    message.add_text(stun::AttributeType::kUsername, credentials_.user)
        .add_text(stun::AttributeType::kRealm, realm_)
        .add_text(stun::AttributeType::kNonce, nonce_)
        .add_integrity(stun::long_term_key(credentials_.user, realm_, credentials_.password));
  }
  const Bytes datagram = message.finish();
  for (int i = 0; i < kTransmissions; ++i) {
    auto sent = socket_.send(relay_, datagram);
    if (!sent) return forward(sent);
    auto answer = socket_.receive(kRetransmitAfter);
    if (!answer) continue;
    const auto view = stun::MessageView::parse(*answer);
    if (view && view->transaction_id() == id) return std::move(*answer);
  }
  return fail(ErrorCode::kNotFound, "no answer from " + relay_.to_string() + " (is a relay running there?)");
}

}  // namespace turnpike::load
