// SPDX-License-Identifier: Apache-2.0
//
// PortSet: the text of net.ipv4.ip_local_reserved_ports, "3478,49152-65535", as a set.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>

namespace turnpike::admin {

class PortSet {
 public:
  // Parts that are neither a port nor a range are skipped: the kernel writes none.
  static PortSet parse(std::string_view text);

  void add(uint16_t first, uint16_t last);  // inclusive
  bool contains_all(uint16_t first, uint16_t last) const;
  std::string to_string() const;  // shortest form, ascending; empty for none

 private:
  std::bitset<65536> ports_;
};

}  // namespace turnpike::admin
