// SPDX-License-Identifier: Apache-2.0
#include "fastpath/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "fastpath/libbpf_log.h"
#include "fastpath/probe.h"
#include "fastpath/remedies.h"

namespace turnpike::fastpath {
namespace {

std::string words_of(int error_number) {
  return std::generic_category().message(error_number);
}

// The program that somebody else has on the interface, in words; empty when there is none.
std::string other_program(unsigned ifindex) {
  const LibbpfLog log;
  LIBBPF_OPTS(bpf_xdp_query_opts, query);
  if (bpf_xdp_query(static_cast<int>(ifindex), 0, &query) != 0) return "";
  for (const uint32_t id : {query.prog_id, query.drv_prog_id, query.skb_prog_id, query.hw_prog_id}) {
    if (id == 0) continue;
    std::string words = "another XDP program, id " + std::to_string(id);
    const UniqueFd program(bpf_prog_get_fd_by_id(id));
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    if (program && bpf_obj_get_info_by_fd(program.get(), &info, &size) == 0)
      words += std::string(" (") + info.name + ")";
    return words + ", is attached";
  }
  return "";
}

// A bpf_link gives an errno alone; the older netlink way also says why, in the driver's words.
std::string native_refusal(unsigned ifindex, int program, int error_number) {
  const LibbpfLog log;
  const auto index = static_cast<int>(ifindex);
  if (bpf_xdp_attach(index, program, XDP_FLAGS_DRV_MODE | XDP_FLAGS_UPDATE_IF_NOEXIST, nullptr) == 0) {
    LIBBPF_OPTS(bpf_xdp_attach_opts, ours, .old_prog_fd = program);
    (void)bpf_xdp_detach(index, XDP_FLAGS_DRV_MODE | XDP_FLAGS_REPLACE, &ours);
    return "the driver refused native XDP once: " + words_of(error_number);
  }
  const std::string message = log.kernel_message();
  return "the driver refused native XDP: " + (message.empty() ? words_of(error_number) : message);
}

}  // namespace

std::string driver_of(const std::string& interface) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&info);
  if (!socket || ioctl(socket.get(), SIOCETHTOOL, &request) != 0) return "";
  return {info.driver, strnlen(info.driver, sizeof info.driver)};
}

Attachment::Attachment(net::RouteReader& reader, const net::Link& link, int program, Mode wanted,
                       const std::string& directory) {
  status_.name = link.name;
  status_.ifindex = link.ifindex;
  status_.driver = driver_of(link.name);
  if (wanted == Mode::kOff) {
    refuse("switched off by [fastpath] mode");
  } else if (const std::string other = other_program(link.ifindex); !other.empty()) {
    refuse(other);
    status_.remedy = "stop what attached it (ip link set dev " + link.name +
                     " xdp off, or xdpgeneric off), or leave " + link.name + " out of [fastpath] interfaces";
  } else if (!link.ethernet) {
    refuse("not an Ethernet interface");
  } else {
    if (wanted == Mode::kGeneric) status_.reason = "generic mode was asked for by [fastpath] mode";
    const bool attached = (wanted != Mode::kGeneric && attach_native(reader, link, program)) ||
                          (wanted != Mode::kNative && attach_generic(program));
    if (attached) pin(directory);
  }
}

Attachment::~Attachment() {
  detach();
}

bool Attachment::create_link(int program, unsigned flags) {
  const LibbpfLog log;
  LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
  link_.reset(bpf_link_create(program, static_cast<int>(status_.ifindex), BPF_XDP, &options));
  return static_cast<bool>(link_);
}

bool Attachment::attach_native(net::RouteReader& reader, const net::Link& link, int program) {
  if (!create_link(program, XDP_FLAGS_DRV_MODE)) {
    refuse(native_refusal(status_.ifindex, program, errno));
  } else if (const auto probed = probe_transmit(reader, link); !probed) {
    detach();
    const bool silent = probed.error().message.find("transmits nothing") != std::string::npos;
    refuse(probed.error().message + (silent && status_.driver == "veth"
                                         ? ": the peer of this veth has neither GRO nor an XDP program"
                                         : ""));
  } else {
    status_.mode = Mode::kNative;
    return true;
  }
  status_.remedy = remedy_for(status_.driver, status_.reason, status_.name);
  return false;
}

bool Attachment::attach_generic(int program) {
  if (!create_link(program, XDP_FLAGS_SKB_MODE)) {
    const int error_number = errno;
    refuse(status_.reason + (status_.reason.empty() ? "" : "; ") +
           "the kernel refused generic XDP: " + words_of(error_number));
    return false;
  }
  status_.mode = Mode::kGeneric;
  return true;
}

void Attachment::pin(const std::string& directory) {
  std::string name = status_.name;
  std::replace(name.begin(), name.end(), '.', '-');  // bpffs takes no dots
  const std::string path = directory + "/link-" + name;
  if (bpf_obj_pin(link_.get(), path.c_str()) == 0) {
    pin_ = path;
    return;
  }
  const int error_number = errno;
  detach();
  refuse("pinning the link as " + path + ": " + words_of(error_number));
}

void Attachment::detach() {
  if (!link_) return;
  (void)bpf_link_detach(link_.get());  // closing alone detaches some time later
  link_.reset();
  if (!pin_.empty()) (void)unlink(pin_.c_str());
  pin_.clear();
}

void Attachment::refuse(const std::string& reason) {
  status_.mode = Mode::kOff;
  status_.reason = reason;
}

void Attachment::lost() {
  detach();
  refuse("the interface is gone");
  status_.remedy = "when it is back, restart turnpiked";
}

}  // namespace turnpike::fastpath
