// SPDX-License-Identifier: Apache-2.0
#include "kernel_side.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>

#include "load.skel.h"
#include "load_abi.h"
#include "next_hop.h"

namespace turnpike::load {
namespace {

constexpr unsigned kBatch = 64;  // frames that the kernel makes before it hands them on: its NAPI budget

Result<NextHop> forward_hop(const Options& options, const Namespaces& namespaces) {
  if (auto entered = namespaces.relay.enter(); !entered) return forward(entered);
  return resolve_next_hop(options.peer.address);
}

int print_warnings(enum libbpf_print_level level, const char* format, va_list arguments) {
  return level == LIBBPF_WARN ? std::vfprintf(stderr, format, arguments) : 0;
}

}  // namespace

void KernelSide::Unload::operator()(load_bpf* skeleton) const {
  load_bpf__destroy(skeleton);
}
void KernelSide::Unload::operator()(bpf_link* link) const {
  bpf_link__destroy(link);
}

Result<KernelSide> KernelSide::attach(const Options& options, const Namespaces& namespaces,
                                      const Flows& flows) {
  libbpf_set_print(print_warnings);
  Skeleton skeleton(load_bpf__open());
  if (!skeleton) return fail_errno(errno, "opening the generator's BPF object");
  skeleton->rodata->generate_ifindex = flows.generator_ifindex;
  skeleton->rodata->generate_flows = static_cast<uint32_t>(flows.frames.size());
  skeleton->rodata->sink_source_port = htons(flows.sink.source_port);
  skeleton->rodata->sink_destination_port = htons(flows.sink.destination_port);
  skeleton->rodata->sink_udp_length = htons(flows.sink.udp_length);
  if (options.direction == Direction::kForward) {
    auto hop = forward_hop(options, namespaces);
    if (!hop) return turnpike::forward(hop);
    skeleton->rodata->forward_ifindex = hop->ifindex;
    auto* macs = const_cast<uint8_t*>(skeleton->rodata->forward_macs);
    std::ranges::copy(hop->source_mac, std::ranges::copy(hop->destination_mac, macs).out);
  }
  if (const int error = load_bpf__load(skeleton.get()); error != 0)
    return fail_errno(-error, "loading the generator's BPF programs (needs root)");
  KernelSide side(std::move(skeleton), build_frame(flows.frames.front()));
  if (auto written = side.write_templates(flows); !written) return turnpike::forward(written);
  if (options.direction == Direction::kForward)
    if (auto attached = side.attach_forward(options, namespaces); !attached)
      return turnpike::forward(attached);
  if (auto attached = side.attach_sink(flows); !attached) return turnpike::forward(attached);
  return side;
}

Result<void> KernelSide::write_templates(const Flows& flows) const {
  for (uint32_t i = 0; i < flows.frames.size(); ++i) {
    const std::vector<uint8_t> frame = build_frame(flows.frames[i]);
    load_template value{};
    std::copy_n(frame.begin(), sizeof(value), reinterpret_cast<uint8_t*>(&value));
    const int error =
        bpf_map__update_elem(skeleton_->maps.templates, &i, sizeof(i), &value, sizeof(value), BPF_ANY);
    if (error != 0) return fail_errno(-error, "writing frame template " + std::to_string(i));
  }
  return {};
}

Result<void> KernelSide::attach_forward(const Options& options, const Namespaces& namespaces) {
  if (auto entered = namespaces.relay.enter(); !entered) return entered;
  auto ifindex = interface_of(options.relay.address);
  if (!ifindex) return turnpike::forward(ifindex);
  forward_.reset(bpf_program__attach_xdp(skeleton_->progs.forward, static_cast<int>(*ifindex)));
  if (!forward_) return fail_errno(errno, "attaching the bare redirect in the relay's place");
  return {};
}

Result<void> KernelSide::attach_sink(const Flows& flows) {
  if (auto entered = flows.sink_netns->enter(); !entered) return entered;
  sink_.reset(
      bpf_program__attach_xdp(skeleton_->progs.generate_or_sink, static_cast<int>(flows.sink_ifindex)));
  if (!sink_) return fail_errno(errno, "attaching the sink (is another XDP program there?)");
  return {};
}

Result<void> KernelSide::generate(uint32_t count) const {
  xdp_md context{};
  context.data_end = static_cast<uint32_t>(frame_.size());
  LIBBPF_OPTS(bpf_test_run_opts, run);
  run.data_in = frame_.data();
  run.data_size_in = static_cast<uint32_t>(frame_.size());
  run.ctx_in = &context;
  run.ctx_size_in = sizeof(context);
  run.repeat = static_cast<int>(count);
  run.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
  run.batch_size = kBatch;
  const int error = bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.generate_or_sink), &run);
  if (error != 0) return fail_errno(-error, "BPF_PROG_TEST_RUN with live frames (needs kernel 5.18)");
  return {};
}

uint64_t KernelSide::delivered() const {
  const uint32_t zero = 0;
  std::vector<load_counter> counters(static_cast<size_t>(libbpf_num_possible_cpus()));
  bpf_map__lookup_elem(skeleton_->maps.delivered, &zero, sizeof(zero), counters.data(),
                       counters.size() * sizeof(load_counter), 0);
  uint64_t sum = 0;
  for (const load_counter& counter : counters)
    sum += counter.packets;
  return sum;
}

}  // namespace turnpike::load
