// SPDX-License-Identifier: Apache-2.0
//
// Bytes that nothing here computed: STUN of RFC 5769's vectors, which model and program must both write. Its
// transaction id is kSomeId.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <set>

#include "relay_program.h"
#include "stun_bytes.h"

namespace turnpike::bpf_test {
namespace {

// RFC 5769 §2.2: 192.0.2.1:32853. §2.3: 2001:db8:1234:5678:11:2233:4455:6677, the same port.
const Octets kVector4{0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43};
const Octets kVector6{0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3,
                      0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9};
const char* const kNamed4 = "192.0.2.1:32853";
const char* const kNamed6 = "[2001:db8:1234:5678:11:2233:4455:6677]:32853";

TEST(Golden, AddressesAreThoseOfRfc5769) {
  EXPECT_EQ(xor_address(at(kNamed4)), kVector4);
  EXPECT_EQ(xor_address(at(kNamed6)), kVector6);
  EXPECT_EQ(read_xor_address(kVector4, kSomeId), at(kNamed4));
  EXPECT_EQ(read_xor_address(kVector6, kSomeId), at(kNamed6));
}

Octets joined(const std::vector<Octets>& parts) {
  Octets all;
  for (const Octets& part : parts)
    put(all, part);
  return all;
}

const Octets kIdAndCookie{0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01,
                          0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};

TEST(Golden, BindingAnswer) {
  ASSERT_NE(program(), nullptr);
  World world = standard_world();
  world.control.flags = TP_CONTROL_ANSWER_BINDING;
  for (const bool v4 : {true, false}) {
    program()->load(world);
    Frame frame;
    frame.source = at(v4 ? kNamed4 : kNamed6);
    frame.destination = at(v4 ? "203.0.113.1:3478" : "[2001:db8::1]:3478");
    frame.payload = joined({{0x00, 0x01, 0x00, 0x00}, kIdAndCookie});
    const Octets output = program()->run(to_bytes(frame)).output;
    const Octets& vector = v4 ? kVector4 : kVector6;
    const auto size = static_cast<uint8_t>(vector.size());
    EXPECT_EQ(Octets(output.begin() + (v4 ? kUdp4 : kUdp6) + 8, output.end()),
              joined({{0x01, 0x01, 0x00, static_cast<uint8_t>(size + 4)},
                      kIdAndCookie,
                      {0x00, 0x20, 0x00, size},
                      vector}));
  }
}

TEST(Golden, SendAndDataIndication) {
  ASSERT_NE(program(), nullptr);
  World world = standard_world();
  const Endpoint client = at("198.51.100.99:40000"), server = at("203.0.113.1:3478");
  world.bind(30, 0x4030, client, server, at("203.0.113.1:50030"), at(kNamed4));
  program()->load(world);
  Frame frame;
  frame.source = client;
  frame.destination = server;
  frame.payload = joined({{0x00, 0x16, 0x00, 0x14},
                          kIdAndCookie,
                          {0x00, 0x12, 0x00, 0x08},
                          kVector4,
                          {0x00, 0x13, 0x00, 0x03, 'a', 'b', 'c', 0xee}});
  const Octets sent = program()->run(to_bytes(frame)).output;
  EXPECT_EQ(
      Octets(sent.begin() + kUdp4, sent.end()),
      joined({{0xc3, 0x6e, 0x80, 0x55, 0x00, 0x0b, sent[kUdp4 + 6], sent[kUdp4 + 7]}, {'a', 'b', 'c'}}));
  frame.source = at("192.0.2.1:32854");
  frame.destination = at("203.0.113.1:50030");
  frame.payload = {'a', 'b', 'c'};
  const Octets output = program()->run(to_bytes(frame)).output;
  ASSERT_EQ(output.size(), kUdp4 + 8 + 20 + 12 + 8);
  const Octets message(output.begin() + kUdp4 + 8, output.end());
  EXPECT_EQ(Octets(message.begin(), message.begin() + 8),
            (Octets{0x00, 0x17, 0x00, 0x14, 0x21, 0x12, 0xa4, 0x42}));
  // Address and port are masked by the cookie alone: no part of the random id.
  EXPECT_EQ(Octets(message.begin() + 20, message.end()),
            (Octets{0x00, 0x12, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x44, 0xe1, 0x12,
                    0xa6, 0x43, 0x00, 0x13, 0x00, 0x03, 'a',  'b',  'c',  0x00}));
}

// RFC 8489 §5: unpredictable, so not twice the same.
TEST(Golden, IndicationsHaveTransactionIdsOfTheirOwn) {
  ASSERT_NE(program(), nullptr);
  const World world = standard_world();
  program()->load(world);
  std::set<Octets> ids;
  for (int i = 0; i < 100; ++i) {
    const Octets output = program()->run(to_bytes(from_permitted(world, kV4, pattern(4)))).output;
    ASSERT_GE(output.size(), kUdp4 + 28);
    ids.emplace(output.begin() + kUdp4 + 16, output.begin() + kUdp4 + 28);
  }
  EXPECT_EQ(ids.size(), 100u);
}

}  // namespace
}  // namespace turnpike::bpf_test
