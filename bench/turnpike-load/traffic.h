// SPDX-License-Identifier: Apache-2.0
//
// Traffic: the frames of a measurement, where they start, and what is counted where.
#pragma once

#include <vector>

#include "flows.h"
#include "frame.h"
#include "profile.h"

namespace turnpike::load {

struct Traffic {
  std::vector<Route> routes;  // at most LOAD_MAX_ROUTES
  std::vector<load_binding> bindings;
  SizeMix mix;
  load_form form{};
  AddressFamily family{};
  const NetNamespace* generator_netns = nullptr;
  unsigned generator_ifindex = 0;

  load_form sink_form{};
  uint16_t sink_source_port = 0;  // 0: any
  const NetNamespace* sink_netns = nullptr;
  unsigned sink_ifindex = 0;
};

// `namespaces` must outlive the result.
Result<Traffic> plan_traffic(const RelayOptions& options, const Namespaces& namespaces, const Flows& flows);

}  // namespace turnpike::load
