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

constexpr unsigned kFrames = 64;
constexpr auto kPatience = 500ms;
constexpr auto kInterval = 5ms;
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

// Some drivers set their queues up anew when a program comes, and the link goes down for a while.
Result<net::Link> wait_until_up(net::RouteReader& reader, unsigned ifindex) {
  const auto deadline = steady_clock::now() + kLinkPatience;
  for (;;) {
    auto link = reader.link(ifindex);
    if (!link || link->up) return link;
    if (steady_clock::now() >= deadline)
      return fail(ErrorCode::kUnsupported, "the interface is down since the program came to it");
    std::this_thread::sleep_for(10 * kInterval);
  }
}

Result<void> send_and_count(net::RouteReader& reader, const net::Link& before, int program) {
  const Frame frame = make_frame(before.mac);
  if (const int error = send(program, frame, kFrames); error != 0)
    return fail(ErrorCode::kUnsupported,
                "the test packet could not be sent: " + std::generic_category().message(error) +
                    (error == EINVAL || error == EOPNOTSUPP ? " (it needs Linux 5.18)" : ""));
  const auto deadline = steady_clock::now() + kPatience;
  for (;;) {
    const auto after = reader.link(before.ifindex);
    if (!after) return forward(after);
    if (after->tx_dropped > before.tx_dropped)
      return fail(ErrorCode::kUnsupported, "attached, but drops what it should transmit");
    if (after->tx_packets >= before.tx_packets + kFrames) return {};
    if (steady_clock::now() >= deadline)
      return fail(ErrorCode::kUnsupported, "attached, but transmits nothing");
    std::this_thread::sleep_for(kInterval);
    // virtio_net and others count a frame when a later transmission reclaims its descriptor.
    (void)send(program, frame, 1);
  }
}

}  // namespace

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
  return send_and_count(reader, *current, bpf_program__fd(skeleton->progs.probe));
}

}  // namespace turnpike::fastpath
