// SPDX-License-Identifier: Apache-2.0
#include "turn/server.h"

#include "stun/channel_data.h"
#include "turn/authentication.h"
#include "turn/unknown_attributes.h"
#include "util/credential_limits.h"

namespace turnpike::turn {

using stun::Class;
using stun::Method;
using stun::StatusCode;

namespace {

constexpr size_t kMaxUdpPayload = 65507;  // over IPv4; the larger of what one datagram may carry

}  // namespace

Result<std::unique_ptr<Server>> Server::create(Options options, Environment environment) {
  if (options.realm.empty() || options.realm.size() > kMaxRealm)
    return fail(ErrorCode::kInvalid, "the realm has " + std::to_string(options.realm.size()) +
                                         " bytes; give it a name of 1 to " + std::to_string(kMaxRealm) +
                                         " such as \"example.org\"");
  if (options.relay_addresses.empty())
    return fail(ErrorCode::kInvalid, "there is no relay address; name at least one of this host's");
  for (const RelayAddress& address : options.relay_addresses)
    if (!environment.ports.is_relay_address(address.local))
      return fail(ErrorCode::kInvalid, "relay address " + address.local.to_string() + " has no relay ports");
  if (options.worker >= options.workers)
    return fail(ErrorCode::kInvalid, "worker " + std::to_string(options.worker) + " is not one of " +
                                         std::to_string(options.workers) + " (they count from 0)");
  return std::unique_ptr<Server>(new Server(std::move(options), environment));
}

Server::Server(Options options, Environment environment)
    : options_(std::move(options)),
      environment_(environment),
      translation_(options_.relay_addresses),
      ports_(environment.ports, options_.worker, options_.workers, environment.random),
      scratch_(kMaxUdpPayload) {
  environment_.random.fill(indication_id_);
}

void Server::handle_client(Bytes datagram, const FiveTuple& five_tuple, const IpFields& ip, const Now& now) {
  if (blocked(five_tuple.client.address, now)) return drop(DropReason::kBlocked);
  handle_timeout(now);
  if (stun::looks_like_channel_data(datagram)) return relay_channel_data(datagram, five_tuple, ip, now);
  const auto message = stun::MessageView::parse(datagram);
  if (!message) return drop(DropReason::kMalformedStun);
  switch (message->message_class()) {
    case Class::kRequest:
      if (!admit_request(five_tuple, now)) return drop(DropReason::kSourceBudget);
      if (!message->fingerprint_agrees()) return drop(DropReason::kMalformedStun);
      return handle_request({*message, five_tuple, now, std::nullopt});
    case Class::kIndication:
      return handle_indication(*message, five_tuple, ip, now);
    case Class::kSuccess:
    case Class::kError:  // we never asked
      return drop(message->fingerprint_agrees() ? DropReason::kUnknownMethod : DropReason::kMalformedStun);
  }
}

// Who has an allocation has shown that it receives at its address.
bool Server::admit_request(const FiveTuple& five_tuple, const Now& now) {
  return environment_.sources == nullptr || allocations_.find(five_tuple) != nullptr ||
         environment_.sources->admit_request(five_tuple.client.address, now.monotonic);
}

Server::Handler Server::handler_of(Method method) {
  switch (method) {
    case Method::kBinding:
      return &Server::bind;
    case Method::kAllocate:
      return &Server::allocate;
    case Method::kRefresh:
      return &Server::refresh;
    case Method::kCreatePermission:
      return &Server::create_permission;
    case Method::kChannelBind:
      return &Server::bind_channel;
    default:
      return nullptr;
  }
}

void Server::handle_request(Request request) {
  const Handler handler = handler_of(request.message.method());
  if (handler == nullptr) return drop(DropReason::kUnknownMethod);
  stun::MessageBuilder answer(scratch_, request.message.method(), Class::kSuccess,
                              request.message.transaction_id());
  const Outcome outcome = perform(request, handler, answer);
  if (outcome) return send_answer(request, answer);
  send_refusal(request, outcome.error());
}

// Who asks comes before what is asked (RFC 8489 §6.3); Binding is for everybody (RFC 8489 §2).
Outcome Server::perform(Request& request, Handler handler, stun::MessageBuilder& answer) {
  if (request.message.method() != Method::kBinding) {
    const auto identity = authenticate(request, environment_.authenticator);
    if (!identity) return refuse(identity);
    request.identity = *identity;
  }
  if (!UnknownAttributes(request.message).none())
    return refuse(StatusCode::kUnknownAttribute, "unknown comprehension-required attribute");
  return (this->*handler)(request, answer);
}

// A Send indication's FINGERPRINT is not verified. Whether a usage uses FINGERPRINT is left to it (RFC 8489
// §6.3, §14.7): it tells STUN from other protocols, and here the cookie does. The UDP checksum covers the
// message already. The kernel's path could not compute a CRC over media at line rate, and both paths must
// judge a message alike.
void Server::handle_indication(const stun::MessageView& message, const FiveTuple& five_tuple,
                               const IpFields& ip, const Now& now) {
  if (message.method() != Method::kSend && !message.fingerprint_agrees())
    return drop(DropReason::kMalformedStun);
  if (message.method() == Method::kBinding) return;  // a keepalive (RFC 8445 §11): nothing to do
  if (message.method() != Method::kSend) return drop(DropReason::kUnknownMethod);
  if (!UnknownAttributes(message).none()) return drop(DropReason::kUnknownAttribute);
  relay_send(message, five_tuple, ip, now);
}

Outcome Server::bind(const Request& request, stun::MessageBuilder& answer) {
  answer.add_xor_address(stun::AttributeType::kXorMappedAddress, request.five_tuple.client);
  return {};
}

OrRefusal<Allocation*> Server::allocation_of(const Request& request) const {
  Allocation* allocation = allocations_.find(request.five_tuple);
  if (allocation == nullptr) return refuse(StatusCode::kAllocationMismatch, "no allocation");
  if (allocation->username != request.identity->username)
    return refuse(StatusCode::kWrongCredentials, "another user's allocation");
  return allocation;
}

OrRefusal<Endpoint> Server::read_peer(const Request& request, Bytes value,
                                      const Allocation& allocation) const {
  const auto named = stun::read_xor_address(value, request.message.transaction_id());
  if (!named) return refuse(StatusCode::kBadRequest, "malformed XOR-PEER-ADDRESS");
  const Endpoint peer = translation_.to_local(*named);
  if (peer.address.family() != allocation.relayed.address.family())
    return refuse(StatusCode::kPeerAddressFamilyMismatch, "peer of another family than the relayed address");
  return peer;
}

}  // namespace turnpike::turn
