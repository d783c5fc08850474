// SPDX-License-Identifier: Apache-2.0
//
// KernelSide: the generator's XDP programs, loaded and attached for one measurement; detached when it goes.
#pragma once

#include <memory>

#include "flows.h"

struct load_bpf;
struct bpf_link;

namespace turnpike::load {

class KernelSide {
 public:
  // With Direction::kForward also puts the bare redirect in the relay's place.
  static Result<KernelSide> attach(const Options& options, const Namespaces& namespaces, const Flows& flows);

  // Makes `count` frames on this CPU, in the thread's network namespace.
  Result<void> generate(uint32_t count) const;
  uint64_t delivered() const;

 private:
  struct Unload {
    void operator()(load_bpf* skeleton) const;
    void operator()(bpf_link* link) const;
  };
  using Skeleton = std::unique_ptr<load_bpf, Unload>;
  using Link = std::unique_ptr<bpf_link, Unload>;

  KernelSide(Skeleton skeleton, std::vector<uint8_t> frame)
      : skeleton_(std::move(skeleton)), frame_(std::move(frame)) {}
  Result<void> attach_forward(const Options& options, const Namespaces& namespaces);
  Result<void> attach_sink(const Flows& flows);
  Result<void> write_templates(const Flows& flows) const;

  Skeleton skeleton_;
  Link sink_;
  Link forward_;
  std::vector<uint8_t> frame_;
};

}  // namespace turnpike::load
