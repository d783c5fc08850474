// SPDX-License-Identifier: Apache-2.0
//
// Bounds-checked cursors over bytes in network order. A read or write past the end fails, leaves the cursor
// where it was, and makes ok() false for good, so that a parser may check once at its end.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

namespace turnpike {

using Bytes = std::span<const uint8_t>;
using MutableBytes = std::span<uint8_t>;

class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  size_t remaining() const { return bytes_.size() - position_; }
  size_t position() const { return position_; }

  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u32() { return static_cast<uint32_t>(number(4)); }
  uint64_t u64() { return number(8); }

  // The next `count` bytes, or an empty span when there are fewer.
  Bytes take(size_t count) {
    if (!ok_ || count > remaining()) {
      ok_ = false;
      return {};
    }
    Bytes taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }
  void skip(size_t count) { (void)take(count); }

 private:
  uint64_t number(size_t width) {
    uint64_t value = 0;
    for (uint8_t byte : take(width))
      value = value << 8 | byte;
    return value;
  }

  Bytes bytes_;
  size_t position_ = 0;
  bool ok_ = true;
};

class Writer {
 public:
  explicit Writer(MutableBytes bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  size_t position() const { return position_; }
  Bytes written() const { return bytes_.first(position_); }

  void u8(uint8_t value) { number(value, 1); }
  void u16(uint16_t value) { number(value, 2); }
  void u32(uint32_t value) { number(value, 4); }
  void u64(uint64_t value) { number(value, 8); }
  void put(Bytes data) {
    if (!room(data.size())) return;
    if (!data.empty()) std::memcpy(bytes_.data() + position_, data.data(), data.size());
    position_ += data.size();
  }
  void zeros(size_t count) {
    if (!room(count)) return;
    std::memset(bytes_.data() + position_, 0, count);
    position_ += count;
  }
  // Overwrites two bytes that were written before; `position + 2` must not pass position().
  void patch_u16(size_t position, uint16_t value) {
    if (position + 2 > position_) {
      ok_ = false;
      return;
    }
    bytes_[position] = static_cast<uint8_t>(value >> 8);
    bytes_[position + 1] = static_cast<uint8_t>(value);
  }

 private:
  bool room(size_t count) {
    if (count > bytes_.size() - position_) ok_ = false;
    return ok_;
  }
  void number(uint64_t value, size_t width) {
    if (!room(width)) return;
    for (size_t i = 0; i < width; ++i)
      bytes_[position_ + i] = static_cast<uint8_t>(value >> (8 * (width - 1 - i)));
    position_ += width;
  }

  MutableBytes bytes_;
  size_t position_ = 0;
  bool ok_ = true;
};

}  // namespace turnpike
