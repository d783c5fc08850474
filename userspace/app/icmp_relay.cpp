// SPDX-License-Identifier: Apache-2.0
#include "app/icmp_relay.h"

#include <algorithm>

#include "app/icmp_report.h"
#include "fastpath/steering.h"

namespace turnpike::app {

Result<std::unique_ptr<IcmpRelay>> IcmpRelay::create(const Surroundings& surroundings) {
  std::unique_ptr<IcmpRelay> relay(new IcmpRelay(surroundings));
  auto ingress = net::IcmpIngress::create();
  if (!ingress) return forward(ingress);
  auto egress = net::IcmpEgress::create();
  if (!egress) return forward(egress);
  relay->ingress_ = std::move(*ingress);
  relay->egress_ = std::move(*egress);
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
  ingress_->receive(read_clocks().monotonic, [this](const net::IcmpNotice& notice) { distribute(notice); });
}

// Only who has the allocation can tell whether the quoted datagram may be its own, so a relayed address is
// every worker's to look at.
void IcmpRelay::distribute(const net::IcmpNotice& notice) const {
  const auto& [loop, fast_path, ports, listening, workers] = surroundings_;
  const bool to_client = std::find(listening.begin(), listening.end(), notice.source) != listening.end();
  if (!to_client && !ports.owned(notice.source)) return;
  if (notice.is_too_big()) fast_path.path_changed(notice.destination.address);
  const auto report = std::make_shared<const IcmpReport>(notice);
  if (to_client) {
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
