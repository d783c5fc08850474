// SPDX-License-Identifier: Apache-2.0
#include "net/send_batch.h"

#include <netinet/in.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace turnpike::net {

namespace {

constexpr size_t kMaxMessage = 65507;  // over IPv4; the smaller of what one message may carry

static_assert(sizeof(in6_pktinfo) <= 20 && sizeof(in_pktinfo) <= 20);

// Appends control messages to a buffer that has room for them.
class ControlWriter {
 public:
  explicit ControlWriter(uint8_t* buffer) : buffer_(buffer) {}

  template <class T>
  void add(int level, int type, const T& value) {
    auto* control = reinterpret_cast<cmsghdr*>(buffer_ + size_);
    control->cmsg_level = level;
    control->cmsg_type = type;
    control->cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(CMSG_DATA(control), &value, sizeof value);
    size_ += CMSG_SPACE(sizeof value);
  }
  size_t size() const { return size_; }

 private:
  uint8_t* buffer_;
  size_t size_ = 0;
};

void write_ipv4(const SendBatch::Datagram& datagram, ControlWriter& control) {
  constexpr IpFields kDefault;
  if (datagram.source != nullptr) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, datagram.source->wire().data(), 4);
    control.add(IPPROTO_IP, IP_PKTINFO, info);
  }
  if (datagram.ip.ttl != kDefault.ttl) control.add(IPPROTO_IP, IP_TTL, int{datagram.ip.ttl});
  if (datagram.ip.traffic_class != kDefault.traffic_class)
    control.add(IPPROTO_IP, IP_TOS, int{datagram.ip.traffic_class});
}

void write_ipv6(const SendBatch::Datagram& datagram, ControlWriter& control) {
  constexpr IpFields kDefault;
  if (datagram.source != nullptr) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, datagram.source->bytes().data(), 16);
    control.add(IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
  if (datagram.ip.ttl != kDefault.ttl) control.add(IPPROTO_IPV6, IPV6_HOPLIMIT, int{datagram.ip.ttl});
  if (datagram.ip.traffic_class != kDefault.traffic_class)
    control.add(IPPROTO_IPV6, IPV6_TCLASS, int{datagram.ip.traffic_class});
  if (datagram.ip.dont_fragment) control.add(IPPROTO_IPV6, IPV6_DONTFRAG, 1);
}

}  // namespace

SendBatch::SendBatch(int socket) : socket_(socket), slots_(kSize), messages_(kSize) {
  for (size_t i = 0; i < kSize; ++i) {
    messages_[i].msg_hdr.msg_name = &slots_[i].destination.generic;
    messages_[i].msg_hdr.msg_iov = slots_[i].pieces.data();
    messages_[i].msg_hdr.msg_iovlen = 2;
    slots_[i].pieces[0].iov_base = slots_[i].head.data();
  }
}

void SendBatch::add(const Datagram& datagram) {
  if (join(datagram)) return;
  if (count_ == kSize) flush();
  Slot& slot = slots_[count_];
  msghdr& header = messages_[count_].msg_hdr;
  ++count_;

  slot.destination = to_socket_address(datagram.destination);
  slot.to = datagram.destination;
  slot.ip = datagram.ip;
  slot.segment = datagram.data.size();
  slot.count = 1;
  slot.source = datagram.source != nullptr ? *datagram.source : IpAddress();
  header.msg_namelen = slot.destination.length;
  const size_t head_size = std::min(datagram.head.size(), kMaxHead);
  if (head_size > 0) std::memcpy(slot.head.data(), datagram.head.data(), head_size);
  slot.pieces[0].iov_len = head_size;
  // sendmsg(2) only reads.
  slot.pieces[1] = {const_cast<uint8_t*>(datagram.data.data()), datagram.data.size()};
  ControlWriter control(slot.control.data());
  datagram.destination.address.is_v4() ? write_ipv4(datagram, control) : write_ipv6(datagram, control);
  header.msg_control = control.size() > 0 ? slot.control.data() : nullptr;
  header.msg_controllen = control.size();
}

bool SendBatch::join(const Datagram& datagram) {
  if (!joins_ || count_ == 0 || datagram.source != nullptr || !datagram.head.empty()) return false;
  Slot& slot = slots_[count_ - 1];
  msghdr& header = messages_[count_ - 1].msg_hdr;
  iovec& data = slot.pieces[1];
  const size_t size = datagram.data.size();
  const bool follows = static_cast<const uint8_t*>(data.iov_base) + data.iov_len == datagram.data.data() &&
                       data.iov_len == slot.count * slot.segment && size > 0 && size <= slot.segment;
  if (!follows || slot.count == kMaxJoined || data.iov_len + size > kMaxMessage ||
      slot.pieces[0].iov_len != 0 || !slot.source.is_unspecified() || slot.to != datagram.destination ||
      slot.ip != datagram.ip)
    return false;
  if (slot.count == 1) {
    ControlWriter control(slot.control.data() + header.msg_controllen);
    control.add(IPPROTO_UDP, UDP_SEGMENT, static_cast<uint16_t>(slot.segment));
    header.msg_control = slot.control.data();
    header.msg_controllen += control.size();
  }
  data.iov_len += size;
  ++slot.count;
  return true;
}

void SendBatch::flush() {
  size_t done = 0;
  while (done < count_) {
    const int sent = sendmmsg(socket_, &messages_[done], static_cast<unsigned>(count_ - done), MSG_DONTWAIT);
    if (sent > 0) {
      done += static_cast<size_t>(sent);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {  // a full buffer refuses all that follow too
      for (; done < count_; ++done)
        failed_ += slots_[done].count;
      break;
    }
    // Any other error concerns the first one alone.
    if (slots_[done].count > 1) {
      if (errno == EIO) joins_ = false;  // before Linux 6.11: the device computes no checksums
      send_apart(done);
    } else {
      if (errno == EMSGSIZE) note_too_big(done);
      ++failed_;
    }
    ++done;
  }
  count_ = 0;
}

void SendBatch::send_apart(size_t index) {
  Slot& slot = slots_[index];
  msghdr& header = messages_[index].msg_hdr;
  header.msg_controllen -= kSegmentControlSize;
  iovec& piece = slot.pieces[1];
  const Bytes all(static_cast<const uint8_t*>(piece.iov_base), piece.iov_len);
  for (size_t offset = 0; offset < all.size(); offset += slot.segment) {
    const Bytes data = all.subspan(offset, std::min(slot.segment, all.size() - offset));
    piece = {const_cast<uint8_t*>(data.data()), data.size()};
    ssize_t sent = 0;
    do {
      sent = sendmsg(socket_, &header, MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) continue;
    if (errno == EMSGSIZE) note_too_big(index);
    ++failed_;
  }
}

void SendBatch::note_too_big(size_t index) {
  const Slot& slot = slots_[index];
  const iovec& data = slot.pieces[1];
  too_big_.push_back(
      {slot.source, slot.to, slot.head, Bytes(static_cast<const uint8_t*>(data.iov_base), data.iov_len)});
}

}  // namespace turnpike::net
