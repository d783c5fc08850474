// SPDX-License-Identifier: Apache-2.0
#include "config/readers.h"

#include <algorithm>

#include "util/credential_limits.h"

namespace turnpike::config {

namespace {

bool has_control_characters(std::string_view value) {
  return std::any_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

// A list of texts; a single text counts as a list of one.
std::optional<std::vector<std::string>> list_of_texts(const toml::node& node) {
  if (const auto single = node.value_exact<std::string>()) return std::vector{*single};
  const toml::array* array = node.as_array();
  if (array == nullptr) return std::nullopt;
  std::vector<std::string> list;
  for (const toml::node& element : *array) {
    const auto value = element.value_exact<std::string>();
    if (!value) return std::nullopt;
    list.push_back(*value);
  }
  return list;
}

// Reads a list by `parse_one`, a function from text to Result<T>; refuses what stands twice.
template <class T, class ParseOne>
Fault read_list(const toml::node& node, std::vector<T>& target, const std::string& what, ParseOne parse_one) {
  const auto list = list_of_texts(node);
  if (!list) return expected("a list of " + what, node);
  std::vector<T> values;
  for (const std::string& element : *list) {
    Result<T> value = parse_one(element);
    if (!value) return "expected a list of " + what + ": " + value.error().message;
    // By number: an element may be a secret.
    if (std::find(values.begin(), values.end(), *value) != values.end())
      return "entry " + std::to_string(values.size() + 1) + " repeats an earlier one; name each once";
    values.push_back(std::move(*value));
  }
  target = std::move(values);
  return std::nullopt;
}

Result<IpAddress> parse_own_address(const std::string& element) {
  Result<IpAddress> address = IpAddress::parse(element);
  if (address && address->is_unspecified())
    return fail(ErrorCode::kInvalid,
                "'" + element + "' is a wildcard; name the addresses, or leave the key out");
  return address;
}

Result<ExternalEntry> parse_external(const std::string& element) {
  const size_t slash = element.find('/');
  auto outside = IpAddress::parse(std::string_view(element).substr(0, slash));
  if (!outside) return forward(outside);
  ExternalEntry entry{*outside, std::nullopt};
  if (slash != std::string::npos) {
    auto local = IpAddress::parse(std::string_view(element).substr(slash + 1));
    if (!local) return forward(local);
    if (local->family() != outside->family())
      return fail(ErrorCode::kInvalid, "'" + element + "' pairs addresses of two families");
    entry.local = *local;
  }
  return entry;
}

std::optional<uint16_t> parse_port(std::string_view digits) {
  if (digits.empty() || digits.size() > 5) return std::nullopt;
  unsigned value = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(digit - '0');
  }
  if (value == 0 || value > 65535) return std::nullopt;
  return static_cast<uint16_t>(value);
}

}  // namespace

Fault expected(const std::string& what, const toml::node& got) {
  return Mismatch("expected " + what, &got);
}

Reader absolute_path(Field<std::string> target, size_t longest) {
  return [=](const toml::node& node, Draft& draft) -> Fault {
    const auto value = node.value_exact<std::string>();
    if (!value || !value->starts_with('/') || value->size() > longest || has_control_characters(*value))
      return expected("an absolute path of at most " + std::to_string(longest) + " bytes", node);
    target(draft) = *value;
    return std::nullopt;
  };
}

Reader flag(Field<bool> target) {
  return [=](const toml::node& node, Draft& draft) -> Fault {
    const auto value = node.value_exact<bool>();
    if (!value) return expected("true or false", node);
    target(draft) = *value;
    return std::nullopt;
  };
}

Reader choice(Field<std::string> target, std::initializer_list<std::string> allowed) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& one : allowed)
    pairs.emplace_back(one, one);
  return meaning(std::move(target), std::move(pairs));
}

Reader seconds(Field<Seconds> target, int64_t least, int64_t most) {
  return [=](const toml::node& node, Draft& draft) -> Fault {
    const auto value = node.value_exact<int64_t>();
    if (!value || *value < least || *value > most)
      return expected(std::to_string(least) + " to " + std::to_string(most) + " seconds, as a number", node);
    target(draft) = Seconds(*value);
    return std::nullopt;
  };
}

Reader milliseconds(Field<std::chrono::milliseconds> target, int64_t least, int64_t most) {
  return [=](const toml::node& node, Draft& draft) -> Fault {
    const auto value = node.value_exact<int64_t>();
    if (!value || *value < least || *value > most)
      return expected(std::to_string(least) + " to " + std::to_string(most) + " milliseconds, as a number",
                      node);
    target(draft) = std::chrono::milliseconds(*value);
    return std::nullopt;
  };
}

Reader limit(Field<uint64_t> target, int64_t least) {
  return [=](const toml::node& node, Draft& draft) -> Fault {
    // TOML's numbers end at 2^63; what is more than 10^15 (8 petabit/s) is a slip of the hand.
    constexpr int64_t kMost = 1'000'000'000'000'000;
    const auto value = node.value_exact<int64_t>();
    if (!value || (*value != 0 && *value < least) || *value < 0 || *value > kMost)
      return expected(
          "0 for no limit, or a number from " + std::to_string(least) + " to " + std::to_string(kMost), node);
    target(draft) = static_cast<uint64_t>(*value);
    return std::nullopt;
  };
}

Reader addresses(Field<std::vector<IpAddress>> target) {
  return [=](const toml::node& node, Draft& draft) {
    return read_list(node, target(draft), "addresses like \"192.0.2.1\"", parse_own_address);
  };
}

Reader prefixes(Field<std::vector<Prefix>> target) {
  return [=](const toml::node& node, Draft& draft) {
    return read_list(node, target(draft), "address ranges like \"192.0.2.0/24\"",
                     [](const std::string& element) { return Prefix::parse(element); });
  };
}

Reader texts(Field<std::vector<std::string>> target, std::string what, size_t shortest, size_t longest) {
  return [=](const toml::node& node, Draft& draft) {
    return read_list(node, target(draft), what, [=](const std::string& element) -> Result<std::string> {
      if (element.size() < shortest || element.size() > longest || has_control_characters(element))
        return fail(ErrorCode::kInvalid, "one has " + std::to_string(element.size()) +
                                             " bytes or a control character; " + std::to_string(shortest) +
                                             " to " + std::to_string(longest) +
                                             " printable ones are allowed");
      return element;
    });
  };
}

Reader realm() {
  return [](const toml::node& node, Draft& draft) -> Fault {
    const auto value = node.value_exact<std::string>();
    if (!value || value->empty() || value->size() > kMaxRealm || has_control_characters(*value))
      return expected("a text of 1 to " + std::to_string(kMaxRealm) +
                          " bytes without control characters (more would make the answer to a stranger's "
                          "request longer than three times the request)",
                      node);
    draft.config.realm = *value;
    return std::nullopt;
  };
}

Reader port_range() {
  return [](const toml::node& node, Draft& draft) -> Fault {
    const auto value = node.value_exact<std::string>();
    const size_t dash = value ? value->find('-') : std::string::npos;
    if (dash == std::string::npos) return expected("a range like \"49152-65535\"", node);
    const auto first = parse_port(std::string_view(*value).substr(0, dash));
    const auto last = parse_port(std::string_view(*value).substr(dash + 1));
    if (!first || !last) return expected("two ports from 1 to 65535 as \"49152-65535\"", node);
    if (*first > *last) return expected("the lower port first", node);
    draft.config.relay.first_port = *first;
    draft.config.relay.last_port = *last;
    return std::nullopt;
  };
}

Reader external() {
  return [](const toml::node& node, Draft& draft) -> Fault {
    const auto list = list_of_texts(node);
    if (!list) return expected("\"PUBLIC\", or a list of \"PUBLIC/LOCAL\"", node);
    for (const std::string& element : *list) {
      auto entry = parse_external(element);
      if (!entry) return "expected \"PUBLIC\" or \"PUBLIC/LOCAL\": " + entry.error().message;
      draft.external.push_back(*entry);
    }
    return std::nullopt;
  };
}

Reader user_passwords() {
  return [](const toml::node& node, Draft& draft) -> Fault {
    const toml::table* table = node.as_table();
    if (table == nullptr) return expected("a table of NAME = \"PASSWORD\"", node);
    for (const auto& [key, value] : *table) {
      const std::string_view name = key.str();
      // RFC 8489 §9.2.2 joins name, realm and password with ':'; timed names of the REST form hold one. What
      // follows it may be a password in the wrong place.
      const size_t colon = name.find(':');
      if (!is_well_formed_username(name) || colon != name.npos)
        return "user '" + std::string(name.substr(0, std::min(colon, size_t{60}))) +
               "': expected a name of 1 to " + std::to_string(kMaxUsername) +
               " bytes without ':' and control characters";
      const auto password = value.value_exact<std::string>();
      if (!password || password->empty())
        return "user '" + std::string(name) + "': expected a password as a text that is not empty";
      draft.config.auth.users[std::string(name)] = *password;
    }
    return std::nullopt;
  };
}

}  // namespace turnpike::config
