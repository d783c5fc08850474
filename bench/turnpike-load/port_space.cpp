// SPDX-License-Identifier: Apache-2.0
#include "port_space.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <poll.h>

#include <cerrno>
#include <cstring>

#include "net/udp_socket.h"
#include "ports.skel.h"

namespace turnpike::load {
namespace {

constexpr int kBatchesAtOnce = 8;  // before what was collected is sent again

Result<UniqueFd> this_namespace() {
  UniqueFd netns(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!netns) return fail_errno(errno, "opening /proc/thread-self/ns/net");
  return netns;
}

}  // namespace

Result<Lane> Lane::open() {
  auto socket = net::open_relay_socket();
  if (!socket) return forward(socket);
  auto egress = net::RawEgress::create();
  if (!egress) return forward(egress);
  return Lane(std::move(*socket), std::move(*egress));
}

void Lane::send(const Endpoint& from, const Endpoint& to, Bytes datagram) {
  egress_->send(from, to, {}, datagram);
}

void Lane::receive(std::chrono::milliseconds wait, const Handler& handle) {
  pollfd readable{socket_.get(), POLLIN, 0};
  if (::poll(&readable, 1, static_cast<int>(wait.count())) <= 0) return;
  for (int i = 0; i < kBatchesAtOnce; ++i) {
    const size_t count = batch_->receive(socket_.get());
    for (size_t n = 0; n < count; ++n)
      handle((*batch_)[n]);
    if (count < net::ReceiveBatch::kSize) return;
  }
}

void PortSpace::Unload::operator()(ports_bpf* skeleton) const {
  ports_bpf::destroy(skeleton);
}
void PortSpace::Unload::operator()(bpf_link* link) const {
  bpf_link__destroy(link);
}

Result<PortSpace> PortSpace::open(const PortSpaceOptions& options) {
  PortSpace space;
  for (unsigned i = 0; i < options.lanes; ++i) {
    auto lane = Lane::open();
    if (!lane) return forward(lane);
    space.lanes_.push_back(std::move(*lane));
  }
  if (auto steered = space.steer(options); !steered) return forward(steered);
  return space;
}

Result<void> PortSpace::steer(const PortSpaceOptions& options) {
  skeleton_.reset(ports_bpf::open());
  if (!skeleton_) return fail_errno(errno, "opening the steering program");
  skeleton_->rodata->first_port = options.first_port;
  skeleton_->rodata->last_port = options.last_port;
  skeleton_->rodata->socket_count = options.lanes;
  if (options.remote) {
    skeleton_->rodata->remote_port = htons(options.remote->port);
    auto* address = const_cast<uint32_t*>(skeleton_->rodata->remote_address);
    std::memcpy(address, options.remote->address.bytes().data(), sizeof(skeleton_->rodata->remote_address));
  }
  if (const int error = ports_bpf::load(skeleton_.get()); error != 0)
    return fail_errno(-error, "loading the steering program (needs root, and BPF sk_lookup of Linux 5.9)");
  for (const IpAddress& address : options.addresses) {
    const uint8_t present = 1;
    if (const int error = bpf_map__update_elem(skeleton_->maps.addresses, address.bytes().data(),
                                               address.bytes().size(), &present, sizeof(present), BPF_ANY);
        error != 0)
      return fail_errno(-error, "steering the ports of " + address.to_string());
  }
  for (uint32_t i = 0; i < lanes_.size(); ++i) {
    const auto socket = static_cast<uint64_t>(lanes_[i].socket());
    if (const int error =
            bpf_map__update_elem(skeleton_->maps.sockets, &i, sizeof(i), &socket, sizeof(socket), BPF_ANY);
        error != 0)
      return fail_errno(-error, "steering to a socket");
  }
  auto netns = this_namespace();
  if (!netns) return forward(netns);
  link_.reset(bpf_program__attach_netns(skeleton_->progs.share_ports, netns->get()));
  if (!link_) return fail_errno(errno, "attaching the steering program to a network namespace");
  return {};
}

}  // namespace turnpike::load
