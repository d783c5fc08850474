// SPDX-License-Identifier: Apache-2.0
#include "requester.h"

#include <algorithm>

namespace turnpike::load {
namespace {

constexpr std::chrono::milliseconds kRetransmitAfter{500};  // RFC 8489 §6.2.1: RTO
constexpr int kTransmissions = 7;                           // Rc
constexpr int kAttempts = 3;                                // a 401, then perhaps a 438
constexpr std::chrono::milliseconds kCheckEvery{50};
constexpr uint32_t kRequestedTransportUdp = 17u << 24;
constexpr uint32_t kRequestedFamilyIpv4 = 0x01u << 24;
constexpr uint32_t kRequestedFamilyIpv6 = 0x02u << 24;
constexpr size_t kLargestRequest = 1024;

uint16_t error_code(const stun::MessageView& response) {
  const auto attribute = response.find(stun::AttributeType::kErrorCode);
  const auto value = attribute ? stun::read_error_code(attribute->value) : std::nullopt;
  return value ? value->code : static_cast<uint16_t>(stun::StatusCode::kServerError);
}

bool is_challenge(uint16_t code) {
  return code == static_cast<uint16_t>(stun::StatusCode::kUnauthenticated) ||
         code == static_cast<uint16_t>(stun::StatusCode::kStaleNonce);
}

void add_attributes(stun::MessageBuilder& message, const Request& request, AddressFamily family) {
  switch (request.method) {
    case stun::Method::kAllocate:
      message.add_u32(stun::AttributeType::kRequestedTransport, kRequestedTransportUdp);
      message.add_u32(stun::AttributeType::kRequestedAddressFamily,
                      family == AddressFamily::kIpv4 ? kRequestedFamilyIpv4 : kRequestedFamilyIpv6);
      break;
    case stun::Method::kRefresh:
      message.add_u32(stun::AttributeType::kLifetime, request.lifetime);
      break;
    case stun::Method::kChannelBind:
      message.add_channel_number(request.channel);
      message.add_xor_address(stun::AttributeType::kXorPeerAddress, request.peer);
      break;
    default:
      message.add_xor_address(stun::AttributeType::kXorPeerAddress, request.peer);
  }
}

// The slot of a transaction stands in its id, so that an answer finds it at once.
size_t slot_of(const stun::TransactionId& id) {
  return Reader(id).u32();
}

// False when an Allocate's answer lacks what it must say.
bool learn_success(Allocation& client, const Request& request, const stun::MessageView& view) {
  if (const auto lifetime = view.find(stun::AttributeType::kLifetime))
    client.lifetime = stun::read_u32(lifetime->value).value_or(client.lifetime);
  if (request.method != stun::Method::kAllocate) return true;
  const auto attribute = view.find(stun::AttributeType::kXorRelayedAddress);
  const auto relayed =
      attribute ? stun::read_xor_address(attribute->value, view.transaction_id()) : std::nullopt;
  if (relayed) client.relayed = *relayed;
  return relayed.has_value();
}

}  // namespace

std::string describe(const Request& request, const Answer& answer, const Endpoint& relay) {
  if (answer.error == Answer::kNone)
    return "no answer from " + relay.to_string() + " (is a relay running there?)";
  std::string text = relay.to_string() + " refused STUN method " +
                     std::to_string(static_cast<unsigned>(request.method)) + " with error " +
                     std::to_string(answer.error);
  if (is_challenge(answer.error)) return text + ": check --user and --password";
  if (answer.error == static_cast<uint16_t>(stun::StatusCode::kAllocationQuotaReached) ||
      answer.error == static_cast<uint16_t>(stun::StatusCode::kInsufficientCapacity))
    return text + ": a limit of the relay is reached; raise it in the relay's configuration";
  if (answer.error == static_cast<uint16_t>(stun::StatusCode::kForbidden))
    return text + ": the relay does not allow this peer";
  if (answer.tuple_in_use())
    return text +
           ": it still knows former clients of all these addresses and ports; wait, restart it, or name "
           "more addresses by --client-address";
  return text;
}

bool Answer::tuple_in_use() const {
  return error == static_cast<uint16_t>(stun::StatusCode::kAllocationMismatch);
}

Requester::Requester(Lane& lane, const Target& target)
    : lane_(lane), target_(target), next_check_(Clock::now()), serial_(SystemRandom().u64()) {}

void Requester::ask(Allocation& client, const Request& request, Done done) {
  if (free_.empty()) {
    free_.push_back(transactions_.size());
    transactions_.emplace_back();
  }
  const size_t index = free_.back();
  free_.pop_back();
  ++in_flight_;
  Transaction& transaction = transactions_[index];
  transaction.client = &client;
  transaction.request = request;
  transaction.done = std::move(done);
  transaction.asked = Clock::now();
  transaction.attempts = 0;
  start(index);
}

void Requester::start(size_t index) {
  Transaction& transaction = transactions_[index];
  Writer id(transaction.id);
  id.u32(static_cast<uint32_t>(index));
  id.u64(++serial_);
  ++transaction.attempts;
  transaction.transmissions = 0;
  write(transaction);
  transmit(transaction);
}

void Requester::write(Transaction& transaction) {
  // What is collected borrows the bytes, so they must not move to a new buffer in between.
  transaction.datagram.resize(kLargestRequest);
  stun::MessageBuilder message(transaction.datagram, transaction.request.method, stun::Class::kRequest,
                               transaction.id);
  add_attributes(message, transaction.request, target_.relay.address.family());
  transaction.authenticated = !transaction.client->nonce.empty();
  if (transaction.authenticated)
    message.add_text(stun::AttributeType::kUsername, target_.credentials.user)
        .add_text(stun::AttributeType::kRealm, realm_)
        .add_text(stun::AttributeType::kNonce, transaction.client->nonce)
        .add_integrity(key_);
  transaction.datagram.resize(message.finish().size());
}

void Requester::transmit(Transaction& transaction) {
  ++transaction.transmissions;
  transaction.sent = Clock::now();
  lane_.send(transaction.client->local, target_.relay, transaction.datagram);
}

void Requester::step(std::chrono::milliseconds wait, const Lane::Handler& other) {
  lane_.flush();
  lane_.receive(wait, [&](const net::ReceivedDatagram& datagram) { handle(datagram, other); });
  lane_.flush();
  if (Clock::now() >= next_check_) repeat_overdue();
}

void Requester::handle(const net::ReceivedDatagram& datagram, const Lane::Handler& other) {
  const auto view = stun::looks_like_stun(datagram.data) ? stun::MessageView::parse(datagram.data)
                                                         : fail(ErrorCode::kInvalid, {});
  const bool response = view && (view->message_class() == stun::Class::kSuccess ||
                                 view->message_class() == stun::Class::kError);
  if (!response) {
    if (other) other(datagram);
    return;
  }
  const size_t index = slot_of(view->transaction_id());
  if (index >= transactions_.size()) return;
  Transaction& transaction = transactions_[index];
  if (transaction.client == nullptr || transaction.id != view->transaction_id()) return;
  if (view->message_class() == stun::Class::kError) return take_error(index, *view);
  const bool complete = learn_success(*transaction.client, transaction.request, *view);
  finish(index, complete ? 0 : static_cast<uint16_t>(stun::StatusCode::kServerError));
}

void Requester::take_error(size_t index, const stun::MessageView& view) {
  Transaction& transaction = transactions_[index];
  const uint16_t code = error_code(view);
  const bool wrong_credentials =
      transaction.authenticated && code == static_cast<uint16_t>(stun::StatusCode::kUnauthenticated);
  if (!is_challenge(code) || wrong_credentials || transaction.attempts == kAttempts)
    return finish(index, code);
  learn_challenge(*transaction.client, view);
  start(index);
}

void Requester::learn_challenge(Allocation& client, const stun::MessageView& view) {
  if (const auto nonce = view.find(stun::AttributeType::kNonce)) client.nonce = stun::as_text(nonce->value);
  const auto realm = view.find(stun::AttributeType::kRealm);
  if (!realm || stun::as_text(realm->value) == realm_) return;
  realm_ = stun::as_text(realm->value);
  key_ = stun::long_term_key(target_.credentials.user, realm_, target_.credentials.password);
}

void Requester::finish(size_t index, uint16_t error) {
  // `done` may ask again, which may move the transactions.
  Transaction& transaction = transactions_[index];
  const Done done = std::move(transaction.done);
  const Answer answer{error, Clock::now() - transaction.asked};
  transaction.client = nullptr;
  transaction.done = {};
  free_.push_back(index);
  --in_flight_;
  done(answer);
}

void Requester::repeat_overdue() {
  const Clock::time_point now = Clock::now();
  next_check_ = now + kCheckEvery;
  for (size_t i = 0; i < transactions_.size(); ++i) {
    if (transactions_[i].client == nullptr || now - transactions_[i].sent < kRetransmitAfter) continue;
    if (transactions_[i].transmissions == kTransmissions)
      finish(i, Answer::kNone);
    else
      transmit(transactions_[i]);
  }
  lane_.flush();
}

}  // namespace turnpike::load
