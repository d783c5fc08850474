// SPDX-License-Identifier: Apache-2.0
//
// Pcapng: the blocks of a pcapng file (draft-ietf-opsawg-pcapng), which Wireshark and tcpdump read: a section
// header, an interface description the first time an interface shows up, packets with comments. Ethernet,
// nanoseconds. Written here because libpcap writes neither comments nor interfaces.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace turnpike::ctl {

enum class PacketFlow : uint8_t { kIn = 1, kOut = 2 };  // as in a packet's flags

struct CapturedPacket {
  std::string_view interface;
  uint64_t time = 0;    // Unix time, ns
  uint32_t length = 0;  // on the wire; `bytes` may be fewer
  std::string_view bytes;
  PacketFlow flow = PacketFlow::kIn;
  std::string_view comment;
};

class Pcapng {
 public:
  // The start of a file, once. `application`: what wrote it.
  static std::string section_header(std::string_view application);
  // The packet's block, after its interface's description where that is new.
  std::string packet(const CapturedPacket& packet);

 private:
  std::map<std::string, uint32_t, std::less<>> interfaces_;  // their numbers in the file
};

}  // namespace turnpike::ctl
