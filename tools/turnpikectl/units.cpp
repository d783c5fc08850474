// SPDX-License-Identifier: Apache-2.0
#include "turnpikectl/units.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace turnpike::ctl {
namespace {

template <class... Values>
std::string print(const char* format, Values... values) {
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), format, values...);
  return {text.data(), static_cast<size_t>(size)};
}

}  // namespace

std::string format_count(uint64_t count) {
  const std::string digits = std::to_string(count);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string format_bytes(uint64_t bytes) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  // 1023.95 would be printed as 1024.0.
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return print("%.1f %s", value, kUnits[unit]);
}

std::string format_duration(int64_t seconds) {
  constexpr int64_t kMinute = 60;
  constexpr int64_t kHour = 60 * kMinute;
  constexpr int64_t kDay = 24 * kHour;
  const auto pair = [](int64_t large, char large_unit, int64_t small, char small_unit) {
    return print("%lld%c %02lld%c", static_cast<long long>(large), large_unit, static_cast<long long>(small),
                 small_unit);
  };
  if (seconds < kMinute) return std::to_string(seconds) + "s";
  if (seconds < kHour) return pair(seconds / kMinute, 'm', seconds % kMinute, 's');
  if (seconds < kDay) return pair(seconds / kHour, 'h', seconds % kHour / kMinute, 'm');
  return pair(seconds / kDay, 'd', seconds % kDay / kHour, 'h');
}

std::string format_share(double share) {
  // Rounded down: what is not all must not look like all.
  return print("%.2f %%", std::floor(share * 10000) / 100);
}

std::string format_utc(int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  std::array<char, 32> text{};
  if (::gmtime_r(&time, &parts) == nullptr) return std::to_string(unix_seconds);
  const size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
  return {text.data(), size};
}

std::string format_plural(uint64_t count, const std::string& noun) {
  return format_count(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace turnpike::ctl
