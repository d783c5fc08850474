// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <optional>
#include <vector>

#include "net/checksum.h"
#include "net/icmp_egress.h"
#include "net/icmp_ingress.h"
#include "net/icmp_message.h"
#include "net/socket_address.h"
#include "unit/netns_fixture.h"

namespace turnpike::net {
namespace {

using Octets = std::vector<uint8_t>;

constexpr IpAddress kHere4 = IpAddress::v4(127, 0, 0, 1);
constexpr IpAddress kOther4 = IpAddress::v4(127, 0, 0, 2);
constexpr IpAddress kHere6 = IpAddress::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
constexpr IpAddress kOther6 = IpAddress::v6({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2});

// UDP header from port 50001 to port 9000, checksum 0x1234, then `size` bytes 0, 1, 2, …
Octets udp_datagram(size_t size) {
  const auto length = static_cast<uint16_t>(8 + size);
  Octets udp = {0xc3, 0x51, 0x23, 0x28, static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length),
                0x12, 0x34};
  for (size_t i = 0; i < size; ++i)
    udp.push_back(static_cast<uint8_t>(i));
  return udp;
}

struct Ends {
  const char* name;
  IpAddress here;
  IpAddress other;
};

class Icmp : public testing::TestWithParam<Ends> {
 protected:
  bool v4() const { return GetParam().here.is_v4(); }
  size_t ip_header() const { return v4() ? 20 : 40; }
  Octets packet(size_t size) const {
    return quote_datagram(GetParam().here, GetParam().other, udp_datagram(size));
  }
  std::optional<IcmpNotice> parse(const Octets& message) const {
    return v4() ? parse_icmp_v4(message) : parse_icmp_v6(message);
  }
};

TEST_P(Icmp, WhatWeMakeIsWhatWeRead) {
  const Octets message = make_too_big(packet(100), 1400);
  const auto notice = parse(message);
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->source, (Endpoint{GetParam().here, 50001}));
  EXPECT_EQ(notice->destination, (Endpoint{GetParam().other, 9000}));
  EXPECT_TRUE(notice->is_too_big());
  EXPECT_EQ(notice->data, 1400U);
  EXPECT_EQ(notice->size, ip_header() + 8 + 100);
  EXPECT_EQ(notice->payload.size(), 100U);
  EXPECT_EQ(notice->payload[99], 99);
  if (v4()) {
    EXPECT_EQ(internet_checksum(add_words(0, message)), 0);
    EXPECT_EQ(internet_checksum(add_words(0, Bytes(message).subspan(8, 20))), 0);
  }
}

TEST_P(Icmp, QuotesNoMoreThanItMay) {
  const Octets message = make_too_big(packet(1600), 1500);
  EXPECT_EQ(message.size() + ip_header(), v4() ? 576U : 1280U);
  const auto notice = parse(message);
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->payload.size(), message.size() - 8 - ip_header() - 8);
}

TEST_P(Icmp, AQuoteThatIsCutShortIsNoFault) {
  Octets message = make_too_big(packet(100), 1400);
  message.resize(8 + ip_header() + 8);
  const auto notice = parse(message);
  ASSERT_TRUE(notice);
  EXPECT_TRUE(notice->payload.empty());
  for (size_t size = 0; size < 8 + ip_header() + 8; ++size) {
    message.resize(size);
    EXPECT_FALSE(parse(message)) << size;
  }
}

TEST_P(Icmp, OthersTypesProtocolsAndFamiliesAreNotTold) {
  const Octets good = make_too_big(packet(10), 1400);
  Octets echo = good;
  echo[0] = v4() ? 8 : 128;
  EXPECT_FALSE(parse(echo));
  Octets tcp = good;
  tcp[8 + (v4() ? 9 : 6)] = 6;
  EXPECT_FALSE(parse(tcp));
  Octets family = good;
  family[8] = v4() ? 0x60 : 0x45;
  EXPECT_FALSE(parse(family));
  if (!v4()) return;
  Octets fragment = good;
  fragment[8 + 7] = 1;
  EXPECT_FALSE(parse(fragment));
}

TEST_P(Icmp, AFrameIsQuotedBehindItsTags) {
  const Octets inner = packet(20);
  const uint16_t type = v4() ? 0x0800 : 0x86dd;
  for (const unsigned tags : {0U, 1U, 2U}) {
    Octets frame(12);
    for (unsigned i = 0; i < tags; ++i)
      frame.insert(frame.end(), {0x81, 0x00, 0, 7});
    frame.insert(frame.end(), {static_cast<uint8_t>(type >> 8), static_cast<uint8_t>(type)});
    frame.insert(frame.end(), inner.begin(), inner.end());
    const Bytes found = ip_packet_of(frame);
    EXPECT_EQ(Octets(found.begin(), found.end()), inner) << tags;
  }
  EXPECT_TRUE(ip_packet_of(Octets(12)).empty());
}

class IcmpSockets : public test::InOwnNetwork, public testing::WithParamInterface<Ends> {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(InOwnNetwork::SetUp());
    ASSERT_NO_FATAL_FAILURE(add_ipv6_address("2001:db8::2"));
    auto ingress = IcmpIngress::create();
    ASSERT_TRUE(ingress) << ingress.error().message;
    ingress_ = std::move(*ingress);
    auto egress = IcmpEgress::create();
    ASSERT_TRUE(egress) << egress.error().message;
    egress_ = std::move(*egress);
  }
  bool readable(int milliseconds) const {
    pollfd ready[] = {{ingress_->v4_fd(), POLLIN, 0}, {ingress_->v6_fd(), POLLIN, 0}};
    return poll(ready, 2, milliseconds) > 0;
  }

  // Errors about datagrams from port 50001, those that are told.
  std::vector<IcmpNotice> receive() {
    std::vector<IcmpNotice> notices;
    while (readable(100))
      ingress_->receive(
          kNow, [](const Endpoint& source) { return source.port == 50001; },
          [&](const IcmpNotice& notice) { notices.push_back(notice); });
    return notices;
  }
  // As any host can send it.
  void send(const IpAddress& destination, const Octets& message) const {
    const bool v4 = destination.is_v4();
    const UniqueFd socket(
        ::socket(v4 ? AF_INET : AF_INET6, SOCK_RAW, v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6}));
    const SocketAddress to = to_socket_address({destination, 0});
    ASSERT_EQ(sendto(socket.get(), message.data(), message.size(), 0, &to.generic, to.length),
              static_cast<ssize_t>(message.size()))
        << std::strerror(errno);
  }

  static constexpr MonotonicTime kNow{Seconds(100)};
  std::unique_ptr<IcmpIngress> ingress_;
  std::unique_ptr<IcmpEgress> egress_;
};

TEST_P(IcmpSockets, AnErrorTravels) {
  const Ends& ends = GetParam();
  egress_->send_too_big(quote_datagram(ends.here, ends.other, udp_datagram(1400)), 1400, kNow);
  ASSERT_TRUE(readable(2000));
  const auto notices = receive();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].source, (Endpoint{ends.here, 50001}));
  EXPECT_EQ(notices[0].destination, (Endpoint{ends.other, 9000}));
  EXPECT_EQ(notices[0].data, 1400U);
}

TEST_P(IcmpSockets, AFloodIsCutOffBothWays) {
  const Ends& ends = GetParam();
  const auto packet = quote_datagram(ends.here, ends.other, udp_datagram(0));
  for (unsigned i = 0; i < 2 * IcmpEgress::kPerSecond; ++i)
    egress_->send_too_big(packet, 20, kNow);
  EXPECT_EQ(egress_->sent(), IcmpEgress::kPerSecond);
  for (unsigned i = 1; i < 6; ++i) {
    for (unsigned k = 0; k < IcmpEgress::kPerSecond; ++k)
      egress_->send_too_big(packet, 20, kNow + Seconds(2 * i));
  }
  EXPECT_EQ(receive().size(), IcmpIngress::kPerSecond);
  EXPECT_GT(ingress_->ignored(), 0U);
}

TEST_P(IcmpSockets, ErrorsAboutOthersSilenceNone) {
  const Ends& ends = GetParam();
  Octets other = udp_datagram(1400);
  other[1] = 0x52;  // another port
  const Octets strange = make_too_big(quote_datagram(ends.here, ends.other, other), 1400);
  for (unsigned i = 0; i < 2 * IcmpIngress::kPerSecond; ++i) {
    send(ends.here, strange);
    if (i % 32 != 0) continue;
    EXPECT_TRUE(receive().empty());
  }
  send(ends.here, make_too_big(quote_datagram(ends.here, ends.other, udp_datagram(1400)), 1400));
  EXPECT_EQ(receive().size(), 1U);
  EXPECT_EQ(ingress_->ignored(), 0U);
}

TEST_P(IcmpSockets, WhatCannotBeTrueIsIgnored) {
  const Ends& ends = GetParam();
  const auto size = static_cast<uint32_t>((ends.here.is_v4() ? 20 : 40) + 8 + 1400);
  const Octets packet = quote_datagram(ends.here, ends.other, udp_datagram(1400));
  send(ends.here, make_too_big(packet, size));       // it would have fitted
  send(ends.other, make_too_big(packet, size - 1));  // told to who did not send it
  EXPECT_TRUE(receive().empty());
  EXPECT_EQ(ingress_->ignored(), 2U);
  send(ends.here, make_too_big(packet, size - 1));
  EXPECT_EQ(receive().size(), 1U);
  if (!ends.here.is_v4()) return;  // the kernel writes ICMPv6's checksums, and verifies them
  Octets damaged = make_too_big(packet, size - 1);
  damaged[2] ^= 1;
  send(ends.here, damaged);
  EXPECT_TRUE(receive().empty());
}

const Ends kFamilies[] = {{"Ipv4", kHere4, kOther4}, {"Ipv6", kHere6, kOther6}};
constexpr auto kName = [](const auto& row) { return row.param.name; };
INSTANTIATE_TEST_SUITE_P(Families, Icmp, testing::ValuesIn(kFamilies), kName);
INSTANTIATE_TEST_SUITE_P(Families, IcmpSockets, testing::ValuesIn(kFamilies), kName);

}  // namespace
}  // namespace turnpike::net
