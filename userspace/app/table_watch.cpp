// SPDX-License-Identifier: Apache-2.0
#include "app/table_watch.h"

#include <map>

namespace turnpike::app {

namespace {

constexpr uint64_t kWarnPercent = 90;

std::string remedy(const std::string& table) {
  static const std::map<std::string, std::string> kKeys = {{"bindings", "fastpath.max_bindings"},
                                                           {"flows", "fastpath.max_bindings"},
                                                           {"allocations", "limits.allocations"},
                                                           {"users", "limits.allocations"}};
  const auto key = kKeys.find(table);
  return key == kKeys.end() ? "" : "; raise " + key->second + " and restart without --keep";
}

}  // namespace

std::vector<std::string> full_tables(const std::vector<fastpath::TableUse>& tables) {
  std::vector<std::string> lines;
  for (const fastpath::TableUse& table : tables) {
    if (table.size == 0 || table.used * 100 < table.size * kWarnPercent) continue;
    lines.push_back("the fast path's table " + table.name + " is " +
                    std::to_string(table.used * 100 / table.size) + " % full (" + std::to_string(table.used) +
                    " of " + std::to_string(table.size) + ", " + std::to_string(table.refused) +
                    " refused so far); what finds no place takes the slow path" + remedy(table.name));
  }
  return lines;
}

}  // namespace turnpike::app
