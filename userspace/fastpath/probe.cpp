// SPDX-License-Identifier: Apache-2.0
#include "fastpath/probe.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <system_error>
#include <thread>

#include "fastpath/libbpf_log.h"
#include "probe.skel.h"

namespace turnpike::fastpath {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kWindow = 25ms;
constexpr int kWindows = 4;
constexpr uint64_t kFewestFrames = 256;
constexpr uint64_t kMostFrames = 16384;
constexpr unsigned kSlice = 128;  // frames sent at once: half of what a veth's or a small card's ring holds
constexpr auto kSliceInterval = 100us;  // short: the longer it takes, the more of others is among it
constexpr auto kLinkInterval = 50ms;
constexpr auto kLinkPatience = 3s;

struct Destroy {
  void operator()(probe_bpf* skeleton) const { probe_bpf::destroy(skeleton); }
};

using Frame = std::array<uint8_t, 60>;  // the shortest that Ethernet carries, without its check sequence

Frame make_frame(const net::MacAddress& mac) {
  Frame frame{};
  auto at = std::copy(mac.begin(), mac.end(), frame.begin());
  at = std::copy(mac.begin(), mac.end(), at);
  *at++ = 0x88;  // IEEE 802 local experimental EtherType 1
  *at = 0xb5;
  return frame;
}

// Runs the program on `count` live frames. 0 or an errno.
int send(int program, const Frame& frame, unsigned count) {
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = frame.data();
  options.data_size_in = frame.size();
  options.repeat = static_cast<int>(count);
  options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
  return bpf_prog_test_run_opts(program, &options) == 0 ? 0 : errno;
}

// The interface's counters at a moment; they count other people's packets, too.
struct Sample {
  steady_clock::time_point at;
  net::Link link;
};

Result<Sample> sample(net::RouteReader& reader, unsigned ifindex) {
  auto link = reader.link(ifindex);
  if (!link) return forward(link);
  return Sample{steady_clock::now(), std::move(*link)};
}

double windows_between(const Sample& from, const Sample& to) {
  return std::chrono::duration<double>(to.at - from.at) / kWindow;
}

Result<void> send_burst(int program, const Frame& frame, uint64_t frames) {
  for (uint64_t left = frames; left > 0;) {
    const auto slice = static_cast<unsigned>(std::min<uint64_t>(left, kSlice));
    if (const int error = send(program, frame, slice); error != 0)
      return fail(ErrorCode::kUnsupported,
                  "the test packet could not be sent: " + std::generic_category().message(error) +
                      (error == EINVAL || error == EOPNOTSUPP ? " (it needs Linux 5.18)" : ""));
    left -= slice;
    std::this_thread::sleep_for(kSliceInterval);
  }
  return {};
}

// What is sent in a window, from here on. Sleeps that long.
Result<double> count_window(net::RouteReader& reader, unsigned ifindex) {
  const auto from = sample(reader, ifindex);
  if (!from) return forward(from);
  std::this_thread::sleep_for(kWindow);
  const auto to = sample(reader, ifindex);
  if (!to) return forward(to);
  return static_cast<double>(to->link.tx_packets - from->link.tx_packets) / windows_between(*from, *to);
}

// The burst has to stand out from what others send, before and after it: on a busy machine they may have been
// kept from sending at one of the two.
Result<void> send_and_count(net::RouteReader& reader, unsigned ifindex, int program) {
  const auto others_before = count_window(reader, ifindex);
  if (!others_before) return forward(others_before);
  double others = *others_before;
  const auto before = sample(reader, ifindex);
  if (!before) return forward(before);
  const uint64_t frames = std::min(kFewestFrames + 8 * static_cast<uint64_t>(others), kMostFrames);
  const Frame frame = make_frame(before->link.mac);
  if (auto sent = send_burst(program, frame, frames); !sent) return sent;
  for (int window = 0; window < kWindows; ++window) {
    std::this_thread::sleep_for(kWindow);
    // virtio_net and others count a frame when a later transmission reclaims its descriptor.
    (void)send(program, frame, 1);
    const auto after = sample(reader, ifindex);
    if (!after) return forward(after);
    const auto transmitted = static_cast<double>(after->link.tx_packets - before->link.tx_packets);
    const auto stands_out = [&] {
      return transmitted >= static_cast<double>(frames) / 2 + others * windows_between(*before, *after);
    };
    if (stands_out()) {
      const auto others_after = count_window(reader, ifindex);
      if (!others_after) return forward(others_after);
      others = std::max(others, *others_after);
      if (stands_out()) return {};
    }
    if (after->link.tx_dropped - before->link.tx_dropped >= frames / 2)
      return fail(ErrorCode::kUnsupported, "attached, but drops what it should transmit");
  }
  return fail(ErrorCode::kUnsupported, "attached, but transmits nothing");
}

}  // namespace

Result<net::Link> wait_until_up(net::RouteReader& reader, unsigned ifindex) {
  const auto deadline = steady_clock::now() + kLinkPatience;
  for (;;) {
    auto link = reader.link(ifindex);
    if (!link || link->up) return link;
    if (steady_clock::now() >= deadline)
      return fail(ErrorCode::kUnsupported, "the interface is down since the program came to it");
    std::this_thread::sleep_for(kLinkInterval);
  }
}

Result<void> probe_transmit(net::RouteReader& reader, const net::Link& link) {
  if (!link.up)
    return fail(ErrorCode::kUnsupported, "the interface is down, so no test packet could be sent");
  const auto current = wait_until_up(reader, link.ifindex);
  if (!current) return forward(current);
  const LibbpfLog log;
  const std::unique_ptr<probe_bpf, Destroy> skeleton(probe_bpf::open());
  if (!skeleton) return fail_errno(errno, "opening the test packet's program");
  skeleton->rodata->target_ifindex = link.ifindex;
  if (probe_bpf::load(skeleton.get()) != 0)
    return fail(ErrorCode::kUnsupported, "the kernel refused the test packet's program: " + log.tail(10));
  return send_and_count(reader, link.ifindex, bpf_program__fd(skeleton->progs.probe));
}

}  // namespace turnpike::fastpath
