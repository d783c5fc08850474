// SPDX-License-Identifier: Apache-2.0
#include "turnpikectl/context.h"

#include <cstdio>

namespace turnpike::ctl {

void print_text(const std::string& text) {
  (void)std::fwrite(text.data(), 1, text.size(), stdout);
}

void print_json(const Json& json) {
  print_text(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

void print_error(const std::string& message) {
  (void)std::fprintf(stderr, "turnpikectl: %s\n", message.c_str());
}

void print_json_line(const Json& json) {
  print_text(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  (void)std::fflush(stdout);
}

void print_unexpected(const std::string& verb, const Json::exception& unexpected) {
  print_error("the relay's answer to '" + verb + "' has another form than expected (" + unexpected.what() +
              "); are turnpiked and turnpikectl of one version? --json shows it");
}

std::optional<admin::ControlClient> connect(const Context& context) {
  auto client = admin::ControlClient::connect(context.socket);
  if (client) return std::move(*client);
  const Error& error = client.error();
  const char* advice =
      error.code == ErrorCode::kNotFound     ? " (is turnpiked running? another socket: --socket)"
      : error.code == ErrorCode::kPermission ? " (the socket is its owner's alone: sudo turnpikectl)"
                                             : "";
  print_error(error.message + advice);
  return std::nullopt;
}

int ask_and_print(const Context& context, const admin::Request& request, Render render) {
  auto client = connect(context);
  if (!client) return kNoRelay;
  const auto answer = client->ask(request);
  if (!answer) {
    print_error(answer.error().message);
    return kRefused;
  }
  if (context.json) {
    print_json(*answer);
    return kOk;
  }
  try {
    print_text(render(*answer));
  } catch (const Json::exception& unexpected) {
    print_unexpected(request.verb, unexpected);
    return kRefused;
  }
  return kOk;
}

}  // namespace turnpike::ctl
