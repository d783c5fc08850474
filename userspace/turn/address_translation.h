// SPDX-License-Identifier: Apache-2.0
//
// AddressTranslation: the 1:1 NAT between the relay addresses on the interfaces (local) and those that
// clients and peers see (external). Inside the server every address is local; it is translated where a
// client names one and where a client is told one, nowhere else.
#pragma once

#include <vector>

#include "turn/options.h"

namespace turnpike::turn {

class AddressTranslation {
 public:
  explicit AddressTranslation(std::vector<RelayAddress> addresses) : addresses_(std::move(addresses)) {}

  // Any other address comes back as it is.
  Endpoint to_local(Endpoint named) const {
    for (const RelayAddress& address : addresses_)
      if (address.external == named.address) return {address.local, named.port};
    return named;
  }
  Endpoint to_external(Endpoint inside) const { return {to_external(inside.address), inside.port}; }
  IpAddress to_external(const IpAddress& inside) const {
    for (const RelayAddress& address : addresses_)
      if (address.local == inside) return address.external;
    return inside;
  }

 private:
  std::vector<RelayAddress> addresses_;
};

}  // namespace turnpike::turn
