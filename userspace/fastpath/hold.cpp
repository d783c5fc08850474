// SPDX-License-Identifier: Apache-2.0
#include "fastpath/hold.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>

#include "fastpath/libbpf_log.h"
#include "util/fd.h"

namespace turnpike::fastpath {

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

std::string pin_of(const std::string& directory, const std::string& prefix, unsigned ifindex) {
  return directory + "/" + prefix + "-" + std::to_string(ifindex);
}

std::vector<unsigned> pinned_interfaces(const std::string& directory, const std::string& prefix) {
  std::vector<unsigned> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    const std::string name = entry.path().filename();
    if (name.rfind(prefix + "-", 0) != 0) continue;
    unsigned ifindex = 0;
    const char* const end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + prefix.size() + 1, end, ifindex);
    if (parsed.ec == std::errc() && parsed.ptr == end) found.push_back(ifindex);
  }
  return found;
}

Result<void> pin_object(int fd, const std::string& path) {
  (void)unlink(path.c_str());
  const LibbpfLog log;
  if (bpf_obj_pin(fd, path.c_str()) == 0) return {};
  return fail_errno(errno, "pinning " + path);
}

}  // namespace turnpike::fastpath
