// SPDX-License-Identifier: Apache-2.0
//
// A frame's head, filled in as load.bpf.c does it, is a datagram with every checksum right.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>

#include "net/checksum.h"
#include "net/raw_egress.h"
#include "stun/channel_data.h"
#include "stun/message.h"
#include "turnpike-load/frame.h"

namespace turnpike::load {
namespace {

constexpr size_t kEthernet = 14;
constexpr uint64_t kTime = 0x0123456789abcdef;

Route route_of(AddressFamily family) {
  Route route;
  route.source_mac = {2, 0, 0, 0, 0, 1};
  route.destination_mac = {2, 0, 0, 0, 0, 2};
  if (family == AddressFamily::kIpv4) {
    route.source = IpAddress::v4(198, 18, 1, 2);
    route.destination = IpAddress::v4(198, 18, 1, 1);
    route.peer = IpAddress::v4(198, 18, 2, 2);
  } else {
    route.source = *IpAddress::parse("fd00:1::2");
    route.destination = *IpAddress::parse("fd00:1::1");
    route.peer = *IpAddress::parse("fd00:2::2");
  }
  return route;
}

uint16_t fold(uint64_t sum) {
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

// What write_frame() of load.bpf.c does.
void fill_in(std::vector<uint8_t>& frame, const load_head& head, const load_binding& binding,
             const FrameLayout& layout) {
  std::memcpy(frame.data(), head.words, 8 * layout.head_words());
  std::memcpy(frame.data() + layout.udp, &binding.source_port, 4);
  uint64_t sum = head.checksum + uint64_t{binding.source_port} + binding.destination_port;
  if (layout.selector != 0) {
    std::memcpy(frame.data() + layout.selector, &binding.selector, 2);
    sum += binding.selector;
  }
  std::memcpy(frame.data() + layout.mark + offsetof(load_mark, time), &kTime, sizeof kTime);
  for (unsigned shift = 0; shift < 64; shift += 16)
    sum += static_cast<uint16_t>(kTime >> shift);
  const auto checksum = static_cast<uint16_t>(~fold(sum));
  std::memcpy(frame.data() + layout.udp + 6, &checksum, sizeof checksum);
}

struct FrameCase {
  AddressFamily family;
  load_form form;
  uint16_t size;
};

class FrameTest : public testing::TestWithParam<FrameCase> {
 protected:
  FrameTest() : layout_(layout_of(GetParam().family, GetParam().form)) {
    const FrameCase& param = GetParam();
    frame_ = build_frame(route_of(param.family), param.form, param.size);
    const load_head head = head_of(frame_, frame_.size() + 100, param.family, param.form);
    surplus_ = head.surplus;
    // What was in a recycled page before must not matter.
    std::memset(frame_.data(), 0xa5, 8 * layout_.head_words());
    const uint16_t selector = param.form == LOAD_CHANNEL ? 0x4001 : 5000 ^ stun::kMagicCookie >> 16;
    fill_in(frame_, head, {htons(40000), htons(3478), htons(selector), 0}, layout_);
  }
  Bytes datagram() const { return Bytes(frame_).subspan(layout_.udp); }
  Bytes message() const { return datagram().subspan(8); }

  FrameLayout layout_;
  std::vector<uint8_t> frame_;
  uint32_t surplus_ = 0;
};

TEST_P(FrameTest, HasTheRightUdpChecksum) {
  const Route route = route_of(GetParam().family);
  std::vector<uint8_t> header(datagram().begin(), datagram().begin() + 8);
  const auto found = static_cast<uint16_t>(header[6] << 8 | header[7]);
  header[6] = header[7] = 0;
  EXPECT_EQ(found, net::udp_checksum(route.source, route.destination, header, message()));
}

TEST_P(FrameTest, HasTheRightLengthsAndIpChecksum) {
  Reader udp(datagram());
  EXPECT_EQ(udp.u16(), 40000);
  EXPECT_EQ(udp.u16(), 3478);
  EXPECT_EQ(udp.u16(), datagram().size());
  if (GetParam().family == AddressFamily::kIpv4) {
    EXPECT_EQ(net::internet_checksum(net::add_words(0, Bytes(frame_).subspan(kEthernet, 20))), 0);
  }
  EXPECT_EQ(surplus_, 100);
}

TEST_P(FrameTest, CarriesTheMarkedPayloadToItsPeer) {
  Bytes payload = message();
  if (GetParam().form == LOAD_CHANNEL) {
    const auto channel = stun::parse_channel_data(message());
    ASSERT_TRUE(channel);
    EXPECT_EQ(channel->channel.value, 0x4001);
    payload = channel->data;
  } else if (GetParam().form == LOAD_INDICATION) {
    const auto view = stun::MessageView::parse(message());
    ASSERT_TRUE(view) << view.error().message;
    EXPECT_EQ(view->method(), stun::Method::kSend);
    const auto peer = view->find(stun::AttributeType::kXorPeerAddress);
    ASSERT_TRUE(peer);
    EXPECT_EQ(stun::read_xor_address(peer->value, view->transaction_id()),
              (Endpoint{route_of(GetParam().family).peer, 5000}));
    payload = view->find(stun::AttributeType::kData)->value;
  }
  ASSERT_EQ(payload.size(), GetParam().size);
  load_mark mark{};
  std::memcpy(&mark, payload.data(), sizeof mark);
  EXPECT_EQ(mark.magic, LOAD_MAGIC);
  EXPECT_EQ(mark.time, kTime);
  EXPECT_EQ(payload.data(), frame_.data() + layout_.mark);
}

TEST_P(FrameTest, WritesNothingBehindTheShortestFrame) {
  EXPECT_LE(8 * layout_.head_words(), frame_.size());
  EXPECT_LE(layout_.head_words(), unsigned{LOAD_HEAD_WORDS});
}

INSTANTIATE_TEST_SUITE_P(Forms, FrameTest,
                         testing::Values(FrameCase{AddressFamily::kIpv4, LOAD_PLAIN, 32},
                                         FrameCase{AddressFamily::kIpv4, LOAD_PLAIN, 1200},
                                         FrameCase{AddressFamily::kIpv4, LOAD_CHANNEL, 32},
                                         FrameCase{AddressFamily::kIpv4, LOAD_CHANNEL, 161},
                                         FrameCase{AddressFamily::kIpv4, LOAD_INDICATION, 32},
                                         FrameCase{AddressFamily::kIpv4, LOAD_INDICATION, 1399},
                                         FrameCase{AddressFamily::kIpv6, LOAD_PLAIN, 32},
                                         FrameCase{AddressFamily::kIpv6, LOAD_CHANNEL, 1100},
                                         FrameCase{AddressFamily::kIpv6, LOAD_INDICATION, 32},
                                         FrameCase{AddressFamily::kIpv6, LOAD_INDICATION, 1400}));

}  // namespace
}  // namespace turnpike::load
