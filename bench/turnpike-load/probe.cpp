// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>

#include "message.h"

namespace turnpike::load {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kAtOnce = 32;  // fewer than a relay's socket has room for
constexpr std::chrono::milliseconds kPatience{100};
constexpr std::chrono::seconds kGiveUpAfter{3};  // without any arrival; duplicate address detection takes two
constexpr uint32_t kMagic = 0x70726f62;          // "prob"
using Content = std::array<uint8_t, 8>;

Content content_of(size_t index) {
  Content content{};
  Writer writer(content);
  writer.u32(kMagic);
  writer.u32(static_cast<uint32_t>(index));
  return content;
}

// Which bindings' probes came.
class Arrivals {
 public:
  explicit Arrivals(size_t count) : came_(count) {}
  void note(const net::ReceivedDatagram& datagram) {
    Reader reader(application_data(datagram.data));
    const bool ours = reader.u32() == kMagic;
    const size_t index = reader.u32();
    if (!reader.ok() || !ours || index >= came_.size() || came_[index]) return;
    came_[index] = true;
    last_ = Clock::now();
  }
  Clock::time_point last() const { return last_; }  // at first when this was made
  bool came(size_t index) const { return came_[index]; }

 private:
  std::vector<bool> came_;
  Clock::time_point last_ = Clock::now();
};

// Sends those of `indices` and waits for them; what is slower than that is noted later all the same.
void probe_some(Lane& from, Lane& to, std::span<const size_t> indices, const MakeProbe& make,
                Arrivals& arrivals) {
  std::vector<ProbeDatagram> sent;
  sent.reserve(indices.size());
  for (size_t index : indices) {
    sent.push_back(make(index, content_of(index)));
    from.send(sent.back().from, sent.back().to, sent.back().datagram);
  }
  from.flush();
  const auto deadline = Clock::now() + kPatience;
  const auto arrived = [&](size_t index) { return arrivals.came(index); };
  while (!std::ranges::all_of(indices, arrived) && Clock::now() < deadline)
    to.receive(std::chrono::milliseconds(5), [&](const auto& datagram) { arrivals.note(datagram); });
}

}  // namespace

Result<void> probe_all(const char* path, Lane& from, Lane& to, size_t count, const MakeProbe& make) {
  Arrivals arrivals(count);
  std::vector<size_t> missing(count);
  std::iota(missing.begin(), missing.end(), size_t{0});
  while (!missing.empty() && Clock::now() < arrivals.last() + kGiveUpAfter) {
    for (size_t start = 0; start < missing.size() && Clock::now() < arrivals.last() + kGiveUpAfter;
         start += kAtOnce)
      probe_some(from, to, std::span(missing).subspan(start, std::min(kAtOnce, missing.size() - start)), make,
                 arrivals);
    std::erase_if(missing, [&](size_t index) { return arrivals.came(index); });
  }
  if (missing.empty()) return {};
  return fail(ErrorCode::kNotFound, "no datagram came through " + std::to_string(missing.size()) + " of " +
                                        std::to_string(count) + " bindings " + path +
                                        ": does the relay allow this peer, and is no firewall between?");
}

}  // namespace turnpike::load
