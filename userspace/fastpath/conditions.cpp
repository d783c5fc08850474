// SPDX-License-Identifier: Apache-2.0
#include "fastpath/conditions.h"

#include "fastpath/ethtool.h"

namespace turnpike::fastpath {
namespace {

uint32_t program_at(const net::Link* other_end) {
  return other_end == nullptr ? 0 : other_end->native_program;
}

}  // namespace

Conditions Conditions::of_port(const net::Link& link, const net::Link* other_end, bool has_vlans, Mode mode) {
  Conditions conditions;
  conditions.carrier_downs = link.carrier_downs;
  conditions.other_end = program_at(other_end);
  conditions.hides_tags = has_vlans && strips_vlan_tags(link.name);
  if (mode == Mode::kNative) return conditions;
  conditions.up = link.up;
  conditions.mtu = link.mtu;
  // The generic program is ours when the interface carries it so.
  conditions.others_program =
      link.native_program != 0 || mode == Mode::kGeneric ? link.native_program : link.generic_program;
  conditions.features = active_features(link.name);
  return conditions;
}

Conditions Conditions::of_target(const net::Link& link, const net::Link* other_end) {
  Conditions conditions;
  conditions.carrier_downs = link.carrier_downs;
  conditions.other_end = program_at(other_end);
  conditions.others_program = link.native_program;
  return conditions;
}

}  // namespace turnpike::fastpath
