// SPDX-License-Identifier: Apache-2.0
#include "config/config.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "config/checks.h"
#include "config/keys.h"
#include "config/spelling.h"

namespace turnpike::config {

namespace {

std::string full_name(std::string_view table, std::string_view name) {
  return table.empty() ? std::string(name) : std::string(table) + "." + std::string(name);
}

bool is_table(std::string_view name) {
  return std::any_of(all_keys().begin(), all_keys().end(),
                     [&](const Key& key) { return !name.empty() && key.table == name; });
}

// What may stand in `table`: its keys, and at the top level also the tables.
std::vector<std::string> known_names(std::string_view table) {
  std::vector<std::string> names;
  for (const Key& key : all_keys()) {
    if (key.table == table) names.emplace_back(key.name);
  }
  if (!table.empty()) return names;
  for (const Key& key : all_keys()) {
    if (!key.table.empty() && std::find(names.begin(), names.end(), key.table) == names.end())
      names.emplace_back(key.table);
  }
  return names;
}

std::string unknown_key(std::string_view table, std::string_view name) {
  std::string list;
  for (const std::string& known : known_names(table))
    list += (list.empty() ? "" : ", ") + known;
  std::string message = "key '" + full_name(table, name) + "' is not known; " +
                        (table.empty() ? "the top level" : "[" + std::string(table) + "]") +
                        " knows: " + list;
  const auto near = nearest(name, known_names(table));
  return near ? message + " (did you mean '" + *near + "'?)" : message;
}

// A single value as it stands in the file, shortened.
std::string show(const toml::node& node) {
  if (node.is_table()) return "a table";
  if (node.is_array()) return "a list with other things in it";
  std::ostringstream out;
  node.visit([&](const auto& value) { out << value; });
  std::string text = out.str();
  constexpr size_t kLongest = 60;
  return text.size() > kLongest ? text.substr(0, kLongest) + "…" : text;
}

// What stands at `key`, for a message. Under [auth] anything may be a password: its type alone.
std::string got(std::string_view key, const toml::node& node) {
  const bool confidential = key == "auth" || key.starts_with("auth.");
  std::ostringstream type;
  type << node.type();
  return ", got " + (confidential ? "a value of type " + type.str() : show(node));
}

void read_table(const toml::table& table, std::string_view table_name, Draft& draft) {
  for (const auto& [toml_key, node] : table) {
    const std::string_view name = toml_key.str();
    const std::string full = full_name(table_name, name);
    const auto line = static_cast<unsigned>(toml_key.source().begin.line);
    draft.lines[full] = line;
    if (table_name.empty() && is_table(name)) {
      if (const toml::table* inner = node.as_table())
        read_table(*inner, name, draft);
      else
        draft.fault(line, "key '" + full + "': expected a table [" + full + "]" + got(full, node));
      continue;
    }
    const auto key = std::find_if(all_keys().begin(), all_keys().end(), [&](const Key& candidate) {
      return candidate.table == table_name && candidate.name == name;
    });
    if (key == all_keys().end()) {
      draft.fault(line, unknown_key(table_name, name));
    } else if (const Fault fault = key->read(node, draft)) {
      draft.fault(full, fault->message + (fault->got != nullptr ? got(full, *fault->got) : ""));
    }
  }
}

}  // namespace

Result<Config> parse(std::string_view text, const std::string& name) {
  Draft draft(name);
  try {
    read_table(toml::parse(text, name), "", draft);
  } catch (const toml::parse_error& error) {
    draft.fault(static_cast<unsigned>(error.source().begin.line), std::string("not TOML: ") + error.what());
    return fail(ErrorCode::kInvalid, draft.faults());
  }
  check_together(draft);
  if (draft.has_faults()) return fail(ErrorCode::kInvalid, draft.faults());
  return std::move(draft.config);
}

Result<Config> load(const std::string& path) {
  const std::ifstream file(path);
  if (!file.is_open())
    return fail(ErrorCode::kNotFound,
                path + ": expected a readable configuration file: " + std::strerror(errno));
  std::ostringstream text;
  text << file.rdbuf();  // of an empty file sets failbit, a failed read badbit
  if (text.bad()) return fail(ErrorCode::kInvalid, path + ": expected a readable file: reading it failed");
  return parse(text.str(), path);
}

}  // namespace turnpike::config
