// SPDX-License-Identifier: Apache-2.0
//
// Prints what the program costs; asserts only that it does its work meanwhile. Repetitions of one test run
// would get the rewritten packet, so each run is one repetition and the median is taken: the time includes
// the clock reads around it.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cstdio>

#include "relay_program.h"
#include "relay_rows.h"

namespace turnpike::bpf_test {
namespace {

void print_cost(const char* what, const Octets& packet, uint32_t verdict) {
  std::vector<uint32_t> times;
  for (int i = 0; i < 20'000; ++i) {
    const Outcome outcome = program()->run(packet);
    ASSERT_EQ(outcome.verdict, verdict) << what;
    times.push_back(outcome.nanoseconds);
  }
  std::sort(times.begin(), times.end());
  std::printf("%-24s %4u ns (median), %4u ns (fastest tenth)\n", what, times[times.size() / 2],
              times[times.size() / 10]);
}

TEST(RelayCost, IsPrinted) {
  ASSERT_NE(program(), nullptr);
  const World world = standard_world();
  program()->load(world);
  const auto [translated, compiled] = program()->code_size();
  std::printf("%u instructions, %u bytes of machine code\n", translated / 8, compiled);
  const Octets data = pattern(160);
  Frame other = from_client(world, kV4, data);
  other.source.port ^= 1;
  print_cost("not ours, no flow", to_bytes(other), XDP_PASS);
  for (const Form form : {kChannelData, kSend, kFromPeer, kFromPermitted})
    for (const Slot slot : {kV4, kV6, kAlice})
      if (slot != kAlice || form == kChannelData || form == kSend)
        print_cost((std::string(name_of(form)) + ", " + name_of(slot)).c_str(),
                   to_bytes(frame_in(form, world, slot, data)), XDP_REDIRECT);
}

}  // namespace
}  // namespace turnpike::bpf_test
