// SPDX-License-Identifier: Apache-2.0
#include "app/host_address_watch.h"

#include <spdlog/spdlog.h>

#include <vector>

namespace turnpike::app {

Result<std::unique_ptr<HostAddressWatch>> HostAddressWatch::create(net::EventLoop& loop,
                                                                   guard::RelayPeerPolicy& policy) {
  auto reader = net::RouteReader::create();
  if (!reader) return forward(reader);
  auto monitor = net::RouteMonitor::create();
  if (!monitor) return forward(monitor);
  std::unique_ptr<HostAddressWatch> watch(
      new HostAddressWatch(loop, policy, std::move(*reader), std::move(*monitor)));
  watch->read();  // what came since the policy was made
  HostAddressWatch* self = watch.get();
  auto added = loop.add(watch->monitor_.fd(), [self] {
    if (self->monitor_.drain().routes) self->read();
  });
  if (!added) return forward(added);
  return watch;
}

void HostAddressWatch::read() {
  const auto locals = reader_.addresses();
  if (!locals) return spdlog::warn("this host's addresses cannot be read: {}", locals.error().message);
  std::vector<IpAddress> addresses;
  addresses.reserve(locals->size());
  for (const net::LocalAddress& local : *locals)
    addresses.push_back(local.address);
  policy_.set_host_addresses(std::move(addresses));
}

}  // namespace turnpike::app
