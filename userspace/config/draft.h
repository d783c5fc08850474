// SPDX-License-Identifier: Apache-2.0
//
// Draft: a Config while its file is read. Beside the values it keeps where each key stood, so that checks
// that compare several keys can point at a line, and all faults found so far.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace turnpike::config {

// One entry of relay.external: "public" or "public/local".
struct ExternalEntry {
  IpAddress external;
  std::optional<IpAddress> local;
};

struct Draft {
  explicit Draft(std::string file_name) : name(std::move(file_name)) {}

  std::string name;  // of the file, for messages
  Config config;
  std::vector<ExternalEntry> external;
  std::map<std::string, unsigned, std::less<>> lines;  // "listen.port" -> line

  // The line of `key`, or of the nearest thing that stands in the file: its table, else 1.
  unsigned line_of(std::string_view key) const;
  void fault(unsigned line, std::string_view message);
  // "FILE:LINE: key 'KEY': MESSAGE"
  void fault(std::string_view key, std::string_view message);
  bool has_faults() const { return !faults_.empty(); }
  // All faults in the order of their lines, joined by newlines.
  std::string faults() const;

 private:
  std::multimap<unsigned, std::string> faults_;
};

}  // namespace turnpike::config
