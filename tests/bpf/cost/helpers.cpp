// SPDX-License-Identifier: Apache-2.0
#include "helpers.h"

#include <linux/bpf.h>
#include <sched.h>

#include <utility>

#include "../expect_outcome.h"

namespace turnpike::bpf_test {
namespace {

template <class T>
T* pointer(uint64_t address) {
  return reinterpret_cast<T*>(address);
}

uint64_t address(const void* memory) {
  return reinterpret_cast<uint64_t>(memory);
}

}  // namespace

std::string helper_name(int32_t helper) {
  static const char* const kNames[] = {
#define HELPER_NAME(name) #name
      __BPF_FUNC_MAPPER(HELPER_NAME)
#undef HELPER_NAME
  };
  if (helper < 0 || helper >= __BPF_FUNC_MAX_ID) return "number " + std::to_string(helper);
  return kNames[helper];
}

void Helpers::begin(std::vector<uint32_t> random) {
  lookups_.clear();
  calls_.clear();
  records_.clear();
  random_ = std::move(random);
}

bool Helpers::contains(uint64_t address, uint64_t size) const {
  for (const Octets& record : records_) {
    const auto begin = reinterpret_cast<uint64_t>(record.data());
    if (address >= begin && address <= begin + record.size() && size <= begin + record.size() - address)
      return true;
  }
  return false;
}

uint64_t Helpers::reserve(uint64_t size) {
  return address(records_.emplace_back(size).data());
}

Result<uint64_t> Helpers::call_on_map(int32_t helper, const uint64_t* arguments) {
  const auto map = static_cast<int>(arguments[0]);
  if (!maps_.has(map)) return fail(ErrorCode::kInvalid, helper_name(helper) + " on what is no map");
  const auto* key = pointer<const void>(arguments[1]);
  if (helper == BPF_FUNC_map_lookup_elem) {
    ++lookups_[maps_.name(map)];
    return address(maps_.find(map, key));
  }
  ++calls_[helper_name(helper)];
  if (helper == BPF_FUNC_map_delete_elem) return static_cast<uint64_t>(maps_.erase(map, key));
  return static_cast<uint64_t>(maps_.update(map, key, pointer<const void>(arguments[2]), arguments[3]));
}

Result<uint64_t> Helpers::call(int32_t helper, const uint64_t* arguments) {
  switch (helper) {
    case BPF_FUNC_map_lookup_elem:
    case BPF_FUNC_map_update_elem:
    case BPF_FUNC_map_delete_elem:
      return call_on_map(helper, arguments);
    default:
      ++calls_[helper_name(helper)];
  }
  switch (helper) {
    case BPF_FUNC_ktime_get_ns:
      return monotonic_now();
    case BPF_FUNC_ktime_get_coarse_ns:
      return coarse_now();
    case BPF_FUNC_get_smp_processor_id:
      return static_cast<uint64_t>(sched_getcpu());
    case BPF_FUNC_get_prandom_u32: {
      if (random_.empty()) return 0;
      const uint32_t next = random_.front();
      random_.erase(random_.begin());
      return next;
    }
    case BPF_FUNC_redirect:
      return arguments[1] == 0 ? XDP_REDIRECT : XDP_ABORTED;
    case BPF_FUNC_xdp_adjust_head:
      return static_cast<uint64_t>(frame_.adjust_head(static_cast<int32_t>(arguments[1])));
    case BPF_FUNC_xdp_adjust_tail:
      return static_cast<uint64_t>(frame_.adjust_tail(static_cast<int32_t>(arguments[1])));
    case BPF_FUNC_xdp_get_buff_len:
      return frame_.context()->data_end - frame_.context()->data;
    case BPF_FUNC_xdp_load_bytes:
      return static_cast<uint64_t>(frame_.load_bytes(static_cast<uint32_t>(arguments[1]),
                                                     pointer<void>(arguments[2]),
                                                     static_cast<uint32_t>(arguments[3])));
    case BPF_FUNC_xdp_store_bytes:
      return static_cast<uint64_t>(frame_.store_bytes(static_cast<uint32_t>(arguments[1]),
                                                      pointer<const void>(arguments[2]),
                                                      static_cast<uint32_t>(arguments[3])));
    case BPF_FUNC_ringbuf_reserve:
      return reserve(arguments[1]);
    case BPF_FUNC_ringbuf_submit:
    case BPF_FUNC_ringbuf_discard:
    case BPF_FUNC_ringbuf_output:
      return 0;
    default:
      return fail(ErrorCode::kUnsupported, "the interpreter has no helper " + helper_name(helper) +
                                               ": add it to tests/bpf/cost/helpers.cpp");
  }
}

}  // namespace turnpike::bpf_test
