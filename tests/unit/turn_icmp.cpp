// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/turn_fixture.h"

namespace turnpike::turn::test {
namespace {

using stun::AttributeType;

const Fill kIpv6 = attribute(AttributeType::kRequestedAddressFamily, {2, 0, 0, 0});

IcmpError about(const Endpoint& source, const Endpoint& destination, uint8_t type, uint8_t code,
                uint32_t data = 0) {
  return {source, destination, type, code, data, {}};
}

TEST(TurnIcmp, TellsTheClientOfAnErrorOnTheWayToAPeer) {
  Call call;
  const std::string told = "answer 198.51.100.7:1 data peer=203.0.113.9:9 icmp=0000";
  EXPECT_EQ(call.world.icmp(about(call.relayed, call.peer, 3, 1, 99)), Lines{told + "060100000000"});
  EXPECT_EQ(call.world.icmp(about(call.relayed, call.peer, 3, 4, 1400)), Lines{told + "060400000578"});
  EXPECT_EQ(call.world.icmp(about(call.relayed, call.peer, 11, 0)), Lines{told + "160000000000"});
  EXPECT_EQ(call.world.server->counters(), Counters{});
}

TEST(TurnIcmp, TellsTheClientOfIcmpV6) {
  Call call({}, kIpv6, "2001:db8:9::9");
  const std::string told = "answer 198.51.100.7:1 data peer=[2001:db8:9::9]:9 icmp=0000";
  EXPECT_EQ(call.world.icmp(about(call.relayed, call.peer, 1, 4)), Lines{told + "020400000000"});
  EXPECT_EQ(call.world.icmp(about(call.relayed, call.peer, 2, 0, 1280)), Lines{told + "040000000500"});
  EXPECT_EQ(call.world.icmp(about(call.relayed, call.peer, 3, 1)), Lines{told + "060100000000"});
  for (const uint8_t type : {0, 4, 11, 128})
    EXPECT_EQ(call.world.icmp(about(call.relayed, call.peer, type, 0)), Lines{});
}

TEST(TurnIcmp, TellsNothingElse) {
  Call call;
  for (const uint8_t type : {0, 1, 2, 4, 5, 8, 12})
    EXPECT_EQ(call.world.icmp(about(call.relayed, call.peer, type, 0)), Lines{});
  EXPECT_EQ(call.world.icmp(about(call.relayed, at("203.0.113.10:9"), 3, 1)), Lines{});
  EXPECT_EQ(call.world.icmp(about(at("192.0.2.1:49999"), call.peer, 3, 1)), Lines{});
  EXPECT_EQ(call.world.icmp(about(call.client.five_tuple.server, call.client.five_tuple.client, 3, 1)),
            Lines{});
}

TEST(TurnIcmp, TellsTenASecondAtMost) {
  Call call;
  const IcmpError error = about(call.relayed, call.peer, 3, 1);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(call.world.icmp(error).size(), 1u);
  EXPECT_EQ(call.world.icmp(error), Lines{});
  call.world.advance(std::chrono::milliseconds(100));
  EXPECT_EQ(call.world.icmp(error).size(), 1u);
  EXPECT_EQ(call.world.icmp(error), Lines{});
}

TEST(TurnIcmp, NamesThePeerByItsExternalAddress) {
  Options options;
  options.relay_addresses = {{ip("10.0.0.1"), ip("192.0.2.1")}};
  Call call(options, {}, "192.0.2.1");
  const Endpoint inside{ip("10.0.0.1"), call.relayed.port};
  EXPECT_EQ(call.world.icmp(about(inside, inside, 3, 3)),
            Lines{"answer 198.51.100.7:1 data peer=" + call.relayed_text + " icmp=0000060300000000"});
}

// An error about what the client was sent.
class TooBig {
 public:
  explicit TooBig(const Fill& more = {}, const std::string& peer = "203.0.113.9") : call({}, more, peer) {}

  // The relayed datagram as it leaves.
  Datagram relay(size_t size) {
    call.world.server->handle_peer(Datagram(size, 'x'), call.peer, call.relayed, {}, call.world.now);
    const CommandQueue& queue = call.world.server->commands();
    const Bytes sent = queue.bytes(std::get<SendToClient>(queue.commands().at(0)).data);
    Datagram copy(sent.begin(), sent.end());
    call.world.take();
    return copy;
  }
  Lines told(uint32_t mtu, Bytes quoted) {
    const FiveTuple& ends = call.client.five_tuple;
    return call.world.icmp({ends.server, ends.client, 3, 4, mtu, quoted});
  }
  // What quotes a datagram of `size` bytes, of which `data` are there.
  std::string quote(size_t size, size_t data) const {
    Datagram header(8);
    Writer writer(header);
    writer.u16(call.peer.port);
    writer.u16(call.relayed.port);
    writer.u16(static_cast<uint16_t>(8 + size));
    std::string text;
    for (const uint8_t byte : header) {
      text += "0123456789abcdef"[byte >> 4];
      text += "0123456789abcdef"[byte & 15];
    }
    for (size_t i = 0; i < data; ++i)
      text += "78";
    return text;
  }
  Lines too_big(size_t mtu, size_t size, size_t data) const {
    return {"too_big " + call.relayed_text + " -> " + call.peer.to_string() + " " + std::to_string(mtu) +
            " " + quote(size, data)};
  }

  Call call;
};

TEST(TurnIcmp, TellsThePeerWhatFitsWithTheChannelDataHeader) {
  TooBig test;
  test.call.client.bind(0x4000, "203.0.113.9:9");
  const Datagram sent = test.relay(1460);
  EXPECT_EQ(test.told(1400, sent), test.too_big(1396, 1460, 1460));
  EXPECT_EQ(test.told(1400, Bytes(sent).first(10)), test.too_big(1396, 1460, 6));
  EXPECT_EQ(test.told(1400, Bytes(sent).first(4)), test.too_big(1396, 1460, 0));
}

TEST(TurnIcmp, TellsThePeerWhatFitsInADataIndication) {
  TooBig test;
  const Datagram sent = test.relay(1460);
  EXPECT_EQ(test.told(1400, sent), test.too_big(1364, 1460, 1460));
  EXPECT_EQ(test.told(1403, sent), test.too_big(1364, 1460, 1460));  // DATA is padded
  EXPECT_EQ(test.told(1400, Bytes(sent).first(36)), test.too_big(1364, 1460, 0));
  EXPECT_EQ(test.told(1400, Bytes(sent).first(35)), Lines{});
}

TEST(TurnIcmp, TellsAPeerOfTheOtherFamily) {
  TooBig test(kIpv6, "2001:db8:9::9");
  const Datagram sent = test.relay(1440);
  EXPECT_EQ(test.told(1400, sent), test.too_big(1400 - 28 - 48 + 48, 1440, 1440));
  EXPECT_EQ(test.told(300, sent), test.too_big(1280, 1440, 1440));
  test.call.client.bind(0x4000, "[2001:db8:9::9]:9");
  EXPECT_EQ(test.told(1400, test.relay(1440)), test.too_big(1400 - 28 - 4 + 48, 1440, 1440));
}

TEST(TurnIcmp, ToldMtuHasAFloor) {
  TooBig test;
  EXPECT_EQ(test.told(1, test.relay(100)), test.too_big(68, 100, 100));
}

TEST(TurnIcmp, TellsThePeerNothingThatCannotBe) {
  TooBig test;
  test.call.client.bind(0x4000, "203.0.113.9:9");
  const Datagram sent = test.relay(1460);
  EXPECT_EQ(test.told(1492, sent), Lines{});                        // it would have fitted
  EXPECT_EQ(test.told(0, sent), Lines{});                           // says not what would fit
  EXPECT_EQ(test.told(1400, Bytes(sent).first(3)), Lines{});        // quotes too little
  EXPECT_EQ(test.told(1400, Datagram{0x40, 1, 5, 0xb4}), Lines{});  // no such channel
  EXPECT_EQ(test.told(1400, bytes_of("something else, of some length ......")), Lines{});
  const FiveTuple& ends = test.call.client.five_tuple;
  EXPECT_EQ(test.call.world.icmp({ends.server, at("198.51.100.7:2"), 3, 4, 1400, sent}), Lines{});
  EXPECT_EQ(test.call.world.icmp({ends.server, ends.client, 3, 1, 1400, sent}), Lines{});
  test.call.world.advance(Seconds(300));
  EXPECT_EQ(test.told(1400, sent), Lines{"forbid #1 203.0.113.9"});  // no permission any more
}

}  // namespace
}  // namespace turnpike::turn::test
