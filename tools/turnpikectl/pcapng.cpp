// SPDX-License-Identifier: Apache-2.0
#include "turnpikectl/pcapng.h"

#include <array>
#include <utility>

namespace turnpike::ctl {
namespace {

enum BlockType : uint32_t { kSectionHeader = 0x0A0D0D0A, kInterfaceDescription = 1, kEnhancedPacket = 6 };
enum OptionCode : uint16_t {
  kEndOfOptions = 0,
  kComment = 1,
  kPacketFlags = 2,          // of a packet
  kInterfaceName = 2,        // of an interface
  kApplication = 4,          // of a section
  kTimestampResolution = 9,  // of an interface
};
constexpr uint32_t kByteOrderMagic = 0x1A2B3C4D;
constexpr uint16_t kEthernet = 1;
constexpr size_t kMaxOption = 0xFFFF;

// A block under construction, little-endian on any host. finish() puts the lengths at both ends.
class Block {
 public:
  explicit Block(BlockType type) {
    u32(type);
    u32(0);
  }

  void u16(uint16_t value) { number(value, 2); }
  void u32(uint32_t value) { number(value, 4); }
  void u64(uint64_t value) { number(value, 8); }
  void padded(std::string_view bytes) {
    text_ += bytes;
    text_.append(-bytes.size() % 4, '\0');
  }
  void option(OptionCode code, std::string_view value) {
    value = value.substr(0, kMaxOption);
    u16(code);
    u16(static_cast<uint16_t>(value.size()));
    padded(value);
  }
  std::string finish() {
    option(kEndOfOptions, "");
    const auto length = static_cast<uint32_t>(text_.size() + 4);
    u32(length);
    for (size_t i = 0; i < 4; ++i)
      text_[4 + i] = static_cast<char>(length >> (8 * i));
    return std::move(text_);
  }

 private:
  void number(uint64_t value, size_t width) {
    for (size_t i = 0; i < width; ++i)
      text_ += static_cast<char>(value >> (8 * i));
  }

  std::string text_;
};

std::string interface_description(std::string_view name) {
  Block block(kInterfaceDescription);
  block.u16(kEthernet);
  block.u16(0);
  block.u32(0);  // no limit to a packet's bytes
  block.option(kInterfaceName, name);
  block.option(kTimestampResolution, "\x09");  // 10^-9 s
  return block.finish();
}

}  // namespace

std::string Pcapng::section_header(std::string_view application) {
  Block block(kSectionHeader);
  block.u32(kByteOrderMagic);
  block.u16(1);  // version 1.0
  block.u16(0);
  block.u64(UINT64_MAX);  // the section's length is not told
  block.option(kApplication, application);
  return block.finish();
}

std::string Pcapng::packet(const CapturedPacket& packet) {
  std::string text;
  auto interface = interfaces_.find(packet.interface);
  if (interface == interfaces_.end()) {
    interface = interfaces_.emplace(packet.interface, static_cast<uint32_t>(interfaces_.size())).first;
    text = interface_description(packet.interface);
  }
  Block block(kEnhancedPacket);
  block.u32(interface->second);
  block.u32(static_cast<uint32_t>(packet.time >> 32));
  block.u32(static_cast<uint32_t>(packet.time));
  block.u32(static_cast<uint32_t>(packet.bytes.size()));
  block.u32(packet.length);
  block.padded(packet.bytes);
  const std::array flags = {static_cast<char>(packet.flow), '\0', '\0', '\0'};
  block.option(kPacketFlags, {flags.data(), flags.size()});
  block.option(kComment, packet.comment);
  return text + block.finish();
}

}  // namespace turnpike::ctl
