// SPDX-License-Identifier: Apache-2.0
//
// StateDir: the directory (mode 0700) with what outlives the process. Locked while this object lives, so that
// two daemons never share one.
#pragma once

#include <functional>
#include <string>

#include "util/fd.h"
#include "util/result.h"

namespace turnpike::app {

class StateDir {
 public:
  // Makes `path` and its parents where absent. kInUse: another process holds it.
  static Result<StateDir> open(const std::string& path);

  // The line in file `name` (mode 0600). Where there is none, `make` gives the line and it is written, whole
  // or not at all.
  Result<std::string> keep(const std::string& name, const std::function<std::string()>& make) const;

  // The text in file `name`; empty when there is none.
  Result<std::string> read(const std::string& name) const;
  // Whole or not at all.
  Result<void> write(const std::string& name, const std::string& text) const;

 private:
  StateDir(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  UniqueFd lock_;
};

}  // namespace turnpike::app
