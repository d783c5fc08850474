// SPDX-License-Identifier: Apache-2.0
//
// The command line of turnpike-load.
#pragma once

#include <string>
#include <variant>

#include "options.h"

namespace turnpike::load {

using Command = std::variant<RelayOptions, AllocateOptions, HoldOptions>;

// What came of reading it: a command to run, or a text to end with (help, or what was wrong).
struct CommandLine {
  Command command;
  int exit_status = 0;
  bool run = false;
  std::string message;  // when `run` is false
};

CommandLine read_command_line(int argc, const char* const* argv);

}  // namespace turnpike::load
