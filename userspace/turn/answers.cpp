// SPDX-License-Identifier: Apache-2.0
//
// What goes back to who asked: the only place where answers are written and refusals counted.
#include "turn/server.h"
#include "turn/unknown_attributes.h"

namespace turnpike::turn {

using stun::AttributeType;
using stun::StatusCode;

namespace {

// No answer to a request without credentials exceeds this many times its size: its sender's address may be
// forged, and its owner the target. The reason phrase, which only people read, goes first.
constexpr size_t kMaxAmplification = 3;

bool amplifies(const Request& request, size_t answer_size) {
  return !request.identity && answer_size > kMaxAmplification * request.message.datagram().size();
}

}  // namespace

// Not for strangers: their answers must stay small.
void Server::add_software(const Request& request, stun::MessageBuilder& answer) const {
  if (request.identity && !options_.software.empty())
    answer.add_text(AttributeType::kSoftware, options_.software);
}

// MESSAGE-INTEGRITY for who is known, FINGERPRINT for who sent one.
Bytes Server::close_message(const Request& request, stun::MessageBuilder& answer) {
  if (request.identity) answer.add_integrity(request.identity->key);
  if (request.message.has(AttributeType::kFingerprint)) answer.add_fingerprint();
  return answer.finish();
}

void Server::send_answer(const Request& request, stun::MessageBuilder& answer) {
  add_software(request, answer);
  const Slice data = commands_.append(close_message(request, answer));
  commands_.push(SendToClient{request.five_tuple, IpFields{}, data, false});
}

Bytes Server::build_refusal(const Request& request, const Refusal& refusal, std::string_view phrase) {
  stun::MessageBuilder answer(scratch_, request.message.method(), stun::Class::kError,
                              request.message.transaction_id());
  answer.add_error_code(refusal.code, phrase);
  if (refusal.code == StatusCode::kUnknownAttribute)
    answer.add_unknown_attributes(UnknownAttributes(request.message).types());
  if (refusal.challenge) {
    answer.add_text(AttributeType::kRealm, options_.realm);
    answer.add_text(AttributeType::kNonce,
                    environment_.authenticator.make_nonce(request.five_tuple.client, request.now));
  }
  add_software(request, answer);
  return close_message(request, answer);
}

// The event names who is proven to have asked: another name may be anything, by the packet.
void Server::send_refusal(const Request& request, const Refusal& refusal) {
  Bytes answer = build_refusal(request, refusal, stun::reason_phrase(refusal.code));
  if (amplifies(request, answer.size())) answer = build_refusal(request, refusal, "");
  if (amplifies(request, answer.size())) return drop(DropReason::kAmplifying);
  ++refusals_[refusal.code];
  commands_.push(Event{Event::Kind::kRefused, request.five_tuple, AllocationId{},
                       std::string(request.identity ? request.identity->username : std::string_view()),
                       refusal.code, refusal.reason});
  commands_.push(SendToClient{request.five_tuple, IpFields{}, commands_.append(answer), false});
}

}  // namespace turnpike::turn
