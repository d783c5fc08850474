// SPDX-License-Identifier: Apache-2.0
#include "config/draft.h"

namespace turnpike::config {

unsigned Draft::line_of(std::string_view key) const {
  if (const auto found = lines.find(key); found != lines.end()) return found->second;
  const auto table = lines.find(key.substr(0, key.find('.')));
  return table == lines.end() ? 1 : table->second;
}

void Draft::fault(unsigned line, std::string_view message) {
  faults_.emplace(line, name + ":" + std::to_string(line) + ": " + std::string(message));
}

void Draft::fault(std::string_view key, std::string_view message) {
  fault(line_of(key), "key '" + std::string(key) + "': " + std::string(message));
}

std::string Draft::faults() const {
  std::string text;
  for (const auto& [line, message] : faults_)
    text += (text.empty() ? "" : "\n") + message;
  return text;
}

}  // namespace turnpike::config
