// SPDX-License-Identifier: Apache-2.0
//
// Readers: one function for each kind of value a key can have. Each checks the TOML value, stores it in the
// Draft, and otherwise says what was expected and what came. A key is one row of such a reader (keys.cpp).
#pragma once

#include <toml++/toml.h>

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/draft.h"

namespace turnpike::config {

// What is wrong with a value: "expected …". `got`, where it helps, is what came instead; it is not in the
// text, because whether it may be shown is for who knows the key to say.
struct Mismatch {
  Mismatch(std::string text, const toml::node* came = nullptr) : message(std::move(text)), got(came) {}
  std::string message;
  const toml::node* got;
};
using Fault = std::optional<Mismatch>;  // nullopt when the value was stored
using Reader = std::function<Fault(const toml::node&, Draft&)>;

template <class T>
using Field = std::function<T&(Draft&)>;

template <class T>
Field<T> field(T Config::*member) {
  return [member](Draft& draft) -> T& { return draft.config.*member; };
}
template <class T, class Section>
Field<T> field(Section Config::*section, T Section::*member) {
  return [section, member](Draft& draft) -> T& { return draft.config.*section.*member; };
}

Fault expected(const std::string& what, const toml::node& got);

Reader absolute_path(Field<std::string> target, size_t longest);
Reader flag(Field<bool> target);
Reader choice(Field<std::string> target, std::initializer_list<std::string> allowed);
Reader seconds(Field<Seconds> target, int64_t least, int64_t most);
Reader milliseconds(Field<std::chrono::milliseconds> target, int64_t least, int64_t most);
Reader addresses(Field<std::vector<IpAddress>> target);
Reader prefixes(Field<std::vector<Prefix>> target);
Reader texts(Field<std::vector<std::string>> target, std::string what, size_t shortest, size_t longest);

// Readers of one key's own form.
Reader realm();           // realm
Reader port_range();      // relay.ports
Reader external();        // relay.external
Reader user_passwords();  // auth.users

// A rate or quota: 0 for none, or at least `least`.
Reader limit(Field<uint64_t> target, int64_t least);

// One of the texts in `allowed`, each with what it means.
template <class Value>
Reader meaning(Field<Value> target, std::vector<std::pair<std::string, Value>> allowed) {
  return [target, allowed = std::move(allowed)](const toml::node& node, Draft& draft) -> Fault {
    const auto text = node.value_exact<std::string>();
    std::string list;
    for (const auto& [name, value] : allowed) {
      if (text == name) {
        target(draft) = value;
        return std::nullopt;
      }
      list += (list.empty() ? "\"" : ", \"") + name + "\"";
    }
    return expected("one of " + list, node);
  };
}

template <class Number>
Reader number(Field<Number> target, int64_t least, int64_t most) {
  return [=](const toml::node& node, Draft& draft) -> Fault {
    const auto value = node.value_exact<int64_t>();
    if (!value || *value < least || *value > most)
      return expected("a number from " + std::to_string(least) + " to " + std::to_string(most), node);
    target(draft) = static_cast<Number>(*value);
    return std::nullopt;
  };
}

}  // namespace turnpike::config
