// SPDX-License-Identifier: Apache-2.0
#include "fastpath/link_hold.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "fastpath/libbpf_log.h"

namespace turnpike::fastpath {
namespace {

std::string words_of(int error_number) {
  return std::generic_category().message(error_number);
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

// How the program of `link` runs on the interface; kOff when it does not: a link outlives its interface, and
// the index may be another's since, or mean another in an other network namespace.
Mode mode_of(int link, unsigned ifindex) {
  bpf_link_info info{};
  uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(link, &info, &size) != 0) return Mode::kOff;
  if (info.type != BPF_LINK_TYPE_XDP || info.xdp.ifindex != ifindex) return Mode::kOff;
  LIBBPF_OPTS(bpf_xdp_query_opts, query);
  if (bpf_xdp_query(static_cast<int>(ifindex), 0, &query) != 0) return Mode::kOff;
  if (query.drv_prog_id == info.prog_id) return Mode::kNative;
  return query.skb_prog_id == info.prog_id ? Mode::kGeneric : Mode::kOff;
}

}  // namespace

Result<std::unique_ptr<Hold>> LinkHold::create(unsigned ifindex, const AttachOptions& options, Mode mode) {
  const LibbpfLog log;
  LIBBPF_OPTS(bpf_link_create_opts, how,
              .flags = mode == Mode::kNative ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
  UniqueFd link(bpf_link_create(options.program, static_cast<int>(ifindex), BPF_XDP, &how));
  if (link) return std::make_unique<LinkHold>(ifindex, std::move(link), mode, options.directory, false);
  const int error_number = errno;
  return fail(ErrorCode::kUnsupported, mode == Mode::kNative
                                           ? native_refusal(ifindex, options.program, error_number)
                                           : "the kernel refused generic XDP: " + words_of(error_number));
}

std::unique_ptr<Hold> LinkHold::take_over(unsigned ifindex, const AttachOptions& options) {
  const LibbpfLog log;
  UniqueFd link(bpf_obj_get(pin_of(options.directory, kPrefix, ifindex).c_str()));
  if (!link) return nullptr;
  const Mode mode = mode_of(link.get(), ifindex);
  if (mode == Mode::kOff || bpf_link_update(link.get(), options.program, nullptr) != 0) return nullptr;
  return std::make_unique<LinkHold>(ifindex, std::move(link), mode, options.directory, true);
}

void LinkHold::discard(unsigned ifindex, const std::string& directory) {
  const LibbpfLog log;
  const std::string path = pin_of(directory, kPrefix, ifindex);
  const UniqueFd link(bpf_obj_get(path.c_str()));
  if (!link) return;
  (void)bpf_link_detach(link.get());
  (void)unlink(path.c_str());
}

LinkHold::LinkHold(unsigned ifindex, UniqueFd link, Mode mode, const std::string& directory, bool pinned)
    : link_(std::move(link)), mode_(mode), path_(pin_of(directory, kPrefix, ifindex)), pinned_(pinned) {}

LinkHold::~LinkHold() {
  if (kept()) return;
  const LibbpfLog log;
  (void)bpf_link_detach(link_.get());  // closing alone detaches some time later
  (void)unlink(path_.c_str());
}

Result<void> LinkHold::pin() {
  if (pinned_) return {};  // without the pin, even for a moment, a crash would detach it
  auto result = pin_object(link_.get(), path_);
  pinned_ = result.has_value();
  return result;
}

}  // namespace turnpike::fastpath
