// SPDX-License-Identifier: Apache-2.0
#include "admin/host_checks.h"

#include <linux/capability.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "admin/port_set.h"
#include "util/capabilities.h"

namespace turnpike::admin {
namespace {

constexpr uint64_t kReceiveBuffer = 4 * 1024 * 1024;  // what the relay asks for at its sockets, bytes

struct KernelVersion {
  unsigned major = 0;
  unsigned minor = 0;
  auto operator<=>(const KernelVersion&) const = default;
};
constexpr KernelVersion kOldestKernel{5, 9};        // sk_lookup programs and XDP links
constexpr KernelVersion kOldestNativeProbe{5, 18};  // live frames, by which native XDP is tried out
constexpr KernelVersion kOldestTested{6, 1};

bool has(uint64_t capabilities, unsigned capability) {
  return (capabilities >> capability & 1) != 0;
}

Check check_kernel(const HostFacts& facts, const HostExpectations&) {
  Check check{.name = "kernel", .found = "Linux " + facts.kernel_release};
  KernelVersion version;
  if (std::sscanf(facts.kernel_release.c_str(), "%u.%u", &version.major, &version.minor) != 2) {
    check.verdict = Verdict::kWarn;
    check.advice = "the version could not be read: expected Linux 6.1 or newer";
  } else if (version < kOldestKernel) {
    check.verdict = Verdict::kFail;
    check.advice =
        "the relay needs sk_lookup programs and XDP links: run Linux 6.1 or newer (5.9 at the least)";
  } else if (version < kOldestNativeProbe) {
    check.verdict = Verdict::kWarn;
    check.advice =
        "native XDP cannot be tried out before 5.18, so generic XDP is used: run Linux 6.1 or newer";
  } else if (version < kOldestTested) {
    check.verdict = Verdict::kWarn;
    check.advice = "the relay is tested on Linux 6.1 and newer";
  }
  return check;
}

Check check_capabilities(const HostFacts& facts, const HostExpectations& expected) {
  const std::string missing = missing_capabilities(facts.capabilities);
  Check check{.name = "capabilities", .found = capability_names(facts.capabilities & needed_capabilities())};
  if (missing.empty()) return check;
  check.found = "missing: " + missing;
  check.verdict = expected.in_relay ? Verdict::kFail : Verdict::kWarn;
  check.advice =
      expected.in_relay
          ? "start the relay as root, or give it the capabilities that are missing"
          : "this command has fewer than the relay needs; start the relay as root (sudo turnpikectl "
            "doctor then judges the same)";
  return check;
}

Check check_relay_ports(const HostFacts& facts, const HostExpectations& expected) {
  const std::string range =
      std::to_string(expected.relay_first_port) + "-" + std::to_string(expected.relay_last_port);
  Check check{.name = "relay ports"};
  unsigned local_first = 0;
  unsigned local_last = 0;
  if (std::sscanf(facts.local_port_range.c_str(), "%u %u", &local_first, &local_last) != 2) {
    check.verdict = Verdict::kWarn;
    check.found = "net.ipv4.ip_local_port_range could not be read";
    return check;
  }
  const unsigned first = std::max<unsigned>(local_first, expected.relay_first_port);
  const unsigned last = std::min<unsigned>(local_last, expected.relay_last_port);
  if (first > last) {
    check.found = range + " lies outside the host's own ports " + std::to_string(local_first) + "-" +
                  std::to_string(local_last);
    return check;
  }
  PortSet reserved = PortSet::parse(facts.local_reserved_ports);
  if (reserved.contains_all(static_cast<uint16_t>(first), static_cast<uint16_t>(last))) {
    check.found = range + " is reserved against the host's own use";
    return check;
  }
  reserved.add(expected.relay_first_port, expected.relay_last_port);
  check.verdict = Verdict::kWarn;
  check.found = "the host's programs may be given ports of " + range + " and would not get their answers";
  check.advice = "sysctl -w net.ipv4.ip_local_reserved_ports=" + reserved.to_string();
  return check;
}

Check check_receive_buffers(const HostFacts& facts, const HostExpectations&) {
  Check check{.name = "receive buffers", .found = "net.core.rmem_max = " + facts.rmem_max};
  unsigned long long maximum = 0;
  if (std::sscanf(facts.rmem_max.c_str(), "%llu", &maximum) != 1) {
    check.found = "net.core.rmem_max is not visible in this network namespace";
    return check;
  }
  if (maximum >= kReceiveBuffer) return check;
  if (has(facts.capabilities, CAP_NET_ADMIN)) {
    check.found += "; CAP_NET_ADMIN lifts it for the relay";
    return check;
  }
  check.verdict = Verdict::kWarn;
  check.advice = "sysctl -w net.core.rmem_max=" + std::to_string(kReceiveBuffer);
  return check;
}

Check check_bpffs(const HostFacts& facts, const HostExpectations& expected) {
  Check check{.name = "bpffs"};
  if (!facts.bpf_filesystem_known) {
    check.verdict = Verdict::kFail;
    check.found = "this kernel has no BPF file system";
    check.advice = "run a kernel with CONFIG_BPF_SYSCALL";
  } else if (expected.bpffs.empty()) {
    check.found = "not needed while the fast path is off";
  } else if (facts.bpffs_mounted) {
    check.found = expected.bpffs + " lies on one";
  } else if (expected.in_relay) {
    // The relay mounts it when it starts, so a missing one was lost since.
    check.verdict = Verdict::kWarn;
    check.found = expected.bpffs + " lies on none: the pins cannot be seen there";
    check.advice = "ls -ld " + expected.bpffs + "; restart the relay to pin anew";
  } else {
    check.found = expected.bpffs + " lies on none; the relay mounts one when it starts";
  }
  return check;
}

Check check_addresses(const HostFacts& facts, const HostExpectations& expected) {
  Check check{.name = "addresses"};
  std::string missing;
  for (const IpAddress& address : expected.addresses) {
    const bool here =
        std::find(facts.addresses.begin(), facts.addresses.end(), address) != facts.addresses.end();
    std::string& list = here ? check.found : missing;
    list += (list.empty() ? "" : ", ") + address.to_string();
  }
  if (!missing.empty()) {
    check.verdict = Verdict::kFail;
    check.found = "not on this host any more: " + missing;
    if (!expected.in_relay) check.found = "not on this host: " + missing;
    check.advice =
        "give the interface its address back (ip address add ...), or change [listen] addresses and "
        "[relay] addresses";
  } else if (check.found.empty()) {
    check.found = "none are configured: the relay takes this host's global ones";
  }
  return check;
}

Check check_ip_forward(const HostFacts& facts, const HostExpectations&) {
  if (facts.ip_forward == "1") return {.name = "ip_forward", .found = "on; the relay does not need it"};
  return {.name = "ip_forward", .found = "off; the relay does not need it"};
}

Check check_clock(const HostFacts& facts, const HostExpectations&) {
  constexpr std::chrono::year kEarliest{2025};
  const std::chrono::year_month_day today(std::chrono::floor<std::chrono::days>(facts.wall));
  char text[32];
  (void)std::snprintf(text, sizeof(text), "%04d-%02u-%02u", static_cast<int>(today.year()),
                      static_cast<unsigned>(today.month()), static_cast<unsigned>(today.day()));
  Check check{.name = "clock", .found = text};
  if (today.year() >= kEarliest) return check;
  check.verdict = Verdict::kFail;
  check.advice = "timed credentials need the right time: set the clock (timedatectl set-ntp true)";
  return check;
}

}  // namespace

std::vector<Check> check_host(const HostFacts& facts, const HostExpectations& expected) {
  constexpr std::array kChecks = {check_kernel, check_capabilities, check_relay_ports, check_receive_buffers,
                                  check_bpffs,  check_addresses,    check_ip_forward,  check_clock};
  std::vector<Check> checks;
  for (const auto check : kChecks)
    checks.push_back(check(facts, expected));
  return checks;
}

}  // namespace turnpike::admin
