// SPDX-License-Identifier: Apache-2.0
//
// Frames: a UDP datagram as it stands on an Ethernet. What differs from binding to binding (ports, channel or
// peer's port, checksum, time) is zero in the frame built here; load.bpf.c fills it in.
#pragma once

#include <vector>

#include "load_abi.h"
#include "net/rtnetlink.h"
#include "util/endpoint.h"

namespace turnpike::load {

// Between which addresses frames go.
struct Route {
  net::MacAddress source_mac{};
  net::MacAddress destination_mac{};
  IpAddress source;  // all of one family
  IpAddress destination;
  IpAddress peer;  // in XOR-PEER-ADDRESS of a Send indication
  bool operator==(const Route&) const = default;
};

// Where in a frame things are, in bytes; the same for all frames of one family and form.
struct FrameLayout {
  uint32_t udp = 0;
  uint32_t selector = 0;  // channel number, or port in XOR-PEER-ADDRESS; 0 in a plain datagram
  uint32_t mark = 0;      // where the payload starts

  // What load.bpf.c must write anew, in words of eight bytes.
  uint32_t head_words() const { return (mark + sizeof(load_mark) + 7) / 8; }
};

FrameLayout layout_of(AddressFamily family, load_form form);

// LOAD_INDICATION builds a Send indication.
std::vector<uint8_t> build_frame(const Route& route, load_form form, uint16_t payload_size);

// The head of such a frame, for the kernel; `largest`: the size in bytes of the measurement's largest frame.
load_head head_of(const std::vector<uint8_t>& frame, size_t largest, AddressFamily family, load_form form);

}  // namespace turnpike::load
