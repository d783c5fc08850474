// SPDX-License-Identifier: Apache-2.0
#include "fastpath/steering.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>
#include <system_error>

#include "fastpath/libbpf_log.h"
#include "fastpath/map_entries.h"
#include "steer.skel.h"
#include "util/fd.h"

namespace turnpike::fastpath {
namespace {

constexpr const char* kPin = "/link-steer";

struct Destroy {
  void operator()(steer_bpf* skeleton) const { steer_bpf::destroy(skeleton); }
};
using Skeleton = std::unique_ptr<steer_bpf, Destroy>;

struct KeyLess {
  bool operator()(const tp_steer_key& one, const tp_steer_key& other) const {
    return std::memcmp(&one, &other, sizeof one) < 0;
  }
};
using Ports = std::set<tp_steer_key, KeyLess>;

tp_steer_key key_of(const Endpoint& local) {
  tp_steer_key key{};
  std::copy(local.address.bytes().begin(), local.address.bytes().end(), key.local);
  key.local_port = htons(local.port);
  return key;
}

uint32_t to_abi(PortKind kind) {
  return kind == PortKind::kListening ? TP_STEER_LISTENING : TP_STEER_RELAY;
}

class SkLookupSteering final : public Steering {
 public:
  // `pin`: of `link`. `old_ports`: in the map since an earlier process.
  SkLookupSteering(Skeleton skeleton, UniqueFd link, std::string pin, Ports old_ports, bool keep)
      : skeleton_(std::move(skeleton)),
        link_(std::move(link)),
        pin_(std::move(pin)),
        ports_(bpf_map__fd(skeleton_->maps.steer)),
        sockets_(bpf_map__fd(skeleton_->maps.sockets)),
        max_sockets_(bpf_map__max_entries(skeleton_->maps.sockets)),
        keep_(keep),
        old_ports_(std::move(old_ports)) {}

  ~SkLookupSteering() override {
    if (keep_) return;
    (void)bpf_link_detach(link_.get());
    (void)unlink(pin_.c_str());
  }

  Result<void> set_socket(uint32_t slot, int socket) override {
    const auto value = static_cast<uint64_t>(socket);
    if (bpf_map_update_elem(sockets_, &slot, &value, BPF_ANY) == 0) return {};
    const int error_number = errno;
    if (slot >= max_sockets_)
      return fail(ErrorCode::kExhausted, "socket slot " + std::to_string(slot) + " of " +
                                             std::to_string(max_sockets_) + "; raise max_sockets");
    return fail_errno(error_number, "steering to socket " + std::to_string(socket) + " in slot " +
                                        std::to_string(slot) + " (it must be a bound UDP socket)");
  }

  Result<void> add_port(const Endpoint& local, PortKind kind, uint32_t first, uint32_t count) override {
    if (count == 0 || first >= max_sockets_ || count > max_sockets_ - first)
      return fail(ErrorCode::kInvalid, "steering a port to " + std::to_string(count) + " sockets from slot " +
                                           std::to_string(first) +
                                           ": there must be at least one, and slots end at " +
                                           std::to_string(max_sockets_));
    const tp_steer_key key = key_of(local);
    forget_old(key);  // before it is written, so that finish_takeover() does not take it for an old one
    const tp_steer target{first, count, to_abi(kind)};
    if (bpf_map_update_elem(ports_, &key, &target, BPF_ANY) == 0) return {};
    return fail_errno(errno, "steering a port (E2BIG: raise limits.allocations)");
  }

  void remove_port(const Endpoint& local) override {
    const tp_steer_key key = key_of(local);
    forget_old(key);
    (void)bpf_map_delete_elem(ports_, &key);
  }

  uint32_t max_ports() const override { return bpf_map__max_entries(skeleton_->maps.steer); }

  size_t finish_takeover() override {
    const std::lock_guard lock(mutex_);
    for (const tp_steer_key& key : old_ports_)
      (void)bpf_map_delete_elem(ports_, &key);
    const size_t ended = old_ports_.size();
    old_ports_.clear();
    return ended;
  }

  void keep() override { keep_ = true; }

 private:
  void forget_old(const tp_steer_key& key) {
    const std::lock_guard lock(mutex_);
    old_ports_.erase(key);
  }

  // What is done to the maps is one operation each, which the kernel does atomically.
  Skeleton skeleton_;
  UniqueFd link_;
  std::string pin_;
  int ports_, sockets_;
  uint32_t max_sockets_;
  std::atomic<bool> keep_;
  std::mutex mutex_;
  Ports old_ports_;  // guarded by mutex_
};

// Sockets leave the map when they are closed, so one that is too small for this process's has nothing to
// lose.
void drop_small_sockets(const Bpffs& bpffs, uint32_t wanted) {
  const UniqueFd sockets = bpffs.open_map("sockets");
  const auto layout = layout_of(sockets.get());
  if (layout && layout->max_entries < wanted) (void)unlink(map_pin(bpffs.directory(), "sockets").c_str());
}

Result<Skeleton> load(const SteeringOptions& options, const Bpffs& bpffs) {
  const LibbpfLog log;
  Skeleton skeleton(steer_bpf::open());
  if (!skeleton) return fail_errno(errno, "opening the steering program");
  drop_small_sockets(bpffs, options.max_sockets);
  bpf_map__set_max_entries(skeleton->maps.sockets, options.max_sockets);
  if (auto reused = reuse_maps(skeleton->obj, bpffs, {{"steer", options.max_ports}}); !reused)
    return forward(reused);
  if (const int error = steer_bpf::load(skeleton.get()); error != 0)
    return fail(
        error == -EPERM ? ErrorCode::kPermission : ErrorCode::kUnsupported,
        "the kernel refused the steering program (it needs Linux 5.9 with BPF sk_lookup): " + log.tail(40));
  return skeleton;
}

// The link that an earlier process pinned, when it is one of `netns`; it carries the new program from now on.
UniqueFd take_over_link(const std::string& pin, int program, int netns) {
  UniqueFd link(bpf_obj_get(pin.c_str()));
  if (!link) return {};
  bpf_link_info info{};
  uint32_t size = sizeof info;
  struct stat here {};
  const bool ours = bpf_obj_get_info_by_fd(link.get(), &info, &size) == 0 &&
                    info.type == BPF_LINK_TYPE_NETNS && fstat(netns, &here) == 0 &&
                    info.netns.netns_ino == here.st_ino && info.netns.attach_type == BPF_SK_LOOKUP;
  if (ours && bpf_link_update(link.get(), program, nullptr) == 0) return link;
  spdlog::debug("{}: {}; the steering program is attached anew", pin,
                ours ? "its program cannot be replaced: " + std::generic_category().message(errno)
                     : "it is of another network namespace");
  (void)bpf_link_detach(link.get());
  (void)unlink(pin.c_str());
  return {};
}

Result<UniqueFd> attach(int program, const std::string& pin) {
  const UniqueFd netns(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!netns) return fail_errno(errno, "opening /proc/thread-self/ns/net");
  if (UniqueFd link = take_over_link(pin, program, netns.get())) return link;
  UniqueFd link(bpf_link_create(program, netns.get(), BPF_SK_LOOKUP, nullptr));
  if (!link) return fail_errno(errno, "attaching the steering program to this network namespace");
  if (bpf_obj_pin(link.get(), pin.c_str()) != 0) return fail_errno(errno, "pinning " + pin);
  return link;
}

}  // namespace

uint32_t worker_of(const Endpoint& remote, uint32_t count) {
  uint32_t words[4];
  std::memcpy(words, remote.address.bytes().data(), sizeof words);
  return tp_steer_hash(words, htons(remote.port)) % count;
}

Result<std::vector<MapLayout>> Steering::layouts() {
  const LibbpfLog log;
  const Skeleton skeleton(steer_bpf::open());
  if (!skeleton) return fail_errno(errno, "opening the steering program");
  return layouts_of(skeleton->obj);
}

Result<std::unique_ptr<Steering>> Steering::create(const SteeringOptions& options, const Bpffs& bpffs) {
  auto skeleton = load(options, bpffs);
  if (!skeleton) return forward(skeleton);
  const auto ports = read_all<tp_steer_key, tp_steer>(bpf_map__fd((*skeleton)->maps.steer));
  if (!ports) return forward(ports);
  Ports old_ports;
  for (const auto& [key, target] : *ports)
    old_ports.insert(key);
  if (auto pinned = pin_maps((*skeleton)->obj, bpffs); !pinned) return forward(pinned);
  const std::string pin = bpffs.directory() + kPin;
  auto link = attach(bpf_program__fd((*skeleton)->progs.steer_datagram), pin);
  if (!link) return forward(link);
  return std::make_unique<SkLookupSteering>(std::move(*skeleton), std::move(*link), pin, std::move(old_ports),
                                            bpffs.kept());
}

}  // namespace turnpike::fastpath
