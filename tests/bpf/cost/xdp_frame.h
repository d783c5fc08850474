// SPDX-License-Identifier: Apache-2.0
//
// XdpFrame: a packet in memory as BPF_PROG_TEST_RUN lays it out for an XDP program, with the same room before
// and after it, and what the kernel's helpers do to it.
#pragma once

#include <linux/bpf.h>

#include <memory>

#include "../frame.h"
#include "util/result.h"

namespace turnpike::bpf_test {

class XdpFrame {
 public:
  static Result<std::unique_ptr<XdpFrame>> create();
  ~XdpFrame();
  XdpFrame(const XdpFrame&) = delete;
  XdpFrame& operator=(const XdpFrame&) = delete;

  // Replaces the frame; everything around it is zero. Frames longer than the kernel takes in one piece:
  // kInvalid.
  Result<void> put(const Octets& packet);
  Octets contents() const;
  // The program's argument. Its 32-bit fields are real addresses: the frame lies below 4 GiB.
  const xdp_md* context() const { return &context_; }
  // Whether a load or store may touch these bytes of the frame.
  bool contains(uint64_t address, uint64_t size) const;

  // Helpers: 0, or the negative errno that the kernel would give.
  int64_t adjust_head(int32_t offset);
  int64_t adjust_tail(int32_t offset);
  int64_t load_bytes(uint32_t offset, void* to, uint32_t size) const;
  int64_t store_bytes(uint32_t offset, const void* from, uint32_t size);

 private:
  explicit XdpFrame(uint8_t* page) : page_(page) {}
  uint8_t* at(uint32_t address) const { return page_ + (address - address_of_page()); }
  uint32_t address_of_page() const;
  uint8_t* page_;
  xdp_md context_{};
};

}  // namespace turnpike::bpf_test
