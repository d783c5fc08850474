// SPDX-License-Identifier: Apache-2.0
#include "fastpath/vlans.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>

#include "util/fd.h"

namespace turnpike::fastpath {
namespace {

class VlansTest : public testing::Test {
 protected:
  // eth0 (2) with eth0.100 (3), a customer's VLAN in it (4) and one too many in that (5); bond0 (6) with a
  // VLAN (7); one whose parent is in another namespace (8).
  void SetUp() override {
    add(2, "eth0", "", 1500);
    add_vlan(3, "eth0.100", 2, ETH_P_8021AD, 100, 1496);
    add_vlan(4, "eth0.100.7", 3, ETH_P_8021Q, 7, 1500);
    add_vlan(5, "deep", 4, ETH_P_8021Q, 8, 1500);
    add(6, "bond0", "bond", 1500);
    add_vlan(7, "bond0.9", 6, ETH_P_8021Q, 9, 1500);
    add_vlan(8, "far", 0, ETH_P_8021Q, 10, 1500);
  }
  void add(unsigned ifindex, const std::string& name, const std::string& kind, uint32_t mtu) {
    net::Link& link = links_[ifindex];
    link.ifindex = ifindex;
    link.name = name;
    link.kind = kind;
    link.mtu = mtu;
    link.enabled = link.up = link.ethernet = true;
  }
  void add_vlan(unsigned ifindex, const std::string& name, unsigned parent, uint16_t protocol, uint16_t id,
                uint32_t mtu) {
    add(ifindex, name, "vlan", mtu);
    links_[ifindex].parent = parent;
    links_[ifindex].vlan_protocol = protocol;
    links_[ifindex].vlan_id = id;
  }
  std::string refusal(unsigned ifindex) {
    const auto under = underlay_of(links_, ifindex);
    return under ? "" : under.error().message;
  }
  Links links_;
};

TEST_F(VlansTest, FindTheDeviceBelow) {
  const auto plain = underlay_of(links_, 2).value();
  EXPECT_EQ(plain.ifindex, 2u);
  EXPECT_EQ(plain.tags, VlanTags{});
  EXPECT_EQ(plain.mtu, 1500u);
  const auto one = underlay_of(links_, 3).value();
  EXPECT_EQ(one.ifindex, 2u);
  EXPECT_EQ(one.tags, (VlanTags{VlanTag{ETH_P_8021AD, 100}}));
  EXPECT_EQ(one.mtu, 1496u);
  const auto two = underlay_of(links_, 4).value();
  EXPECT_EQ(two.ifindex, 2u);
  EXPECT_EQ(two.tags, (VlanTags{VlanTag{ETH_P_8021AD, 100}, VlanTag{ETH_P_8021Q, 7}}));
  EXPECT_EQ(two.mtu, 1496u);
  EXPECT_TRUE(two.up);
  links_[2].up = false;
  EXPECT_FALSE(underlay_of(links_, 4).value().up);
  EXPECT_TRUE(has_vlans(links_, 2));
  EXPECT_FALSE(has_vlans(links_, 5));
}

// The kernel redirects no frame that is longer than the device's MTU with a header and one tag.
TEST_F(VlansTest, TakeTheSecondTagOffTheMtuOfTheDevice) {
  links_[3].mtu = 1500;
  EXPECT_EQ(underlay_of(links_, 3).value().mtu, 1500u);
  EXPECT_EQ(underlay_of(links_, 4).value().mtu, 1496u);
  links_[2].mtu = 1504;
  EXPECT_EQ(underlay_of(links_, 4).value().mtu, 1500u);
}

TEST_F(VlansTest, SayWhatTheyCannotBe) {
  EXPECT_EQ(refusal(5), "deep has more than two VLAN tags");
  EXPECT_EQ(refusal(7),
            "bond0.9 is a VLAN of bond0, which is a bond: the fast path serves VLANs of plain interfaces");
  EXPECT_EQ(refusal(8), "far has its parent in another namespace");
  EXPECT_EQ(underlay_of(links_, 99).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(refusal(6), "");
  links_[3].vlan_id = 0;
  EXPECT_EQ(refusal(4), "eth0.100 is VLAN 0");
}

class VlanTableTest : public VlansTest {
 protected:
  uint32_t value(unsigned ifindex, VlanTag outer, VlanTag inner = {}) {
    const tp_vlan_key key{
        ifindex, {htons(outer.protocol), htons(inner.protocol)}, {htons(outer.id), htons(inner.id)}};
    uint32_t found = 0;
    return bpf_map_lookup_elem(map_.get(), &key, &found) == 0 ? found : 0;
  }
  int entries() {
    int count = 0;
    tp_vlan_key key{};
    for (int more = bpf_map_get_next_key(map_.get(), nullptr, &key); more == 0;
         more = bpf_map_get_next_key(map_.get(), &key, &key))
      ++count;
    return count;
  }
  UniqueFd map_{bpf_map_create(BPF_MAP_TYPE_HASH, "vlans", sizeof(tp_vlan_key), 4, 16, nullptr)};
  VlanTable table_{map_.get()};
};

TEST_F(VlanTableTest, FollowsTheLinks) {
  ASSERT_TRUE(map_);
  table_.update(links_);
  EXPECT_EQ(entries(), 2);
  EXPECT_EQ(value(2, {ETH_P_8021AD, 100}), 3u);
  EXPECT_EQ(value(2, {ETH_P_8021AD, 100}, {ETH_P_8021Q, 7}), 4u);
  links_[4].up = false;
  table_.update(links_);
  EXPECT_EQ(entries(), 1);
  links_[4].up = true;
  links_.erase(3);
  table_.update(links_);
  EXPECT_EQ(entries(), 0);
}

TEST_F(VlanTableTest, CorrectsWhatAnEarlierProcessWrote) {
  table_.update(links_);
  const net::Link again = links_[3];
  links_.erase(3);
  links_.erase(4);
  links_.erase(5);
  links_[13] = again;
  links_[13].ifindex = 13;
  VlanTable(map_.get()).update(links_);
  EXPECT_EQ(entries(), 1);
  EXPECT_EQ(value(2, {ETH_P_8021AD, 100}), 13u);
}

}  // namespace
}  // namespace turnpike::fastpath
