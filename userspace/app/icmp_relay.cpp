// SPDX-License-Identifier: Apache-2.0
#include "app/icmp_relay.h"

#include <algorithm>

#include "app/icmp_report.h"
#include "fastpath/steering.h"

namespace turnpike::app {

Result<std::unique_ptr<IcmpRelay>> IcmpRelay::create(const Surroundings& surroundings) {
  auto ingress = net::IcmpIngress::create();
  if (!ingress) return forward(ingress);
  auto egress = net::IcmpEgress::create();
  if (!egress) return forward(egress);
  std::unique_ptr<IcmpRelay> relay(new IcmpRelay(surroundings, std::move(*ingress), std::move(*egress)));
  IcmpRelay* self = relay.get();
  for (const int fd : {relay->ingress_->v4_fd(), relay->ingress_->v6_fd()}) {
    if (auto added = surroundings.loop.add(fd, [self] { self->receive(); }); !added) return forward(added);
  }
  return relay;
}

IcmpRelay::~IcmpRelay() {
  surroundings_.loop.remove(ingress_->v4_fd());
  surroundings_.loop.remove(ingress_->v6_fd());
}

void IcmpRelay::receive() {
  ingress_->receive(
      read_clocks().monotonic,
      [this](const Endpoint& source) { return is_listening(source) || surroundings_.ports.owned(source); },
      [this](const net::IcmpNotice& notice) { distribute(notice); });
}

bool IcmpRelay::is_listening(const Endpoint& source) const {
  const std::vector<Endpoint>& listening = surroundings_.listening;
  return std::find(listening.begin(), listening.end(), source) != listening.end();
}

// Only who has the allocation can tell whether the quoted datagram may be its own, so a relayed address is
// every worker's to look at.
void IcmpRelay::distribute(const net::IcmpNotice& notice) const {
  const auto& [loop, fast_path, ports, listening, workers] = surroundings_;
  if (notice.is_too_big()) fast_path.path_changed(notice.destination.address);
  const auto report = std::make_shared<const IcmpReport>(notice);
  if (is_listening(notice.source)) {
    const auto count = static_cast<uint32_t>(workers.size());
    workers[fastpath::worker_of(notice.destination, count)]->hear_icmp(report);
    return;
  }
  for (const auto& worker : workers)
    worker->hear_icmp(report);
}

void IcmpRelay::tell_too_big(const tp_event& event) {
  const Bytes frame(event.data, std::min<size_t>(event.captured, sizeof event.data));
  egress_->send_too_big(net::ip_packet_of(frame), event.mtu, read_clocks().monotonic);
}

}  // namespace turnpike::app
