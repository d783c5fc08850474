// SPDX-License-Identifier: Apache-2.0
//
// Result<T>: a value or an Error. Nothing of ours throws across a function that returns one.
//
//   Result<Config> load(path);
//   auto config = load(path);
//   if (!config) return forward(config);          // pass the error on
//   return fail(ErrorCode::kInvalid, "...");      // make one
//
// A message says what was expected, what came, and what to do about it.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace turnpike {

enum class ErrorCode : uint8_t {
  kInvalid,      // the input breaks a rule; the same input fails again
  kNotFound,     // what was named does not exist
  kInUse,        // a port, address, lock or hook belongs to somebody else
  kPermission,   // the process lacks a privilege
  kUnsupported,  // this kernel, driver or build cannot do it
  kExhausted,    // a limit or a table is full
  kSystem,       // the operating system refused for another reason
};

struct Error {
  ErrorCode code = ErrorCode::kSystem;
  std::string message;
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

// The errno of a failed call as an Error: "CONTEXT: strerror (errno N)". Privilege errors become
// kPermission, EADDRINUSE, EBUSY and EEXIST become kInUse, ENOENT kNotFound, the rest kSystem.
tl::unexpected<Error> fail_errno(int error_number, std::string context);

template <class T>
tl::unexpected<Error> forward(const Result<T>& failed) {
  return tl::unexpected<Error>(failed.error());
}

}  // namespace turnpike
