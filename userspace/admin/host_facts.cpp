// SPDX-License-Identifier: Apache-2.0
#include <ifaddrs.h>
#include <linux/magic.h>
#include <netinet/in.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <memory>

#include "admin/host_checks.h"
#include "util/bytes.h"
#include "util/capabilities.h"

namespace turnpike::admin {
namespace {

// The first line of a file of the kernel's; empty when there is no such file.
std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

bool knows_bpf_filesystem() {
  std::ifstream filesystems("/proc/filesystems");
  for (std::string line; std::getline(filesystems, line);)
    if (line == "nodev\tbpf") return true;
  return false;
}

// The place itself or, where it is not made yet, the nearest directory above.
bool lies_on_bpffs(std::filesystem::path path) {
  std::error_code error;
  while (path.has_relative_path() && !std::filesystem::exists(path, error))
    path = path.parent_path();
  struct statfs filesystem {};
  return ::statfs(path.c_str(), &filesystem) == 0 && filesystem.f_type == BPF_FS_MAGIC;
}

std::vector<IpAddress> host_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  std::vector<IpAddress> addresses;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    const uint8_t* wire = nullptr;
    size_t size = 0;
    if (entry->ifa_addr->sa_family == AF_INET) {
      wire =
          reinterpret_cast<const uint8_t*>(&reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr);
      size = sizeof(in_addr);
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      wire = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr.s6_addr;
      size = sizeof(in6_addr);
    }
    if (wire == nullptr) continue;
    if (const auto address = IpAddress::from_wire(Bytes(wire, size)); address) addresses.push_back(*address);
  }
  return addresses;
}

}  // namespace

HostFacts read_host_facts(const HostExpectations& expected) {
  utsname names{};
  (void)::uname(&names);
  const std::string ipv4 = "/proc/sys/net/ipv4/";
  HostFacts facts;
  facts.kernel_release = names.release;
  facts.capabilities = effective_capabilities();
  facts.local_port_range = first_line(ipv4 + "ip_local_port_range");
  facts.local_reserved_ports = first_line(ipv4 + "ip_local_reserved_ports");
  facts.ip_forward = first_line(ipv4 + "ip_forward");
  facts.rmem_max = first_line("/proc/sys/net/core/rmem_max");
  facts.bpf_filesystem_known = knows_bpf_filesystem();
  facts.bpffs_mounted = lies_on_bpffs(expected.bpffs);
  facts.addresses = host_addresses();
  facts.wall = read_clocks().wall;
  return facts;
}

}  // namespace turnpike::admin
