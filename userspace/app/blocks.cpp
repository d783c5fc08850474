// SPDX-License-Identifier: Apache-2.0
#include "app/blocks.h"

#include <sstream>

namespace turnpike::app {

namespace {

constexpr const char* kFile = "blocked";
constexpr MonotonicTime kNever = MonotonicTime::max();
constexpr const char* kForEver = "-";
// Of a Unix time in the file: in 2223. The monotonic clock's nanoseconds end 292 years after the boot.
constexpr int64_t kLatest = 8'000'000'000;

// "192.0.2.0/24 1893456000": until that Unix time; "-" for ever.
Result<Blocks::Entry> parse_line(const std::string& line) {
  std::istringstream words(line);
  std::string source;
  std::string expires;
  words >> source >> expires;
  auto prefix = Prefix::parse(source);
  if (!prefix) return forward(prefix);
  if (expires == kForEver) return Blocks::Entry{*prefix, std::nullopt};
  std::istringstream number(expires);
  int64_t seconds = 0;
  if (!(number >> seconds) || !number.eof())
    return fail(ErrorCode::kInvalid, "expected a Unix time or \"-\" after the prefix, got '" + expires + "'");
  if (seconds < 0 || seconds > kLatest)
    return fail(ErrorCode::kInvalid, "expected a Unix time of 0 to " + std::to_string(kLatest) +
                                         ", or \"-\" for ever, got " + expires);
  return Blocks::Entry{*prefix, WallTime(Seconds(seconds))};
}

}  // namespace

Result<void> Blocks::load(const Now& now) {
  auto text = state_.read(kFile);
  if (!text) return forward(text);
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    auto entry = parse_line(line);
    if (!entry)
      return fail(ErrorCode::kInvalid, "expected lines \"PREFIX UNIX-TIME\" in state_dir's file `" +
                                           std::string(kFile) + "`: " + entry.error().message +
                                           "; correct or remove it");
    if (entry->expires && *entry->expires <= now.wall) continue;
    (void)apply(*entry, now);
    entries_.insert_or_assign(entry->source.to_string(), *entry);
  }
  return {};
}

Result<void> Blocks::block(const Prefix& source, std::optional<Seconds> duration, const Now& now) {
  Entry entry{source, std::nullopt};
  if (duration) entry.expires = now.wall + *duration;
  auto applied = apply(entry, now);
  entries_.insert_or_assign(source.to_string(), entry);
  auto saved = save();
  return saved ? applied : saved;
}

Result<bool> Blocks::unblock(const Prefix& source) {
  if (entries_.erase(source.to_string()) == 0) return false;
  withdraw(source);
  if (auto saved = save(); !saved) return forward(saved);
  return true;
}

std::vector<Blocks::Entry> Blocks::list() const {
  std::vector<Entry> all;
  all.reserve(entries_.size());
  for (const auto& [text, entry] : entries_)
    all.push_back(entry);
  return all;
}

void Blocks::expire(const Now& now) {
  const size_t before = entries_.size();
  for (auto at = entries_.begin(); at != entries_.end();) {
    const Entry& entry = at->second;
    if (entry.expires && *entry.expires <= now.wall) {
      withdraw(entry.source);
      at = entries_.erase(at);
    } else {
      ++at;
    }
  }
  if (entries_.size() != before) (void)save();  // what stays in the file has expired for who reads it, too
}

// Userspace and kernel know the clock that only goes forward.
Result<void> Blocks::apply(const Entry& entry, const Now& now) {
  const MonotonicTime expires = entry.expires ? now.monotonic + (*entry.expires - now.wall) : kNever;
  sources_.block(entry.source, expires);
  return fast_path_.block(entry.source, expires);
}

void Blocks::withdraw(const Prefix& source) {
  sources_.unblock(source);
  fast_path_.unblock(source);
}

Result<void> Blocks::save() const {
  std::string text;
  for (const auto& [source, entry] : entries_)
    text += source + " " +
            (entry.expires ? std::to_string(entry.expires->time_since_epoch().count()) : kForEver) + "\n";
  return state_.write(kFile, text);
}

}  // namespace turnpike::app
