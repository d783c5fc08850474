// SPDX-License-Identifier: Apache-2.0
#include "bindings.h"

namespace turnpike::load {

unsigned clients_needed(const RelayOptions& options) {
  return options.direction == Direction::kHairpin ? 2 * options.flows : options.flows;
}

std::vector<Binding> plan_bindings(const RelayOptions& options) {
  std::vector<Binding> bindings;
  bindings.reserve(options.bindings);
  for (unsigned i = 0; i < options.bindings; ++i) {
    const unsigned client = i % options.flows;
    const unsigned number = i / options.flows;
    const unsigned partner =
        options.direction == Direction::kHairpin ? options.flows + (client + number) % options.flows : 0;
    bindings.push_back({client, partner, static_cast<uint16_t>(number)});
  }
  return bindings;
}

std::vector<Binding> active_bindings(const std::vector<Binding>& all, unsigned active) {
  std::vector<Binding> chosen;
  chosen.reserve(active);
  for (uint64_t i = 0; i < active; ++i)
    chosen.push_back(all[i * all.size() / active]);
  return chosen;
}

}  // namespace turnpike::load
