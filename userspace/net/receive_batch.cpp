// SPDX-License-Identifier: Apache-2.0
#include "net/receive_batch.h"

#include <netinet/in.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cstring>

#include "net/socket_address.h"

namespace turnpike::net {

namespace {

template <class T>
T read_as(const cmsghdr& control) {
  T value{};
  std::memcpy(&value, CMSG_DATA(&control), sizeof value);
  return value;
}

void read_ipv4(const cmsghdr& control, ReceivedDatagram& datagram) {
  switch (control.cmsg_type) {
    case IP_ORIGDSTADDR:
      datagram.local = to_endpoint(read_as<sockaddr_in>(control));
      break;
    case IP_TTL:
      datagram.ip.ttl = static_cast<uint8_t>(read_as<int>(control));
      break;
    case IP_TOS:
      datagram.ip.traffic_class = read_as<uint8_t>(control);
      break;
    default:
      break;
  }
}

void read_ipv6(const cmsghdr& control, ReceivedDatagram& datagram) {
  switch (control.cmsg_type) {
    case IPV6_ORIGDSTADDR:
      datagram.local = to_endpoint(read_as<sockaddr_in6>(control));
      break;
    case IPV6_HOPLIMIT:
      datagram.ip.ttl = static_cast<uint8_t>(read_as<int>(control));
      break;
    case IPV6_TCLASS:
      datagram.ip.traffic_class = static_cast<uint8_t>(read_as<int>(control));
      break;
    default:
      break;
  }
}

Endpoint remote_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) return to_endpoint(reinterpret_cast<const sockaddr_in&>(address));
  return to_endpoint(reinterpret_cast<const sockaddr_in6&>(address));
}

}  // namespace

ReceiveBatch::ReceiveBatch() : buffers_(new uint8_t[kSize * kStride]) {
  for (size_t i = 0; i < kSize; ++i) {
    pieces_[i] = {buffers_.get() + i * kStride, kBufferSize};
    msghdr& header = messages_[i].msg_hdr;
    header.msg_iov = &pieces_[i];
    header.msg_iovlen = 1;
    header.msg_name = &remotes_[i];
    header.msg_control = &controls_[i];
  }
}

size_t ReceiveBatch::receive(int socket) {
  for (mmsghdr& message : messages_) {  // the kernel left what it wrote
    message.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    message.msg_hdr.msg_controllen = kControlSize;
  }
  const int count = recvmmsg(socket, messages_.data(), kSize, MSG_DONTWAIT, nullptr);
  datagrams_.clear();
  for (int i = 0; i < count; ++i)
    unfold(static_cast<size_t>(i));
  return datagrams_.size();
}

void ReceiveBatch::unfold(size_t index) {
  ReceivedDatagram datagram;
  msghdr header = messages_[index].msg_hdr;
  const Bytes data{buffers_.get() + index * kStride, messages_[index].msg_len};
  size_t size = data.size();
  datagram.remote = remote_of(remotes_[index]);
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
       control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level == IPPROTO_IP)
      read_ipv4(*control, datagram);
    else if (control->cmsg_level == IPPROTO_IPV6)
      read_ipv6(*control, datagram);
    else if (control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO)
      size = static_cast<size_t>(read_as<int>(*control));
  }
  size_t offset = 0;
  do {  // at least once: a datagram may be empty
    datagram.data = data.subspan(offset, std::min(size, data.size() - offset));
    datagrams_.push_back(datagram);
    offset += size;
  } while (offset < data.size());
}

}  // namespace turnpike::net
