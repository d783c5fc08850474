// SPDX-License-Identifier: Apache-2.0
#include "net/raw_egress.h"

#include <netinet/in.h>

#include <array>
#include <cerrno>

#include "net/checksum.h"
#include "net/socket_option.h"

namespace turnpike::net {

namespace {

constexpr size_t kUdpHeaderSize = 8;
constexpr size_t kMaxIpv4Data = 65535 - 20 - kUdpHeaderSize;
constexpr size_t kMaxIpv6Data = 65535 - kUdpHeaderSize;

Result<UniqueFd> open_raw(int family) {
  UniqueFd socket(::socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP));
  if (!socket) return fail_errno(errno, "raw UDP socket (needs CAP_NET_RAW)");
  // The filter first: nothing may be queued before it is there.
  if (auto dropped = drop_all_input(socket.get()); !dropped) return forward(dropped);
  enlarge_buffers(socket.get());
  return socket;
}

Result<void> bind_nowhere(int socket, const IpAddress& nowhere) {
  const SocketAddress address = to_socket_address({nowhere, 0});
  if (::bind(socket, &address.generic, address.length) == 0) return {};
  return fail_errno(errno, "bind a raw socket to " + nowhere.to_string());
}

Result<UniqueFd> open_raw_v4(int path_mtu_discovery) {
  auto socket = open_raw(AF_INET);
  if (!socket) return socket;
  Options options(socket->get());
  options.set(IPPROTO_IP, IP_FREEBIND, 1);
  options.set(IPPROTO_IP, IP_TTL, kDefaultTtl);
  options.set(IPPROTO_IP, IP_MTU_DISCOVER, path_mtu_discovery);
  if (auto set = options.result(); !set) return forward(set);
  if (auto bound = bind_nowhere(socket->get(), kNowhereIpv4); !bound) return forward(bound);
  return socket;
}

Result<UniqueFd> open_raw_v6() {
  auto socket = open_raw(AF_INET6);
  if (!socket) return socket;
  Options options(socket->get());
  options.set(IPPROTO_IPV6, IPV6_FREEBIND, 1);
  options.set(IPPROTO_IPV6, IPV6_UNICAST_HOPS, kDefaultTtl);
  if (auto set = options.result(); !set) return forward(set);
  if (auto bound = bind_nowhere(socket->get(), kNowhereIpv6); !bound) return forward(bound);
  return socket;
}

}  // namespace

uint16_t udp_checksum(const IpAddress& source, const IpAddress& destination, Bytes header, Bytes data) {
  uint64_t sum = IPPROTO_UDP + header.size() + data.size();
  sum = add_words(sum, source.wire());
  sum = add_words(sum, destination.wire());
  sum = add_words(sum, header);
  sum = add_words(sum, data);
  const uint16_t checksum = internet_checksum(sum);
  return checksum == 0 ? 0xffff : checksum;  // 0 would say "none" (RFC 768)
}

Result<std::unique_ptr<RawEgress>> RawEgress::create() {
  auto v4 = open_raw_v4(IP_PMTUDISC_DONT);
  if (!v4) return forward(v4);
  auto v4_dont_fragment = open_raw_v4(IP_PMTUDISC_PROBE);
  if (!v4_dont_fragment) return forward(v4_dont_fragment);
  auto v6 = open_raw_v6();
  if (!v6) return forward(v6);
  return std::unique_ptr<RawEgress>(
      new RawEgress(std::move(*v4), std::move(*v4_dont_fragment), std::move(*v6)));
}

RawEgress::RawEgress(UniqueFd v4, UniqueFd v4_dont_fragment, UniqueFd v6)
    : v4_(std::move(v4)),
      v4_dont_fragment_(std::move(v4_dont_fragment)),
      v6_(std::move(v6)),
      v4_batch_(v4_.get()),
      v4_dont_fragment_batch_(v4_dont_fragment_.get()),
      v6_batch_(v6_.get()) {}

void RawEgress::send(const Endpoint& source, const Endpoint& destination, const IpFields& ip, Bytes data) {
  if (extend_run(source, destination, ip, data)) return;
  send_run();
  run_ = {source, destination, ip, data.size(), 1, data};
}

bool RawEgress::extend_run(const Endpoint& source, const Endpoint& destination, const IpFields& ip,
                           Bytes data) {
  const bool follows = run_.data.data() + run_.data.size() == data.data() &&
                       run_.data.size() == run_.count * run_.segment && data.size() <= run_.segment &&
                       !data.empty();
  if (!follows || run_.source != source || run_.destination != destination || run_.ip != ip) return false;
  run_.data = {run_.data.data(), run_.data.size() + data.size()};
  ++run_.count;
  return true;
}

void RawEgress::send_run() {
  if (run_.count < kBurst || !send_burst()) {
    for (size_t i = 0; i < run_.count; ++i)
      send_one(run_.source, run_.destination, run_.ip, run_.datagram(i));
  }
  run_ = {};
}

bool RawEgress::send_burst() {
  if (run_.ip.dont_fragment || run_.segment > kMaxIpv4Data) return false;
  const int socket = bursts_.find(run_.source, run_.count);
  if (socket < 0) return false;
  (run_.destination.address.is_v4() ? v4_batch_ : v6_batch_).flush();  // what came before leaves before
  burst_batch_.use(socket);
  for (size_t i = 0; i < run_.count; ++i)
    burst_batch_.add({run_.destination, nullptr, {}, run_.datagram(i), run_.ip});
  burst_batch_.flush();
  return true;
}

void RawEgress::send_one(const Endpoint& source, const Endpoint& destination, const IpFields& ip,
                         Bytes data) {
  const bool v4 = destination.address.is_v4();
  if (data.size() > (v4 ? kMaxIpv4Data : kMaxIpv6Data)) {
    ++too_long_;
    return;
  }
  std::array<uint8_t, kUdpHeaderSize> header;
  Writer writer(header);
  writer.u16(source.port);
  writer.u16(destination.port);
  writer.u16(static_cast<uint16_t>(kUdpHeaderSize + data.size()));
  writer.u16(0);
  writer.patch_u16(6, udp_checksum(source.address, destination.address, header, data));
  SendBatch& batch = !v4 ? v6_batch_ : ip.dont_fragment ? v4_dont_fragment_batch_ : v4_batch_;
  // To a raw socket the destination's port would be a protocol number.
  batch.add({{destination.address, 0}, &source.address, header, data, ip});
}

void RawEgress::flush() {
  send_run();
  v4_batch_.flush();
  v4_dont_fragment_batch_.flush();
  v6_batch_.flush();
}

std::vector<RawEgress::TooBig> RawEgress::take_too_big() {
  std::vector<TooBig> all;
  for (SendBatch* batch : {&v4_dont_fragment_batch_, &v6_batch_}) {
    for (const SendBatch::TooBig& one : batch->take_too_big()) {
      Reader ports(one.head);
      const uint16_t source = ports.u16();
      all.push_back({{one.source, source}, {one.destination.address, ports.u16()}, one.data});
    }
  }
  return all;
}

uint64_t RawEgress::failed() const {
  return too_long_ + burst_batch_.failed() + v4_batch_.failed() + v4_dont_fragment_batch_.failed() +
         v6_batch_.failed();
}

}  // namespace turnpike::net
