// SPDX-License-Identifier: Apache-2.0
//
// What goes back to who asked: the only place where answers are written and refusals counted.
#include "turn/server.h"
#include "turn/unknown_attributes.h"

namespace turnpike::turn {

using stun::AttributeType;
using stun::StatusCode;

namespace {

// No answer to a request without credentials exceeds this many times its size, where that can be had by
// leaving out what only people read: its sender's address may be forged, and its owner the target.
constexpr size_t kMaxAmplification = 3;

void add_bare_error_code(stun::MessageBuilder& answer, StatusCode code) {
  const auto number = static_cast<uint16_t>(code);
  const std::array<uint8_t, 4> value = {0, 0, static_cast<uint8_t>(number / 100),
                                        static_cast<uint8_t>(number % 100)};
  answer.add(AttributeType::kErrorCode, value);
}

}  // namespace

void Server::add_software(stun::MessageBuilder& answer) const {
  if (!options_.software.empty()) answer.add_text(AttributeType::kSoftware, options_.software);
}

// MESSAGE-INTEGRITY for who is known, FINGERPRINT for who sent one.
Bytes Server::close_message(const Request& request, stun::MessageBuilder& answer) {
  if (request.identity) answer.add_integrity(request.identity->key);
  if (request.message.has(AttributeType::kFingerprint)) answer.add_fingerprint();
  return answer.finish();
}

void Server::send_answer(const Request& request, stun::MessageBuilder& answer) {
  add_software(answer);
  const Slice data = commands_.append(close_message(request, answer));
  commands_.push(SendToClient{request.five_tuple, IpFields{}, data, false});
}

Bytes Server::build_refusal(const Request& request, const Refusal& refusal, bool full) {
  stun::MessageBuilder answer(scratch_, request.message.method(), stun::Class::kError,
                              request.message.transaction_id());
  if (full)
    answer.add_error_code(refusal.code);
  else
    add_bare_error_code(answer, refusal.code);
  if (refusal.code == StatusCode::kUnknownAttribute)
    answer.add_unknown_attributes(UnknownAttributes(request.message).types());
  if (refusal.challenge) {
    answer.add_text(AttributeType::kRealm, options_.realm);
    answer.add_text(AttributeType::kNonce,
                    environment_.authenticator.make_nonce(request.five_tuple.client, request.now));
  }
  if (full) add_software(answer);
  return close_message(request, answer);
}

void Server::send_refusal(const Request& request, const Refusal& refusal) {
  ++refusals_[refusal.code];
  const auto username = request.message.find(AttributeType::kUsername);
  commands_.push(
      Event{Event::Kind::kRefused, request.five_tuple, AllocationId{},
            username ? std::string(stun::as_text(username->value).substr(0, kMaxUsername)) : std::string(),
            refusal.code, refusal.reason});
  Bytes answer = build_refusal(request, refusal, true);
  if (!request.identity && answer.size() > kMaxAmplification * request.message.datagram().size())
    answer = build_refusal(request, refusal, false);
  commands_.push(SendToClient{request.five_tuple, IpFields{}, commands_.append(answer), false});
}

}  // namespace turnpike::turn
