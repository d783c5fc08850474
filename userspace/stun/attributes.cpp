// SPDX-License-Identifier: Apache-2.0
#include "stun/message.h"

namespace turnpike::stun {

std::optional<Endpoint> read_xor_address(Bytes value, const TransactionId& id) {
  Reader reader(value);
  reader.skip(1);  // RFC 8489 §14.1: ignored on receipt
  const uint8_t family = reader.u8();
  const auto port = static_cast<uint16_t>(reader.u16() ^ kMagicCookie >> 16);
  const size_t expected = family == 0x01 ? 4 : 16;
  if (!reader.ok() || (family != 0x01 && family != 0x02) || reader.remaining() != expected)
    return std::nullopt;
  std::array<uint8_t, 16> address{};
  for (size_t i = 0; i < expected; ++i)
    address[i] = reader.u8() ^ xor_mask_byte(i, id);
  return Endpoint{*IpAddress::from_wire(Bytes(address).first(expected)), port};
}

std::optional<uint32_t> read_u32(Bytes value) {
  if (value.size() != sizeof(uint32_t)) return std::nullopt;
  return Reader(value).u32();
}

std::optional<uint16_t> read_channel_number(Bytes value) {
  if (value.size() != 4) return std::nullopt;  // the number and two bytes that are ignored
  return Reader(value).u16();
}

std::optional<ErrorCodeValue> read_error_code(Bytes value) {
  Reader reader(value);
  reader.skip(2);
  const auto hundreds = static_cast<uint8_t>(reader.u8() & 0x07);  // 21 reserved bits before it
  const uint8_t number = reader.u8();
  if (!reader.ok() || hundreds < 3 || hundreds > 6 || number > 99) return std::nullopt;
  return ErrorCodeValue{static_cast<uint16_t>(hundreds * 100 + number), as_text(value.subspan(4))};
}

}  // namespace turnpike::stun
