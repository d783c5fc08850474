// SPDX-License-Identifier: Apache-2.0
//
// XdpTest: an XdpFastPath on tp0 of a TestNetwork, and a look at its pinned maps from outside.
#pragma once

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <filesystem>
#include <memory>

#include "fastpath/bpffs.h"
#include "fastpath/steering.h"
#include "fastpath/xdp_fast_path.h"
#include "unit/test_network.h"

namespace turnpike::fastpath {

class XdpTest : public TestNetwork {
 protected:
  static constexpr const char* kPins = "/run/tp/pins";

  void SetUp() override {
    TestNetwork::SetUp();
    options_.interfaces = {"tp0"};
    options_.local_addresses = {address("192.0.2.1"), address("2001:db8::1")};
    options_.relay_addresses = options_.local_addresses;
    options_.max_bindings = 8;
    options_.max_allocations = 8;
    options_.max_next_hops = 8;
  }

  void TearDown() override { stop(); }

  // What the relay does at its start.
  Result<std::unique_ptr<FastPath>> create() {
    auto bpffs = Bpffs::open(kPins);
    if (!bpffs) return forward(bpffs);
    bpffs_ = std::make_unique<Bpffs>(std::move(*bpffs));
    auto steering = Steering::create({16, 4}, *bpffs_);
    if (!steering) return forward(steering);
    steering_ = std::move(*steering);
    return create_xdp_fast_path(options_, *bpffs_);
  }
  void start() {
    auto created = create();
    ASSERT_TRUE(created) << created.error().message;
    fast_path_ = std::move(*created);
  }
  void stop() {
    if (bpffs_) bpffs_->keep(false);
    fast_path_.reset();
    steering_.reset();
    bpffs_.reset();
  }
  // Everything stays in the kernel for the next start().
  void leave() {
    fast_path_->keep();
    steering_->keep();
    bpffs_->keep(true);
    fast_path_.reset();
    steering_.reset();
    bpffs_.reset();
  }

  static UniqueFd map(const std::string& name) {
    UniqueFd fd(bpf_obj_get((std::string(kPins) + "/map-" + name).c_str()));
    EXPECT_TRUE(fd) << name;
    return fd;
  }
  template <class T>
  static T entry(const std::string& name, uint32_t slot) {
    T value{};
    EXPECT_EQ(bpf_map_lookup_elem(map(name).get(), &slot, &value), 0) << name << " " << slot;
    return value;
  }
  // The binding of allocation 1 with that channel; its slot.
  uint32_t channel_slot(uint16_t channel) const {
    for (uint32_t slot = 0; slot < options_.max_bindings; ++slot) {
      const auto binding = entry<tp_binding>("bindings", slot);
      if (binding.generation != 0 && binding.kind == TP_BINDING_CHANNEL && ntohs(binding.channel) == channel)
        return slot;
    }
    ADD_FAILURE() << "no binding has channel " << channel;
    return 0;
  }
  tp_binding channel_entry(uint16_t channel = 0x4000) const {
    return entry<tp_binding>("bindings", channel_slot(channel));
  }
  static std::vector<tp_flow> flows() {
    const UniqueFd fd = map("flows");
    std::vector<tp_flow> all;
    tp_flow_key key{};
    for (int more = bpf_map_get_next_key(fd.get(), nullptr, &key); more == 0;
         more = bpf_map_get_next_key(fd.get(), &key, &key)) {
      tp_flow flow{};
      if (bpf_map_lookup_elem(fd.get(), &key, &flow) == 0) all.push_back(flow);
    }
    return all;
  }

  // A channel of allocation 1 between 192.0.2.2:40000 and 192.0.2.3:6000, or others of their kind.
  static Binding binding(uint16_t channel = 0x4000, uint16_t peer_port = 6000) {
    Binding binding;
    binding.allocation = {1};
    binding.five_tuple = {endpoint("192.0.2.2:40000"), endpoint("192.0.2.1:3478"), Transport::kUdp};
    binding.relayed = endpoint("192.0.2.1:50000");
    binding.peer = {address("192.0.2.3"), peer_port};
    binding.channel = {channel};
    binding.channel_expires = read_clocks().monotonic + Seconds(600);
    binding.permission_expires = read_clocks().monotonic + Seconds(300);
    return binding;
  }
  static SessionRecord session(uint64_t id = 1) {
    SessionRecord session;
    session.id = {id};
    session.five_tuple = binding().five_tuple;
    session.five_tuple.client.port = static_cast<uint16_t>(39999 + id);
    session.relayed = {address("192.0.2.1"), static_cast<uint16_t>(49999 + id)};
    session.username = "tester";
    session.expires = read_clocks().monotonic + Seconds(600);
    return session;
  }
  void allocate(uint64_t id = 1) { EXPECT_TRUE(fast_path_->set_allocation(session(id))); }
  // Any port of `peer`, with allocation 1.
  static Permission permission(const std::string& peer = "192.0.2.3") {
    return {
        {1}, binding().five_tuple, binding().relayed, address(peer), read_clocks().monotonic + Seconds(300)};
  }
  // The slots of a kind that are published.
  std::vector<uint32_t> slots(tp_binding_kind kind) const {
    std::vector<uint32_t> found;
    for (uint32_t slot = 0; slot < options_.max_bindings; ++slot)
      if (const auto each = entry<tp_binding>("bindings", slot); each.generation != 0 && each.kind == kind)
        found.push_back(slot);
    return found;
  }
  uint32_t the_slot(tp_binding_kind kind) const {
    const auto found = slots(kind);
    EXPECT_EQ(found.size(), 1u);
    return found.empty() ? ~0u : found.front();
  }
  template <class T>
  static void write(const std::string& name, uint32_t slot, const T& value) {
    EXPECT_EQ(bpf_map_update_elem(map(name).get(), &slot, &value, BPF_ANY), 0) << name << " " << slot;
  }
  TableUse table(const std::string& name) const {
    for (const TableUse& each : fast_path_->tables())
      if (each.name == name) return each;
    ADD_FAILURE() << "no table " << name;
    return {};
  }
  bool fast(uint16_t channel = 0x4000) {
    fast_path_->handle_events();
    const FlowStatus status = fast_path_->why({1}, {channel});
    return status.fast_to_peer && status.fast_to_client;
  }

  XdpOptions options_;
  std::unique_ptr<Bpffs> bpffs_;
  std::unique_ptr<Steering> steering_;
  std::unique_ptr<FastPath> fast_path_;
};

}  // namespace turnpike::fastpath
