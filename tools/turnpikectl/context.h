// SPDX-License-Identifier: Apache-2.0
//
// Context: what every verb gets from the command line, and how it asks the relay and prints.
#pragma once

#include <optional>
#include <string>

#include "admin/control_client.h"
#include "admin/control_protocol.h"

namespace turnpike::ctl {

using admin::Json;

// Exit statuses.
inline constexpr int kOk = 0;
inline constexpr int kRefused = 1;  // the relay's or our own "no"; a check that failed
inline constexpr int kNoRelay = 2;
inline constexpr int kUsage = 2;  // the command line

struct Context {
  std::string socket = admin::kDefaultSocket;
  bool json = false;
};

// Without a relay nullopt, after the error was printed: kNoRelay.
std::optional<admin::ControlClient> connect(const Context& context);

// What a verb prints for people. May throw Json::exception on an answer of another form.
using Render = std::string (*)(const Json& answer);

// Asks the relay and prints its answer, or the error to stderr. An exit status.
int ask_and_print(const Context& context, const admin::Request& request, Render render);

void print_text(const std::string& text);
void print_json(const Json& json);
// For a reader of lines: all on one, and at once.
void print_json_line(const Json& json);
// "turnpikectl: MESSAGE" to stderr.
void print_error(const std::string& message);
// That the relay's answer to `verb` is not what this program knows.
void print_unexpected(const std::string& verb, const Json::exception& unexpected);

}  // namespace turnpike::ctl
