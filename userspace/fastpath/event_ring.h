// SPDX-License-Identifier: Apache-2.0
//
// EventRing: reads what the program reports in its ring buffer. One thread at a time.
#pragma once

#include <functional>
#include <memory>

#include "bpf/abi.h"
#include "util/result.h"

struct ring_buffer;

namespace turnpike::fastpath {

class EventRing {
 public:
  using Callback = std::function<void(const tp_event&)>;

  static Result<EventRing> open(int map);

  void on_event(Callback callback) { reader_->callback = std::move(callback); }
  int fd() const;  // readable when there is something
  // Calls back for what is there, at most kInARow: the descriptor stays readable for the rest.
  static constexpr unsigned kInARow = 256;
  void drain();

 private:
  struct Reader {  // stays where it is: libbpf knows its address
    Callback callback;
    unsigned left = 0;  // in this row
  };
  struct Free {
    void operator()(ring_buffer* ring) const;
  };

  EventRing() = default;
  static int take(void* reader, void* data, size_t size);

  std::unique_ptr<Reader> reader_ = std::make_unique<Reader>();
  std::unique_ptr<ring_buffer, Free> ring_;
};

}  // namespace turnpike::fastpath
