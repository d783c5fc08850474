// SPDX-License-Identifier: Apache-2.0
#include "fastpath/steering.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "fastpath/libbpf_log.h"
#include "steer.skel.h"
#include "util/fd.h"

namespace turnpike::fastpath {
namespace {

struct Destroy {
  void operator()(steer_bpf* skeleton) const { steer_bpf::destroy(skeleton); }
};
using Skeleton = std::unique_ptr<steer_bpf, Destroy>;

tp_steer_key key_of(const Endpoint& local) {
  tp_steer_key key{};
  std::copy(local.address.bytes().begin(), local.address.bytes().end(), key.local);
  key.local_port = htons(local.port);
  return key;
}

// Each call is one map operation, which the kernel does atomically: that is all the thread safety it takes.
class SkLookupSteering final : public Steering {
 public:
  SkLookupSteering(Skeleton skeleton, UniqueFd link, uint32_t max_sockets)
      : skeleton_(std::move(skeleton)), link_(std::move(link)), max_sockets_(max_sockets) {}
  ~SkLookupSteering() override { (void)bpf_link_detach(link_.get()); }

  Result<void> set_socket(uint32_t slot, int socket) override {
    const auto value = static_cast<uint64_t>(socket);
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.sockets), &slot, &value, BPF_ANY) == 0) return {};
    const int error_number = errno;
    if (slot >= max_sockets_)
      return fail(ErrorCode::kExhausted, "socket slot " + std::to_string(slot) + " of " +
                                             std::to_string(max_sockets_) + "; raise max_sockets");
    return fail_errno(error_number, "steering to socket " + std::to_string(socket) + " in slot " +
                                        std::to_string(slot) + " (it must be a bound UDP socket)");
  }

  Result<void> add_port(const Endpoint& local, uint32_t first, uint32_t count) override {
    if (count == 0 || first >= max_sockets_ || count > max_sockets_ - first)
      return fail(ErrorCode::kInvalid, "steering " + local.to_string() + " to " + std::to_string(count) +
                                           " sockets from slot " + std::to_string(first) +
                                           ": there must be at least one, and slots end at " +
                                           std::to_string(max_sockets_));
    const tp_steer_key key = key_of(local);
    const tp_steer target{first, count};
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.steer), &key, &target, BPF_ANY) == 0) return {};
    return fail_errno(errno, "steering " + local.to_string() + " (E2BIG: raise max_ports)");
  }

  void remove_port(const Endpoint& local) override {
    const tp_steer_key key = key_of(local);
    (void)bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.steer), &key);
  }

 private:
  Skeleton skeleton_;
  UniqueFd link_;
  uint32_t max_sockets_;
};

}  // namespace

Result<std::unique_ptr<Steering>> Steering::create(const SteeringOptions& options) {
  const LibbpfLog log;
  Skeleton skeleton(steer_bpf::open());
  if (!skeleton) return fail_errno(errno, "opening the steering program");
  bpf_map__set_max_entries(skeleton->maps.steer, options.max_ports);
  bpf_map__set_max_entries(skeleton->maps.sockets, options.max_sockets);
  if (const int error = steer_bpf::load(skeleton.get()); error != 0)
    return fail(
        error == -EPERM ? ErrorCode::kPermission : ErrorCode::kUnsupported,
        "the kernel refused the steering program (it needs Linux 5.9 with BPF sk_lookup): " + log.tail(40));
  const UniqueFd netns(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!netns) return fail_errno(errno, "opening /proc/thread-self/ns/net");
  UniqueFd link(
      bpf_link_create(bpf_program__fd(skeleton->progs.steer_datagram), netns.get(), BPF_SK_LOOKUP, nullptr));
  if (!link) return fail_errno(errno, "attaching the steering program to this network namespace");
  return std::make_unique<SkLookupSteering>(std::move(skeleton), std::move(link), options.max_sockets);
}

}  // namespace turnpike::fastpath
