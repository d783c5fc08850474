// SPDX-License-Identifier: Apache-2.0
//
// Base64 texts (RFC 4648) as credentials and nonces use them. Encoding by OpenSSL.
#pragma once

#include <string>

#include "util/bytes.h"

namespace turnpike::auth {

std::string base64(Bytes bytes);      // §4: '+', '/', padded with '='
std::string base64_url(Bytes bytes);  // §5: '-', '_', not padded: safe in URLs, shells and TOML

}  // namespace turnpike::auth
