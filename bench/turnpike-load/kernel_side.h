// SPDX-License-Identifier: Apache-2.0
//
// KernelSide: generator and sink, loaded and attached for one measurement; detached when it goes.
#pragma once

#include <memory>

#include "histogram.h"
#include "traffic.h"

struct load_bpf;
struct bpf_link;

namespace turnpike::load {

// What arrived.
struct Delivered {
  uint64_t packets = 0;
  uint64_t bytes = 0;  // of application data
};

class KernelSide {
 public:
  static Result<KernelSide> attach(const RelayOptions& options, const Traffic& traffic);

  // Makes `count` frames on this CPU, in the thread's network namespace.
  Result<void> generate(uint32_t count) const;
  Delivered delivered() const;
  Histogram delays() const;  // one-way, ns

 private:
  struct Unload {
    void operator()(load_bpf* skeleton) const;
    void operator()(bpf_link* link) const;
  };
  using Skeleton = std::unique_ptr<load_bpf, Unload>;
  using Link = std::unique_ptr<bpf_link, Unload>;

  KernelSide(Skeleton skeleton, std::vector<uint8_t> frame)
      : skeleton_(std::move(skeleton)), frame_(std::move(frame)) {}
  Result<void> write_heads(const Traffic& traffic) const;
  Result<void> write_bindings(const Traffic& traffic) const;
  Result<void> share_bindings(const RelayOptions& options) const;
  Result<void> attach_sink(const Traffic& traffic);
  Result<void> enable_transmit(const Traffic& traffic);

  Skeleton skeleton_;
  Link sink_;
  Link transmit_;
  std::vector<uint8_t> frame_;  // what every frame starts as: the largest
};

}  // namespace turnpike::load
