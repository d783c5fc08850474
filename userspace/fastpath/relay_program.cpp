// SPDX-License-Identifier: Apache-2.0
#include "fastpath/relay_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>

#include "fastpath/libbpf_log.h"
#include "relay.skel.h"

namespace turnpike::fastpath {
namespace {

constexpr unsigned kLogLines = 40;  // a verifier's refusal and the state that led to it
constexpr uint32_t kFlowsOfBinding = 2;

}  // namespace

void RelayProgram::Destroy::operator()(relay_bpf* skeleton) const {
  relay_bpf::destroy(skeleton);
}

Result<RelayProgram> RelayProgram::load(const XdpOptions& options, const std::string& directory) {
  // libbpf loads once more with the verifier's log when a load is refused, and prints it.
  const LibbpfLog log;
  Skeleton skeleton(relay_bpf::open());
  if (!skeleton) return fail_errno(errno, "opening the XDP program");
  const auto& maps = skeleton->maps;
  bpf_map__set_max_entries(maps.flows, options.max_bindings * kFlowsOfBinding);
  bpf_map__set_max_entries(maps.bindings, options.max_bindings);
  bpf_map__set_max_entries(maps.binding_counters, options.max_bindings);
  bpf_map__set_max_entries(maps.allocations, options.max_allocations);
  bpf_map__set_max_entries(maps.next_hops, options.max_next_hops);
  if (const int error = relay_bpf::load(skeleton.get()); error != 0) {
    if (error == -ENOMEM)
      return fail(ErrorCode::kExhausted,
                  "no memory for the XDP program's maps; lower the number of bindings (" +
                      std::to_string(options.max_bindings) + ")");
    return fail(error == -EPERM ? ErrorCode::kPermission : ErrorCode::kUnsupported,
                "the kernel refused the XDP program: " + log.tail(kLogLines));
  }
  RelayProgram program(std::move(skeleton));
  if (auto pinned = program.pin(directory); !pinned) return forward(pinned);
  return program;
}

Result<void> RelayProgram::pin(const std::string& directory) const {
  bpf_map* map;
  bpf_object__for_each_map(map, skeleton_->obj) {
    if (bpf_map__is_internal(map)) continue;
    const std::string path = directory + "/map-" + bpf_map__name(map);
    if (bpf_obj_pin(bpf_map__fd(map), path.c_str()) != 0) return fail_errno(errno, "pinning " + path);
  }
  return {};
}

int RelayProgram::program() const {
  return bpf_program__fd(skeleton_->progs.relay);
}
int RelayProgram::flows() const {
  return bpf_map__fd(skeleton_->maps.flows);
}
int RelayProgram::bindings() const {
  return bpf_map__fd(skeleton_->maps.bindings);
}
int RelayProgram::allocations() const {
  return bpf_map__fd(skeleton_->maps.allocations);
}
int RelayProgram::next_hops() const {
  return bpf_map__fd(skeleton_->maps.next_hops);
}
int RelayProgram::binding_counters() const {
  return bpf_map__fd(skeleton_->maps.binding_counters);
}
int RelayProgram::reasons() const {
  return bpf_map__fd(skeleton_->maps.reasons);
}

}  // namespace turnpike::fastpath
