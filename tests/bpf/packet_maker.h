// SPDX-License-Identifier: Apache-2.0
//
// PacketMaker: packets by chance. Most belong to a binding of the world and are good but for a fault or two.
#pragma once

#include <random>

#include "relay_rows.h"

namespace turnpike::bpf_test {

class PacketMaker {
 public:
  PacketMaker(const World& world, uint32_t seed);
  Octets next();

 private:
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(engine_()) % bound; }
  bool chance(uint32_t percent) { return below(100) < percent; }
  uint8_t byte() { return static_cast<uint8_t>(engine_()); }
  Octets noise(size_t size);
  Octets data();

  Frame good_frame();
  bool is_listening(const Frame& frame) const;
  Octets strange_send(uint32_t slot);
  void visit_listening(Frame& frame);
  void strange_header(Frame& frame);
  uint16_t strange_check(const Frame& frame);
  void mutate(Octets& packet);

  const World& world_;
  std::vector<uint32_t> slots_;  // of allocations
  std::mt19937 engine_;
};

}  // namespace turnpike::bpf_test
