// SPDX-License-Identifier: Apache-2.0
//
// Comprehension-required attributes that this server does not understand (RFC 8489 §6.3.1).
#pragma once

#include <array>
#include <span>

#include "stun/message.h"

namespace turnpike::turn {

class UnknownAttributes {
 public:
  explicit UnknownAttributes(const stun::MessageView& message);
  bool none() const { return count_ == 0; }
  std::span<const uint16_t> types() const { return {types_.data(), count_}; }

 private:
  std::array<uint16_t, stun::MessageView::kMaxAttributes> types_;
  size_t count_ = 0;
};

}  // namespace turnpike::turn
