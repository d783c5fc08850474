// SPDX-License-Identifier: Apache-2.0
#include "fastpath/event_ring.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace turnpike::fastpath {

void EventRing::Free::operator()(ring_buffer* ring) const {
  ring_buffer__free(ring);
}

Result<EventRing> EventRing::open(int map) {
  EventRing events;
  events.ring_.reset(ring_buffer__new(map, take, events.reader_.get(), nullptr));
  if (!events.ring_) return fail_errno(errno, "opening the ring buffer of the XDP program's events");
  return events;
}

int EventRing::fd() const {
  return ring_buffer__epoll_fd(ring_.get());
}

void EventRing::drain() {
  reader_->left = kInARow;
  (void)ring_buffer__consume(ring_.get());
}

int EventRing::take(void* reader, void* data, size_t size) {
  auto& [callback, left] = *static_cast<Reader*>(reader);
  if (callback && size >= offsetof(tp_event, data)) {
    tp_event event{};  // the program may leave out what it did not capture
    std::memcpy(&event, data, std::min(size, sizeof event));
    callback(event);
  }
  return --left == 0 ? -ECANCELED : 0;  // libbpf stops behind an event that was refused
}

}  // namespace turnpike::fastpath
