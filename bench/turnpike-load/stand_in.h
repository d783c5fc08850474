// SPDX-License-Identifier: Apache-2.0
//
// StandIn: the bare XDP program that forwards in a relay's place, for kForward and kForwardFib.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "flows.h"

struct forward_bpf;
struct bpf_link;

namespace turnpike::load {

class StandIn {
 public:
  // On the relay namespace's interface that has --relay's address; what is detached, and set back, with it.
  static Result<StandIn> attach(const RelayOptions& options, const Namespaces& namespaces);
  StandIn(StandIn&& other) noexcept = default;
  ~StandIn();

 private:
  struct Unload {
    void operator()(forward_bpf* skeleton) const;
    void operator()(bpf_link* link) const;
  };
  explicit StandIn(const NetNamespace& netns) : netns_(netns) {}
  Result<void> load(const RelayOptions& options);
  // bpf_fib_lookup() answers only on interfaces that forward.
  Result<void> allow_forwarding(const std::string& interface, AddressFamily family);

  const NetNamespace& netns_;
  std::unique_ptr<forward_bpf, Unload> skeleton_;
  std::unique_ptr<bpf_link, Unload> link_;
  std::string switched_on_;  // the sysctl to set back
};

}  // namespace turnpike::load
