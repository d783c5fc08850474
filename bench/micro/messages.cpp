// SPDX-License-Identifier: Apache-2.0
#include "messages.h"

#include <cstdlib>
#include <functional>

namespace turnpike::micro {
namespace {

using stun::AttributeType;
using stun::Class;
using stun::MessageBuilder;
using stun::Method;

constexpr uint8_t kUdp = 17;

Datagram build(Method method, Class message_class, uint64_t number,
               const std::function<void(MessageBuilder&)>& fill) {
  Datagram buffer(2048);
  MessageBuilder builder(buffer, method, message_class, transaction(number));
  fill(builder);
  const Bytes message = builder.finish();
  if (message.empty()) std::abort();
  return {message.begin(), message.end()};
}

Datagram signed_request(Method method, const std::string& nonce, uint64_t number,
                        const std::function<void(MessageBuilder&)>& fill) {
  return build(method, Class::kRequest, number, [&](MessageBuilder& builder) {
    fill(builder);
    builder.add_text(AttributeType::kUsername, kUsername)
        .add_text(AttributeType::kRealm, kRealm)
        .add_text(AttributeType::kNonce, nonce)
        .add_integrity(key());
  });
}

void add_transport(MessageBuilder& builder) {
  const uint8_t udp[] = {kUdp, 0, 0, 0};
  builder.add(AttributeType::kRequestedTransport, udp);
}

}  // namespace

Endpoint at(const char* text) {
  const auto endpoint = Endpoint::parse(text);
  if (!endpoint) std::abort();
  return *endpoint;
}

stun::LongTermKey key() {
  static const stun::LongTermKey kKey = stun::long_term_key(kUsername, kRealm, kPassword);
  return kKey;
}

stun::TransactionId transaction(uint64_t number) {
  stun::TransactionId id{};
  Writer(id).u64(number);
  return id;
}

Datagram allocate_request(const std::string& nonce, uint64_t number) {
  return signed_request(Method::kAllocate, nonce, number, add_transport);
}

Datagram refresh_request(const std::string& nonce, uint64_t number, uint32_t lifetime) {
  return signed_request(Method::kRefresh, nonce, number, [&](MessageBuilder& builder) {
    builder.add_u32(AttributeType::kLifetime, lifetime);
  });
}

Datagram permission_request(const std::string& nonce, uint64_t number, const Endpoint& peer) {
  return signed_request(Method::kCreatePermission, nonce, number, [&](MessageBuilder& builder) {
    builder.add_xor_address(AttributeType::kXorPeerAddress, peer);
  });
}

Datagram channel_request(const std::string& nonce, uint64_t number, uint16_t channel, const Endpoint& peer) {
  return signed_request(Method::kChannelBind, nonce, number, [&](MessageBuilder& builder) {
    builder.add_channel_number(channel).add_xor_address(AttributeType::kXorPeerAddress, peer);
  });
}

Datagram unsigned_allocate_request() {
  return build(Method::kAllocate, Class::kRequest, 1, add_transport);
}

Datagram binding_request() {
  return build(Method::kBinding, Class::kRequest, 1, [](MessageBuilder&) {});
}

Datagram send_indication(const Endpoint& peer) {
  return build(Method::kSend, Class::kIndication, 1, [&](MessageBuilder& builder) {
    builder.add_xor_address(AttributeType::kXorPeerAddress, peer)
        .add(AttributeType::kData, application_data());
  });
}

Datagram channel_data(uint16_t channel) {
  Datagram datagram(4 + kDataSize, 0xa5);
  Writer writer(datagram);
  writer.u16(channel);
  writer.u16(kDataSize);
  return datagram;
}

Datagram application_data() {
  return Datagram(kDataSize, 0xa5);
}

}  // namespace turnpike::micro
