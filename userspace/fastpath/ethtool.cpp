// SPDX-License-Identifier: Apache-2.0
#include "fastpath/ethtool.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "util/fd.h"

namespace turnpike::fastpath {
namespace {

constexpr std::array<std::string_view, 2> kTagStripping = {"rx-vlan-hw-parse", "rx-vlan-stag-hw-parse"};

bool ask(const std::string& interface, void* command) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = static_cast<char*>(command);
  return socket && ioctl(socket.get(), SIOCETHTOOL, &request) == 0;
}

// The kernel's structures end in an array whose length is known at run time only.
template <class Header>
class Sized {
 public:
  explicit Sized(size_t tail) : words_((sizeof(Header) + tail + sizeof(uint64_t) - 1) / sizeof(uint64_t)) {}
  Header* operator->() { return reinterpret_cast<Header*>(words_.data()); }
  void* data() { return words_.data(); }
  const char* tail() const { return reinterpret_cast<const char*>(words_.data()) + sizeof(Header); }

 private:
  std::vector<uint64_t> words_;
};

std::vector<std::string> feature_names(const std::string& interface) {
  Sized<ethtool_sset_info> info(sizeof(uint32_t));
  info->cmd = ETHTOOL_GSSET_INFO;
  info->sset_mask = uint64_t{1} << ETH_SS_FEATURES;
  if (!ask(interface, info.data()) || info->sset_mask == 0) return {};
  uint32_t count = 0;
  std::memcpy(&count, info.tail(), sizeof count);
  Sized<ethtool_gstrings> strings(size_t{count} * ETH_GSTRING_LEN);
  strings->cmd = ETHTOOL_GSTRINGS;
  strings->string_set = ETH_SS_FEATURES;
  strings->len = count;
  if (!ask(interface, strings.data())) return {};
  std::vector<std::string> names;
  for (uint32_t i = 0; i < count; ++i) {
    const char* name = strings.tail() + size_t{i} * ETH_GSTRING_LEN;
    names.emplace_back(name, strnlen(name, ETH_GSTRING_LEN));
  }
  return names;
}

}  // namespace

std::string driver_of(const std::string& interface) {
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  if (!ask(interface, &info)) return "";
  return {info.driver, strnlen(info.driver, sizeof info.driver)};
}

std::vector<uint32_t> active_features(const std::string& interface) {
  constexpr uint32_t kBlocks = 8;  // of 32 features; more than there are
  Sized<ethtool_gfeatures> features(kBlocks * sizeof(ethtool_get_features_block));
  features->cmd = ETHTOOL_GFEATURES;
  features->size = kBlocks;
  if (!ask(interface, features.data())) return {};
  std::vector<uint32_t> active;
  for (uint32_t i = 0; i < std::min(features->size, kBlocks); ++i) {
    ethtool_get_features_block block{};
    std::memcpy(&block, features.tail() + i * sizeof block, sizeof block);
    active.push_back(block.active);
  }
  return active;
}

bool strips_vlan_tags(const std::string& interface) {
  const std::vector<uint32_t> active = active_features(interface);
  const std::vector<std::string> names = feature_names(interface);
  for (size_t bit = 0; bit < names.size() && bit / 32 < active.size(); ++bit)
    for (const std::string_view stripping : kTagStripping)
      if (names[bit] == stripping && (active[bit / 32] >> bit % 32 & 1) != 0) return true;
  return false;
}

}  // namespace turnpike::fastpath
