// SPDX-License-Identifier: Apache-2.0
#include "admin/port_set.h"

#include <charconv>

namespace turnpike::admin {

PortSet PortSet::parse(std::string_view text) {
  PortSet set;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    std::string_view part = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    uint16_t first = 0;
    const char* const end = part.data() + part.size();
    auto [next, error] = std::from_chars(part.data(), end, first);
    if (error != std::errc()) continue;
    uint16_t last = first;
    if (next != end && *next == '-' && std::from_chars(next + 1, end, last).ec != std::errc()) continue;
    set.add(first, last);
  }
  return set;
}

void PortSet::add(uint16_t first, uint16_t last) {
  for (unsigned port = first; port <= last; ++port)
    ports_.set(port);
}

bool PortSet::contains_all(uint16_t first, uint16_t last) const {
  for (unsigned port = first; port <= last; ++port)
    if (!ports_.test(port)) return false;
  return true;
}

std::string PortSet::to_string() const {
  std::string text;
  for (size_t port = 0; port < ports_.size(); ++port) {
    if (!ports_.test(port)) continue;
    const size_t first = port;
    while (port + 1 < ports_.size() && ports_.test(port + 1))
      ++port;
    if (!text.empty()) text += ',';
    text += std::to_string(first);
    if (port > first) text += '-' + std::to_string(port);
  }
  return text;
}

}  // namespace turnpike::admin
