// SPDX-License-Identifier: Apache-2.0
#include "kernel_side.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cerrno>
#include <numeric>

#include "load.skel.h"
#include "next_hop.h"

namespace turnpike::load {
namespace {

constexpr unsigned kBatch = 64;  // frames that the kernel makes before it hands them on: its NAPI budget

template <class T>
Result<void> write_entry(const bpf_map* map, uint32_t index, const T& value, const char* what) {
  const int error = bpf_map__update_elem(map, &index, sizeof(index), &value, sizeof(value), BPF_ANY);
  if (error != 0) return fail_errno(-error, std::string("writing ") + what + " " + std::to_string(index));
  return {};
}

size_t possible_cpus() {
  return static_cast<size_t>(libbpf_num_possible_cpus());
}

void set_constants(load_bpf& skeleton, const RelayOptions& options, const Traffic& traffic) {
  const FrameLayout layout = layout_of(traffic.family, traffic.form);
  auto& constants = *skeleton.rodata;
  constants.generate_ifindex = traffic.generator_ifindex;
  constants.generate_bindings = static_cast<uint32_t>(traffic.bindings.size());
  constants.generate_sizes = static_cast<uint32_t>(traffic.mix.sizes.size());
  std::ranges::copy(traffic.mix.pattern, const_cast<uint8_t*>(constants.generate_pattern));
  constants.generate_head_words = layout.head_words();
  constants.generate_udp_offset = layout.udp;
  constants.generate_selector_offset = layout.selector;
  constants.generate_mark_offset = layout.mark;
  constants.with_delay = options.delay ? 1 : 0;
  constants.sink_form = traffic.sink_form;
  constants.sink_source_port = htons(traffic.sink_source_port);
}

}  // namespace

void KernelSide::Unload::operator()(load_bpf* skeleton) const {
  load_bpf::destroy(skeleton);
}
void KernelSide::Unload::operator()(bpf_link* link) const {
  bpf_link__destroy(link);
}

Result<KernelSide> KernelSide::attach(const RelayOptions& options, const Traffic& traffic) {
  Skeleton skeleton(load_bpf::open());
  if (!skeleton) return fail_errno(errno, "opening the generator's BPF object");
  set_constants(*skeleton, options, traffic);
  bpf_map__set_max_entries(skeleton->maps.bindings, static_cast<uint32_t>(traffic.bindings.size()));
  if (const int error = load_bpf::load(skeleton.get()); error != 0)
    return fail_errno(-error, "loading the generator's BPF programs (needs root)");
  KernelSide side(std::move(skeleton),
                  build_frame(traffic.routes.front(), traffic.form, traffic.mix.largest()));
  if (auto written = side.write_heads(traffic); !written) return forward(written);
  if (auto written = side.write_bindings(traffic); !written) return forward(written);
  if (auto shared = side.share_bindings(options); !shared) return forward(shared);
  if (auto attached = side.attach_sink(traffic); !attached) return forward(attached);
  if (auto enabled = side.enable_transmit(traffic); !enabled) return forward(enabled);
  return side;
}

Result<void> KernelSide::write_heads(const Traffic& traffic) const {
  uint32_t index = 0;
  for (const Route& route : traffic.routes)
    for (const uint16_t size : traffic.mix.sizes) {
      const load_head head =
          head_of(build_frame(route, traffic.form, size), frame_.size(), traffic.family, traffic.form);
      if (auto written = write_entry(skeleton_->maps.heads, index++, head, "frame head"); !written)
        return written;
    }
  return {};
}

Result<void> KernelSide::write_bindings(const Traffic& traffic) const {
  std::vector<uint32_t> indices(traffic.bindings.size());
  std::iota(indices.begin(), indices.end(), 0u);
  auto count = static_cast<uint32_t>(indices.size());
  const int error = bpf_map_update_batch(bpf_map__fd(skeleton_->maps.bindings), indices.data(),
                                         traffic.bindings.data(), &count, nullptr);
  if (error != 0) return fail_errno(-error, "writing the generator's bindings");
  return {};
}

// Each CPU has bindings of its own, as receive-side scaling gives a flow to one CPU; where there are fewer
// bindings than CPUs every CPU has all.
Result<void> KernelSide::share_bindings(const RelayOptions& options) const {
  const auto cpus = static_cast<uint32_t>(options.cpus.size());
  const uint32_t step = options.active < cpus ? 1 : cpus;
  std::vector<load_generator> generators(possible_cpus(), load_generator{0, 1, 0, 0, 0, 0});
  for (uint32_t i = 0; i < cpus; ++i) {
    const auto cpu = static_cast<size_t>(options.cpus[i]);
    if (cpu >= generators.size())
      return fail(ErrorCode::kInvalid, "--cpus: expected CPUs below " + std::to_string(generators.size()) +
                                           ", got " + std::to_string(cpu));
    const uint32_t first = step == 1 ? 0 : i;
    generators[cpu] = {first, step, first, 0, 0, 0};
  }
  const uint32_t zero = 0;
  const int error = bpf_map__update_elem(skeleton_->maps.generators, &zero, sizeof(zero), generators.data(),
                                         generators.size() * sizeof(load_generator), BPF_ANY);
  if (error != 0) return fail_errno(-error, "sharing the bindings out to CPUs");
  return {};
}

Result<void> KernelSide::attach_sink(const Traffic& traffic) {
  if (auto entered = traffic.sink_netns->enter(); !entered) return entered;
  sink_.reset(
      bpf_program__attach_xdp(skeleton_->progs.generate_or_sink, static_cast<int>(traffic.sink_ifindex)));
  if (!sink_) return fail_errno(errno, "attaching the sink (is another XDP program there?)");
  return {};
}

// Many network cards transmit what XDP redirects to them only while they have an XDP program themselves.
// Virtual devices do not, and pay for it: they are left alone.
Result<void> KernelSide::enable_transmit(const Traffic& traffic) {
  if (auto entered = traffic.generator_netns->enter(); !entered) return entered;
  auto routes = net::RouteReader::create();
  if (!routes) return forward(routes);
  auto link = routes->link(traffic.generator_ifindex);
  if (!link) return forward(link);
  if (!link->kind.empty() || link->native_program != 0 || link->generic_program != 0) return {};
  transmit_.reset(bpf_program__attach_xdp(skeleton_->progs.generate_or_sink,
                                          static_cast<int>(traffic.generator_ifindex)));
  if (!transmit_) return fail_errno(errno, "attaching to " + link->name + ", which shall transmit");
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

Delivered KernelSide::delivered() const {
  const uint32_t zero = 0;
  std::vector<load_counter> counters(possible_cpus());
  bpf_map__lookup_elem(skeleton_->maps.delivered, &zero, sizeof(zero), counters.data(),
                       counters.size() * sizeof(load_counter), 0);
  Delivered sum;
  for (const load_counter& counter : counters) {
    sum.packets += counter.packets;
    sum.bytes += counter.bytes;
  }
  return sum;
}

Histogram KernelSide::delays() const {
  std::vector<uint64_t> buckets(LOAD_BUCKETS);
  std::vector<uint64_t> of_cpus(possible_cpus());
  for (uint32_t i = 0; i < LOAD_BUCKETS; ++i) {
    bpf_map__lookup_elem(skeleton_->maps.delays, &i, sizeof(i), of_cpus.data(),
                         of_cpus.size() * sizeof(uint64_t), 0);
    buckets[i] = std::accumulate(of_cpus.begin(), of_cpus.end(), uint64_t{0});
  }
  return Histogram(std::move(buckets));
}

}  // namespace turnpike::load
