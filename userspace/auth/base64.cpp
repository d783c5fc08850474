// SPDX-License-Identifier: Apache-2.0
#include "auth/base64.h"

#include <openssl/evp.h>

#include <algorithm>

namespace turnpike::auth {

std::string base64(Bytes bytes) {
  std::string text((bytes.size() + 2) / 3 * 4, '\0');
  // OpenSSL ends the text with a zero byte, which std::string has room for at data()[size()].
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                  static_cast<int>(bytes.size()));
  return text;
}

std::string base64_url(Bytes bytes) {
  std::string text = base64(bytes);
  text.resize(text.find_last_not_of('=') + 1);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

}  // namespace turnpike::auth
