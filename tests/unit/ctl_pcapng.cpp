// SPDX-License-Identifier: Apache-2.0
//
// pcapng blocks, byte by byte, and what `trace` makes of the relay's packets.
#include "turnpikectl/pcapng.h"

#include <gtest/gtest.h>

#include <cctype>

#include "turnpikectl/trace.h"

namespace turnpike::ctl {
namespace {

// "0a0d 0d0a" as bytes.
std::string bytes(const std::string& hexadecimal) {
  std::string digits;
  for (const char c : hexadecimal)
    if (std::isspace(static_cast<unsigned char>(c)) == 0) digits += c;
  std::string text;
  for (size_t i = 0; i + 1 < digits.size(); i += 2)
    text += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return text;
}

TEST(Pcapng, SectionHeader) {
  EXPECT_EQ(Pcapng::section_header("turnpikectl"), bytes("0a0d0d0a 30000000 4d3c2b1a 0100 0000"
                                                         "ffffffff ffffffff"
                                                         "0400 0b00 7475726e70696b6563746c 00"
                                                         "0000 0000 30000000"));
}

const std::string kInterface = bytes(
    "01000000 2c000000 0100 0000 00000000"
    "0200 0500 7065657230 000000"  // if_name peer0
    "0900 0100 09 000000"          // if_tsresol 10^-9
    "0000 0000 2c000000");

TEST(Pcapng, APacketAfterItsInterface) {
  Pcapng file;
  const CapturedPacket packet{"peer0", 0x1122334455667788, 60, "abcde", PacketFlow::kOut, "out"};
  const std::string block = bytes(
      "06000000 3c000000 00000000 44332211 88776655 05000000 3c000000"
      "6162636465 000000"
      "0200 0400 02000000"   // flags: outbound
      "0100 0300 6f7574 00"  // comment
      "0000 0000 3c000000");
  EXPECT_EQ(file.packet(packet), kInterface + block);
  EXPECT_EQ(file.packet(packet), block) << "an interface is described once";
}

TEST(Pcapng, InterfacesAreNumberedAsTheyShowUp) {
  Pcapng file;
  (void)file.packet({.interface = "client0", .bytes = "", .comment = ""});
  const std::string second = file.packet({.interface = "peer0", .bytes = "", .comment = ""});
  EXPECT_EQ(second.substr(0, kInterface.size()), kInterface);
  EXPECT_EQ(second[kInterface.size() + 8], 1);
  EXPECT_EQ(file.packet({.interface = "client0", .bytes = "", .comment = ""})[8], 0);
}

TEST(Pcapng, ACommentIsCutToWhatAnOptionHolds) {
  Pcapng file;
  const std::string block = file.packet({.interface = "e", .bytes = "", .comment = std::string(70000, 'x')});
  EXPECT_LT(block.size(), 66000U);
  EXPECT_EQ(block.size() % 4, 0U);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(TraceBlocks, ARelayedPacketBeforeAndAfter) {
  Pcapng file;
  const std::string blocks = packet_blocks(file, Json::parse(R"({
      "time": 5, "verdict": "relayed", "reason": "relayed_to_peer", "meaning": "ChannelData to its peer",
      "in": {"interface": "client0", "length": 4, "data": "QAEAAA=="},
      "out": {"time": 6, "interface": "peer0", "length": 3, "data": "YWJj"}})"));
  EXPECT_TRUE(has(blocks, std::string("in: client0") + '\0')) << "nothing else in the comment";
  EXPECT_LT(blocks.find("client0"), blocks.find("peer0")) << "interfaces come before their packets";
  EXPECT_TRUE(has(blocks, "relayed_to_peer: ChannelData to its peer; out of peer0"));
  EXPECT_TRUE(has(blocks, bytes("04000000 04000000 40010000")));
  EXPECT_TRUE(has(blocks, bytes("03000000 03000000") + "abc"));
}

TEST(TraceBlocks, APacketThatIsPassedOnOrDroppedIsOneBlock) {
  Pcapng file;
  const std::string blocks = packet_blocks(file, Json::parse(R"({
      "time": 5, "verdict": "passed", "reason": "next_hop", "meaning": "next hop not resolved",
      "in": {"interface": "client0", "length": 4, "data": "QAEAAA=="}})"));
  EXPECT_TRUE(has(blocks, "in: client0; passed: next_hop: next hop not resolved"));
}

TEST(TraceBlocks, TheEndTellsWhatWasLeftOut) {
  EXPECT_EQ(render_trace_end(Json::parse(R"({"packets": 1, "rate_limited": 0, "slow_reader": 0,
                                             "incomplete": 0, "ended": "client"})")),
            "1 packet traced\n");
  EXPECT_EQ(render_trace_end(Json::parse(R"({"packets": 2000, "rate_limited": 5, "slow_reader": 1,
                                             "incomplete": 0, "ended": "session"})")),
            "2,000 packets traced, and the session has ended\n"
            "5 packets left out by the kernel: over the rate (--rate), or faster than they could be read\n"
            "1 packet left out because they were not written as fast as they came\n");
}

}  // namespace
}  // namespace turnpike::ctl
