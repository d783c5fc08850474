// SPDX-License-Identifier: Apache-2.0
#include "xdp_frame.h"

#include <linux/if_ether.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "../world.h"

namespace turnpike::bpf_test {
namespace {

// net/bpf/test_run.c: a page, with XDP_PACKET_HEADROOM before the packet and struct skb_shared_info after it.
constexpr uint32_t kPage = 4096;
constexpr uint32_t kHeadroom = 256;
constexpr uint32_t kTailroom = 320;
constexpr uint32_t kStruct = 40;  // struct xdp_frame, at the start of the page

}  // namespace

Result<std::unique_ptr<XdpFrame>> XdpFrame::create() {
  void* page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (page == MAP_FAILED) return fail_errno(errno, "mapping a page below 4 GiB for a frame");
  return std::unique_ptr<XdpFrame>(new XdpFrame(static_cast<uint8_t*>(page)));
}

XdpFrame::~XdpFrame() {
  munmap(page_, kPage);
}

uint32_t XdpFrame::address_of_page() const {
  return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(page_));
}

Result<void> XdpFrame::put(const Octets& packet) {
  constexpr uint32_t kLongest = kPage - kHeadroom - kTailroom;
  if (packet.size() < ETH_HLEN || packet.size() > kLongest)
    return fail(ErrorCode::kInvalid, "expected a frame of " + std::to_string(ETH_HLEN) + " to " +
                                         std::to_string(kLongest) + " bytes, got " +
                                         std::to_string(packet.size()));
  std::memset(page_, 0, kPage);
  std::copy(packet.begin(), packet.end(), page_ + kHeadroom);
  context_ = {};
  context_.data = context_.data_meta = address_of_page() + kHeadroom;
  context_.data_end = context_.data + static_cast<uint32_t>(packet.size());
  context_.ingress_ifindex = kIngress;
  return {};
}

Octets XdpFrame::contents() const {
  return {at(context_.data), at(context_.data_end)};
}

bool XdpFrame::contains(uint64_t address, uint64_t size) const {
  return address >= context_.data && address <= context_.data_end && size <= context_.data_end - address;
}

int64_t XdpFrame::adjust_head(int32_t offset) {
  const int64_t data = int64_t{context_.data} + offset;
  if (data < int64_t{address_of_page()} + kStruct || data > int64_t{context_.data_end} - ETH_HLEN)
    return -EINVAL;
  context_.data = context_.data_meta = static_cast<uint32_t>(data);
  return 0;
}

int64_t XdpFrame::adjust_tail(int32_t offset) {
  const int64_t end = int64_t{context_.data_end} + offset;
  if (end > int64_t{address_of_page()} + kPage - kTailroom || end < int64_t{context_.data} + ETH_HLEN)
    return -EINVAL;
  if (offset > 0) std::memset(at(context_.data_end), 0, static_cast<size_t>(offset));
  context_.data_end = static_cast<uint32_t>(end);
  return 0;
}

int64_t XdpFrame::load_bytes(uint32_t offset, void* to, uint32_t size) const {
  if (!contains(uint64_t{context_.data} + offset, size)) return -EINVAL;
  std::memcpy(to, at(context_.data) + offset, size);
  return 0;
}

int64_t XdpFrame::store_bytes(uint32_t offset, const void* from, uint32_t size) {
  if (!contains(uint64_t{context_.data} + offset, size)) return -EINVAL;
  std::memcpy(at(context_.data) + offset, from, size);
  return 0;
}

}  // namespace turnpike::bpf_test
