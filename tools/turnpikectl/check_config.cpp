// SPDX-License-Identifier: Apache-2.0
#include "turnpikectl/check_config.h"

#include "turnpikectl/table.h"

namespace turnpike::ctl {
namespace {

template <class Things>
Json texts_of(const Things& things) {
  Json list = Json::array();
  for (const auto& thing : things)
    list.push_back(thing.to_string());
  return list;
}

const char* name_of(config::FastPathMode mode) {
  switch (mode) {
    case config::FastPathMode::kAuto:
      return "auto";
    case config::FastPathMode::kNative:
      return "native";
    case config::FastPathMode::kGeneric:
      return "generic";
    case config::FastPathMode::kOff:
      break;
  }
  return "off";
}

Json external_of(const config::Relay& relay) {
  Json list = Json::array();
  for (const auto& [local, external] : relay.external)
    list.push_back(external.to_string() + "/" + local.to_string());
  return list;
}

Json user_names(const config::Auth& auth) {
  Json names = Json::array();
  for (const auto& [name, password] : auth.users)
    names.push_back(name);
  return names;
}

std::string value_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const Json& item : value)
    text += (text.empty() ? "" : ", ") + item.get<std::string>();
  return text.empty() ? "-" : text;
}

}  // namespace

Json settings_of(const config::Config& config) {
  const auto ports = std::to_string(config.relay.first_port) + "-" + std::to_string(config.relay.last_port);
  return {
      {"realm", config.realm},
      {"state_dir", config.state_dir},
      {"workers", config.workers},
      {"strict_channels", config.strict_channels},
      {"listen", {{"addresses", texts_of(config.listen.addresses)}, {"port", config.listen.port}}},
      {"relay",
       {{"addresses", texts_of(config.relay.addresses)},
        {"ports", ports},
        {"external", external_of(config.relay)}}},
      {"fastpath",
       {{"mode", name_of(config.fastpath.mode)},
        {"interfaces", config.fastpath.interfaces},
        {"bpffs", config.fastpath.bpffs},
        {"max_bindings", config.fastpath.max_bindings}}},
      {"auth",
       {{"users", user_names(config.auth)},
        {"secrets", config.auth.secrets.size()},
        {"nonce_lifetime", config.auth.nonce_lifetime.count()}}},
      {"peers", {{"allow", texts_of(config.peers.allow)}, {"deny", texts_of(config.peers.deny)}}},
      {"limits",
       {{"allocations", config.limits.allocations},
        {"allocations_per_user", config.limits.allocations_per_user},
        {"permissions", config.limits.permissions},
        {"channels", config.limits.channels},
        {"default_lifetime", config.limits.default_lifetime.count()},
        {"max_lifetime", config.limits.max_lifetime.count()}}},
      {"admin", {{"socket", config.admin.socket}}},
      {"log",
       {{"level", config.log.level}, {"format", config.log.format}, {"addresses", config.log.addresses}}},
  };
}

std::string render_settings(const Json& settings) {
  Table table = Table::plain(2, 2);
  for (const auto& [key, value] : settings.items()) {
    if (!value.is_object()) {
      table.add({key, value_text(value)});
      continue;
    }
    for (const auto& [inner, setting] : value.items())
      table.add({key + "." + inner, value_text(setting)});
  }
  return table.to_string();
}

int run_check_config(const Context& context, const std::string& file) {
  const auto config = config::load(file);
  if (!config) {
    if (context.json) {
      print_json({{"file", file}, {"ok", false}, {"faults", config.error().message}});
    } else {
      print_text(config.error().message + "\n");
    }
    return kRefused;
  }
  const Json settings = settings_of(*config);
  if (context.json) {
    print_json({{"file", file}, {"ok", true}, {"settings", settings}});
  } else {
    print_text(file + ": ok\n" + render_settings(settings));
  }
  return kOk;
}

}  // namespace turnpike::ctl
