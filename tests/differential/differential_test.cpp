// SPDX-License-Identifier: Apache-2.0
//
// Whatever packet comes: the XDP program sends byte for byte what the C++ relay would have sent, or drops
// what the C++ relay would not have relayed, or passes it on with not one byte changed. Left out of the
// comparison is what nobody can know before: the IPv4 identification and a Data indication's transaction id;
// and the don't-fragment bit of what came by IPv6, which RFC 7915 §5.1 has depend on the size.
//   TURNPIKE_DIFFERENTIAL_PACKETS  how many (1,000,000)     TURNPIKE_DIFFERENTIAL_SEED
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <cstdlib>

#include "differential/relay.h"

namespace turnpike::differential {
namespace {

constexpr size_t kPacketsOfWorld = 50'000;
constexpr size_t kMtu = 1500;
constexpr size_t kSmallestFrame = 14;  // the kernel's test runs take no shorter one

uint64_t setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string hex(const Octets& bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i % 32 == 0) text += "\n  ";
    text += "0123456789abcdef"[bytes[i] >> 4];
    text += "0123456789abcdef"[bytes[i] & 15];
  }
  return text;
}

bool is_data_indication(const Octets& payload) {
  return payload.size() >= 20 && payload[0] == 0x00 && payload[1] == 0x17 && payload[4] == 0x21;
}

// The frame with what cannot be known taken out; checksums go too, they are looked at by their sums.
Octets comparable(Octets bytes, const Received& read, bool from_ipv6) {
  const bool v4 = read.source.address.is_v4();
  const size_t udp = v4 ? bpf_test::kUdp4 : bpf_test::kUdp6;
  const auto clear = [&](size_t offset, size_t size) {
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), size, uint8_t{0});
  };
  if (v4) {
    clear(18, 2);
    clear(24, 2);
    if (from_ipv6) clear(20, 1);
  }
  clear(udp + 6, 2);
  if (is_data_indication(read.payload)) {
    // XOR-PEER-ADDRESS, the first attribute: an IPv6 address is mixed with the transaction id (RFC 8489
    // §14.2).
    const size_t id = udp + 8 + 8, address = udp + 8 + 20 + 4 + 4;
    if (bytes[address - 3] == 2)
      for (size_t i = 0; i < 12; ++i)
        bytes[address + 4 + i] ^= bytes[id + i];
    clear(id, 12);
  }
  return bytes;
}

size_t ip_length(const Frame& frame) {
  return (frame.source.address.is_v4() ? 28 : 48) + frame.payload.size();
}

class Differential : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(unshare(CLONE_NEWNET | CLONE_NEWNS), 0) << "needs root";
    ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(mount("tmpfs", "/run", "tmpfs", 0, nullptr), 0);
    make_network();
  }

  // The difference between the two relays over this packet; empty when there is none.
  std::string difference(Relay& relay, const Packet& packet);
  std::string compare_sent(const Received& in, const Octets& got, const std::vector<Frame>& sent) const;

  size_t plain_ = 0, fast_ = 0, relayed_ = 0, dropped_ = 0, passed_ = 0;
};

std::string Differential::compare_sent(const Received& in, const Octets& got,
                                       const std::vector<Frame>& sent) const {
  if (sent.size() != 1) return "the kernel relayed it, the C++ relay sent " + std::to_string(sent.size());
  const Octets expected = to_bytes(sent.front());
  const auto read = receive(got), right = receive(expected);
  if (!read) return "the kernel sent what no stack would take";
  const bool from_ipv6 = !in.source.address.is_v4();
  if (comparable(got, *read, from_ipv6) != comparable(expected, *right, from_ipv6))
    return "the kernel sent other bytes than the C++ relay:" + hex(expected);
  // A checksum that was right is right, one that was wrong is wrong by as much, and none stays none.
  if (read->no_checksum != in.no_checksum) return "a checksum appeared or vanished";
  if (!in.no_checksum && read->residue != in.residue) return "the UDP checksum went wrong";
  return "";
}

std::string Differential::difference(Relay& relay, const Packet& packet) {
  const Relay::Verdict verdict = relay.relay_in_kernel(packet.bytes);
  auto received = receive(packet.bytes);
  // From outside and from ourselves: the stack takes it for a martian.
  if (received && Relay::is_own(received->source.address)) received.reset();
  const auto sent = received ? relay.relay_in_userspace(*received) : std::vector<Frame>{};
  const bool fits = sent.size() == 1 && ip_length(sent.front()) <= kMtu;
  const bool expected_fast = packet.plain && fits && received && received->residue == 0;
  plain_ += expected_fast;
  switch (verdict.action) {
    case XDP_PASS:
      ++passed_;
      return verdict.bytes == packet.bytes ? "" : "it was passed on, but changed";
    case XDP_DROP:
      ++dropped_;
      return sent.empty() ? "" : "the kernel dropped what the C++ relay would have relayed";
    case XDP_REDIRECT:
      ++relayed_;
      fast_ += expected_fast;
      if (!received) return "the kernel relayed what no socket would have received";
      if (!fits && sent.size() == 1) return "the kernel sent more than the link's MTU";
      return compare_sent(*received, verdict.bytes, sent);
    default:
      return "XDP action " + std::to_string(verdict.action);
  }
}

TEST_F(Differential, KernelAndUserspaceRelayAlike) {
  const size_t packets = setting("TURNPIKE_DIFFERENTIAL_PACKETS", 1'000'000);
  const uint64_t seed = setting("TURNPIKE_DIFFERENTIAL_SEED", 20261123);
  for (size_t done = 0; done < packets; done += kPacketsOfWorld) {
    Relay relay("/run/pins", seed + done);
    if (HasFatalFailure()) return;
    PacketMaker maker(seed + done + 1, relay.sessions(), relay.peers(),
                      [&](const Endpoint& local) { return relay.external(local); });
    for (size_t i = 0; i < std::min(kPacketsOfWorld, packets - done); ++i) {
      Packet packet = maker.next();
      if (packet.bytes.size() < kSmallestFrame) continue;
      const std::string found = difference(relay, packet);
      ASSERT_TRUE(found.empty()) << found << "\nseed " << seed << ", packet " << done + i << ", "
                                 << packet.kind << ":" << hex(packet.bytes)
                                 << "\nthe kernel gave:" << hex(relay.relay_in_kernel(packet.bytes).bytes);
    }
  }
  std::printf(
      "%zu packets: relayed by the kernel %zu, passed on unchanged %zu, dropped %zu; of %zu ordinary ones "
      "that "
      "the C++ relay relays, the kernel relayed %.2f %%\n",
      packets, relayed_, passed_, dropped_, plain_,
      100.0 * static_cast<double>(fast_) / static_cast<double>(std::max<size_t>(plain_, 1)));
  // Passing everything on would be right, too, and no fast path. Not the kernel's: checksums that look
  // unfinished (1 in 65,536), and data of a channel that has just ended, until the maps are told (a few in a
  // thousand here).
  EXPECT_GT(plain_, packets / 10);
  EXPECT_GE(fast_ * 100, plain_ * 99);
}

}  // namespace
}  // namespace turnpike::differential
