// SPDX-License-Identifier: Apache-2.0
#include "packet_maker.h"

#include <algorithm>

#include "stun_bytes.h"

namespace turnpike::bpf_test {

PacketMaker::PacketMaker(const World& world, uint32_t seed) : world_(world), engine_(seed) {
  for (const auto& [slot, allocation] : world.allocations)
    slots_.push_back(slot);
}

Octets PacketMaker::next() {
  if (chance(2)) return noise(14 + below(200));
  Octets packet = to_bytes(good_frame());
  if (chance(50)) {
    for (uint32_t i = below(3); i < 3; ++i)
      mutate(packet);
    // Most faults should lie behind the header checksum, not be stopped by it.
    if (packet.size() >= kIp + 20 && packet[12] == 0x08 && packet[kIp] >> 4 == 4 && chance(80))
      fix_ipv4_checksum(MutableBytes(packet).subspan(kIp, 20));
  }
  return packet;
}

Octets PacketMaker::noise(size_t size) {
  Octets bytes(size);
  for (uint8_t& value : bytes)
    value = byte();
  return bytes;
}

Octets PacketMaker::data() {
  return noise(chance(50) ? below(24) : below(chance(50) ? 300 : 1460));
}

Frame PacketMaker::good_frame() {
  const uint32_t slot = slots_[below(static_cast<uint32_t>(slots_.size()))];
  Frame frame = frame_in(static_cast<Form>(below(4)), world_, slot, data());
  if (frame.payload.size() >= 4 && frame.payload[0] >> 6 == 1 && chance(50))
    put(frame.payload, noise(below(4)));
  if (is_listening(frame) && chance(20)) frame.payload = strange_send(slot);
  if (is_listening(frame) && chance(10)) visit_listening(frame);
  strange_header(frame);
  return frame;
}

bool PacketMaker::is_listening(const Frame& frame) const {
  const auto port = world_.steer.find(frame.destination);
  return port != world_.steer.end() && port->second == TP_STEER_LISTENING;
}

// A few attributes in any order, most of them harmless, and padding of any content.
Octets PacketMaker::strange_send(uint32_t slot) {
  Endpoint peer = from_abi(world_.bindings.at(slot).peer);
  for (const auto& [local, external] : world_.translations)
    if (peer.address == local && chance(80)) peer.address = external;
  if (chance(5)) peer.port = static_cast<uint16_t>(below(3));
  std::vector<StunAttribute> attributes{peer_attribute(peer), data_attribute(data())};
  while (chance(50)) {
    const uint16_t types[] = {kSoftware, kFingerprint, kDontFragment, kData, kXorPeerAddress, 0x9999, 0x0042};
    const uint16_t type = types[chance(60) ? 0 : below(7)];
    attributes.insert(attributes.begin() + below(static_cast<uint32_t>(attributes.size()) + 1),
                      {type, noise(chance(50) ? 4 : below(chance(20) ? 300 : 24))});
  }
  TransactionId id;
  std::generate(id.begin(), id.end(), [this] { return byte(); });
  if (!chance(20)) id = kSomeId;
  Octets message = stun(kSendIndication, attributes, id, byte());
  if (chance(5)) message[2 + below(2)] = byte();
  return message;
}

// Requests and junk, of a client or of somebody near it.
void PacketMaker::visit_listening(Frame& frame) {
  if (chance(50)) frame.source.port ^= 1;
  const uint16_t types[] = {kBindingRequest, kAllocateRequest, kSendIndication, kDataIndication,
                            kBindingSuccess};
  frame.payload = chance(30) ? noise(below(40))
                             : stun(types[chance(50) ? 0 : below(5)],
                                    chance(50) ? std::vector<StunAttribute>{}
                                               : std::vector<StunAttribute>{{kSoftware, noise(below(9))}});
  if (chance(10) && !frame.payload.empty()) frame.payload.pop_back();
  if (chance(5)) frame.source.port = 0;
  if (chance(5)) frame.source.address = frame.destination.address;
}

void PacketMaker::strange_header(Frame& frame) {
  frame.traffic_class = byte();
  frame.ttl = chance(80) ? 64 : static_cast<uint8_t>(below(5));
  frame.id = static_cast<uint16_t>(engine_());
  frame.dont_fragment = chance(50);
  frame.flow_label = below(1 << 20);
  if (chance(10)) frame.udp_check = strange_check(frame);
  if (chance(10)) frame.trailing = noise(below(50));
  if (!chance(15)) return;
  const Tag tags[] = {
      {0x8100, 5}, {0x88a8, 0x123}, {0x8100, 0xe000}, {0x8100, static_cast<uint16_t>(engine_())}};
  for (uint32_t i = below(4); i < 3; ++i)
    frame.tags.push_back(tags[below(4)]);
}

uint16_t PacketMaker::strange_check(const Frame& frame) {
  if (chance(30)) return 0;
  if (chance(50)) return static_cast<uint16_t>(engine_());
  return static_cast<uint16_t>(pseudo_header_sum(frame.source.address, frame.destination.address,
                                                 static_cast<uint16_t>(8 + frame.payload.size())));
}

void PacketMaker::mutate(Octets& packet) {
  const auto size = static_cast<uint32_t>(packet.size());
  const uint32_t headers = std::min(chance(50) ? 70u : 130u, size);
  switch (below(7)) {
    case 0:
      packet[below(headers)] = byte();
      break;
    case 1:
      packet[below(headers)] ^= static_cast<uint8_t>(1 << below(8));
      break;
    case 2:  // lengths are a little off more often than by chance
      packet[below(headers)] += static_cast<uint8_t>(below(9) - 4);
      break;
    case 3:
      packet.resize(14 + below(size - 13));
      break;
    case 4:
      packet.resize(packet.size() + below(40), byte());
      break;
    case 5:
      packet[12 + below(2)] = byte();
      break;
    case 6:  // fragment fields, protocol, version
      if (size > kIp + 9) packet[kIp + (chance(50) ? 6 + below(4) : 0)] = byte();
      break;
  }
}

}  // namespace turnpike::bpf_test
