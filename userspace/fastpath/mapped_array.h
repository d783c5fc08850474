// SPDX-License-Identifier: Apache-2.0
//
// MappedArray<T>: an array map of the kernel in our memory (BPF_F_MMAPABLE), and the writer's side of the
// protocol in bpf/abi.h by which running programs read it.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "util/result.h"

namespace turnpike::fastpath {

// One aligned store that programs may see at any time.
template <class T>
void store_shared(T& field, T value) {
  std::atomic_ref<T>(field).store(value, std::memory_order_release);
}

// One aligned load of what programs or another thread may store.
template <class T>
T load_shared(const T& field) {
  return std::atomic_ref<T>(const_cast<T&>(field)).load(std::memory_order_acquire);
}

template <class T>
class MappedArray {
 public:
  static Result<MappedArray> map(int fd, uint32_t entries) {
    static_assert(sizeof(T) % 8 == 0, "the kernel rounds values up to eight bytes");
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t size = (entries * sizeof(T) + page - 1) / page * page;
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return fail_errno(errno, "mapping a BPF array into memory");
    return MappedArray(static_cast<T*>(memory), entries, size);
  }
  MappedArray(MappedArray&& other) noexcept
      : entries_(std::exchange(other.entries_, nullptr)), count_(other.count_), size_(other.size_) {}
  MappedArray& operator=(MappedArray&&) = delete;
  ~MappedArray() {
    if (entries_ != nullptr) munmap(entries_, size_);
  }

  T& operator[](uint32_t slot) { return entries_[slot]; }
  const T& operator[](uint32_t slot) const { return entries_[slot]; }

  uint32_t size() const { return count_; }

  void unpublish(uint32_t slot) { store_shared(entries_[slot].generation, uint32_t{0}); }
  // `value` with the generation that it is to have.
  void publish(uint32_t slot, const T& value) {
    T& entry = entries_[slot];
    unpublish(slot);
    // A release store does not hold back what follows it; the fence keeps the fields behind the 0.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    T fields = value;
    fields.generation = 0;
    std::memcpy(&entry, &fields, sizeof fields);
    store_shared(entry.generation, value.generation);
  }

 private:
  MappedArray(T* entries, uint32_t count, size_t size) : entries_(entries), count_(count), size_(size) {}

  T* entries_;
  uint32_t count_;
  size_t size_;  // of the mapping, bytes
};

}  // namespace turnpike::fastpath
