// SPDX-License-Identifier: Apache-2.0
#include "util/result.h"

#include <cerrno>
#include <system_error>

namespace turnpike {
namespace {

ErrorCode code_of(int error_number) {
  switch (error_number) {
    case EPERM:
    case EACCES:
      return ErrorCode::kPermission;
    case EADDRINUSE:
    case EBUSY:
    case EEXIST:
      return ErrorCode::kInUse;
    case ENOENT:
    case ENODEV:
      return ErrorCode::kNotFound;
    case EOPNOTSUPP:
    case ENOSYS:
      return ErrorCode::kUnsupported;
    case ENOSPC:
    case E2BIG:
    case EMFILE:
    case ENFILE:
      return ErrorCode::kExhausted;
    default:
      return ErrorCode::kSystem;
  }
}

}  // namespace

tl::unexpected<Error> fail_errno(int error_number, std::string context) {
  context +=
      ": " + std::generic_category().message(error_number) + " (errno " + std::to_string(error_number) + ")";
  return fail(code_of(error_number), std::move(context));
}

}  // namespace turnpike
