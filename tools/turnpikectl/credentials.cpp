// SPDX-License-Identifier: Apache-2.0
#include "turnpikectl/credentials.h"

#include "turnpikectl/table.h"
#include "turnpikectl/units.h"

namespace turnpike::ctl {

std::string render_credentials(const Json& credentials) {
  const auto text = [&credentials](const char* key) { return credentials.at(key).get<std::string>(); };
  Table table = Table::plain(2);
  for (const Json& uri : credentials.at("uris"))
    table.add({"uri", uri.get<std::string>()});
  table.add({"username", text("username")});
  table.add({"password", text("password")});
  table.add({"realm", text("realm")});
  table.add({"valid", format_duration(credentials.at("lifetime_s").get<int64_t>()) + ", until " +
                          format_utc(credentials.at("expires").get<int64_t>())});
  return table.to_string();
}

int run_credentials(const Context& context, const std::string& id, std::optional<int64_t> lifetime_seconds) {
  admin::Request request{.verb = "credentials"};
  if (!id.empty()) request.args["id"] = id;
  if (lifetime_seconds) request.args["lifetime"] = *lifetime_seconds;
  return ask_and_print(context, request, render_credentials);
}

}  // namespace turnpike::ctl
