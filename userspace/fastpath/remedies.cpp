// SPDX-License-Identifier: Apache-2.0
#include "fastpath/remedies.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace turnpike::fastpath {
namespace {

struct Row {
  std::string_view driver;  // empty: any
  std::string_view words;   // in the reason, lower case
  std::string_view remedy;  // DEV: the interface's name
};

// The first row that matches is taken. The words are those of the drivers' extended errors.
constexpr std::array kRows = {
    Row{"virtio_net", "gro_hw",
        "ethtool -K DEV rx-gro-hw off; where ethtool shows that feature as [fixed], the hypervisor must turn "
        "the guest's offloads off: guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off "
        "on its virtio-net-pci device"},
    Row{"virtio_net", "lro",
        "ethtool -K DEV lro off rx-gro-hw off; where ethtool shows them as [fixed], the hypervisor must turn "
        "the guest's offloads off: guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off "
        "on its virtio-net-pci device"},
    Row{"virtio_net", "queue",
        "give the virtio device two queue pairs for each CPU, or: ethtool -L DEV combined 1"},
    Row{"virtio_net", "mtu", "ip link set dev DEV mtu 1500"},
    Row{"ena", "mtu", "ip link set dev DEV mtu 3498"},
    Row{"ena", "queue",
        "ethtool -L DEV combined N, with N at most half of the maximum that ethtool -l DEV shows"},
    Row{"ena", "channel",
        "ethtool -L DEV combined N, with N at most half of the maximum that ethtool -l DEV shows"},
    Row{"gve", "mtu", "ip link set dev DEV mtu 1460"},
    Row{"gve", "queue",
        "ethtool -L DEV rx N tx N, with N at most half of the maximum that ethtool -l DEV shows"},
    Row{"veth", "peer mtu", "ip link set dev DEV mtu 1500, and the same for its peer"},
    Row{"veth", "neither gro", "on the peer: ethtool -K PEER gro on"},
    Row{"veth", "transmit", "on the peer: ethtool -K PEER gro on"},
    Row{"", "lro", "ethtool -K DEV lro off"},
    Row{"", "mtu", "ip link set dev DEV mtu 1500"},
    Row{"", "queue",
        "ethtool -L DEV combined N, with N at most half of the maximum that ethtool -l DEV shows"},
    Row{"", "interface is down", "ip link set dev DEV up"},
};

}  // namespace

std::string remedy_for(const std::string& driver, const std::string& reason, const std::string& interface) {
  std::string lower = reason;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  for (const Row& row : kRows) {
    if (!row.driver.empty() && row.driver != driver) continue;
    if (lower.find(row.words) == std::string::npos) continue;
    std::string remedy(row.remedy);
    for (size_t at = 0; (at = remedy.find("DEV", at)) != std::string::npos; at += interface.size())
      remedy.replace(at, 3, interface);
    return remedy;
  }
  return "";
}

}  // namespace turnpike::fastpath
