// SPDX-License-Identifier: Apache-2.0
#include "message.h"

#include "stun/channel_data.h"
#include "stun/message.h"

namespace turnpike::load {
namespace {

constexpr stun::TransactionId kTransactionId{'t', 'u', 'r', 'n', 'p', 'i', 'k', 'e'};
constexpr size_t kMostHeaders = 64;

}  // namespace

std::vector<uint8_t> channel_data(uint16_t channel, Bytes data) {
  std::vector<uint8_t> message(stun::kChannelDataHeaderSize + data.size());
  Writer writer(message);
  writer.u16(channel);
  writer.u16(static_cast<uint16_t>(data.size()));
  writer.put(data);
  return message;
}

std::vector<uint8_t> send_indication(const Endpoint& peer, Bytes data) {
  std::vector<uint8_t> buffer(kMostHeaders + data.size());
  stun::MessageBuilder builder(buffer, stun::Method::kSend, stun::Class::kIndication, kTransactionId);
  builder.add_xor_address(stun::AttributeType::kXorPeerAddress, peer);
  builder.add(stun::AttributeType::kData, data);
  const Bytes message = builder.finish();
  return {message.begin(), message.end()};
}

Bytes application_data(Bytes datagram) {
  if (stun::looks_like_stun(datagram)) {
    const auto view = stun::MessageView::parse(datagram);
    const auto data = view ? view->find(stun::AttributeType::kData) : std::nullopt;
    return data ? data->value : Bytes{};
  }
  if (stun::looks_like_channel_data(datagram))
    if (const auto channel = stun::parse_channel_data(datagram)) return channel->data;
  return datagram;
}

}  // namespace turnpike::load
