// SPDX-License-Identifier: Apache-2.0
//
// XdpTest: an XdpFastPath on tp0 of a TestNetwork, and a look at its pinned maps from outside.
#pragma once

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <filesystem>
#include <memory>

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
    options_.bpffs = kPins;
    options_.max_bindings = 8;
    options_.max_allocations = 8;
    options_.max_next_hops = 8;
  }

  void start() {
    auto created = create_xdp_fast_path(options_);
    ASSERT_TRUE(created) << created.error().message;
    fast_path_ = std::move(*created);
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
  void allocate(uint64_t id = 1) {
    EXPECT_TRUE(fast_path_->set_allocation({id}, read_clocks().monotonic + Seconds(600)));
  }
  bool fast(uint16_t channel = 0x4000) {
    fast_path_->handle_events();
    const FlowStatus status = fast_path_->why({1}, {channel});
    return status.fast_to_peer && status.fast_to_client;
  }

  XdpOptions options_;
  std::unique_ptr<FastPath> fast_path_;
};

}  // namespace turnpike::fastpath
