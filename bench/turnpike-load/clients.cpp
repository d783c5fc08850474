// SPDX-License-Identifier: Apache-2.0
#include "clients.h"

#include "next_hop.h"

namespace turnpike::load {
namespace {

constexpr size_t kWindow = 128;  // requests in flight: fewer than a relay's socket has room for
constexpr std::chrono::milliseconds kStep{20};

class AllocateAll {
 public:
  AllocateAll(Clients& clients, Requester& requester, const Target& target, size_t count)
      : endpoints_(clients.endpoints()), requester_(requester), target_(target), allocations_(count) {}

  Result<std::vector<Allocation>> run() {
    for (size_t i = 0; (result_ && i < allocations_.size()) || requester_.in_flight() != 0;) {
      for (; result_ && i < allocations_.size() && requester_.in_flight() < kWindow; ++i)
        begin(allocations_[i]);
      requester_.step(kStep);
    }
    if (!result_) return forward(result_);
    return std::move(allocations_);
  }

 private:
  void begin(Allocation& allocation) {
    allocation = {};
    allocation.local = endpoints_.at(0, used_++);
    requester_.ask(allocation, kAllocate, [this, &allocation](const Answer& answer) {
      if (answer.ok() || !result_) return;
      if (answer.tuple_in_use() && used_ < endpoints_.capacity()) return begin(allocation);
      result_ = fail(ErrorCode::kInvalid, describe(kAllocate, answer, target_.relay));
    });
  }

  static constexpr Request kAllocate{.method = stun::Method::kAllocate};
  const ClientEndpoints& endpoints_;
  Requester& requester_;
  const Target& target_;
  std::vector<Allocation> allocations_;
  size_t used_ = 0;  // 5-tuples
  Result<void> result_;
};

}  // namespace

ClientEndpoints::ClientEndpoints(std::vector<IpAddress> addresses, unsigned lanes, uint32_t start)
    : addresses_(std::move(addresses)),
      lanes_(lanes),
      start_(start),
      ports_((kLastPort - kFirstPort) / lanes - 1) {}

Endpoint ClientEndpoints::at(unsigned lane, size_t n) const {
  const size_t row = (kFirstPort + lanes_ - 1) / lanes_ + (start_ + n) % ports_;
  return {addresses_[n / ports_ % addresses_.size()], static_cast<uint16_t>(row * lanes_ + lane)};
}

Result<Clients> Clients::open(const Target& target, unsigned lanes, size_t count) {
  std::vector<IpAddress> addresses = target.client_addresses;
  if (addresses.empty()) {
    auto address = source_towards(target.relay);
    if (!address) return forward(address);
    addresses.push_back(*address);
  }
  ClientEndpoints endpoints(std::move(addresses), lanes, SystemRandom().below(ClientEndpoints::kLastPort));
  if (count > endpoints.capacity())
    return fail(ErrorCode::kExhausted, std::to_string(count) + " clients do not fit the ports of " +
                                           std::to_string(endpoints.addresses().size()) + " addresses, " +
                                           std::to_string(endpoints.capacity()) +
                                           ": name more of this host's by --client-address");
  auto ports = PortSpace::open(
      {endpoints.addresses(), ClientEndpoints::kFirstPort, ClientEndpoints::kLastPort, target.relay, lanes});
  if (!ports) return forward(ports);
  return Clients(std::move(endpoints), std::move(*ports));
}

Result<void> ask_all(Requester& requester, const Target& target, size_t count, const NextRequest& next) {
  Result<void> result;
  for (size_t i = 0; (result && i < count) || requester.in_flight() != 0;) {
    for (; result && i < count && requester.in_flight() < kWindow; ++i) {
      const auto [client, request] = next(i);
      requester.ask(*client, request, [&result, &target, request = request](const Answer& answer) {
        if (!answer.ok() && result)
          result = fail(ErrorCode::kInvalid, describe(request, answer, target.relay));
      });
    }
    requester.step(kStep);
  }
  return result;
}

Result<std::vector<Allocation>> allocate_all(Clients& clients, Requester& requester, const Target& target,
                                             size_t count) {
  return AllocateAll(clients, requester, target, count).run();
}

void release_all(std::vector<Allocation>& allocations, Requester& requester) {
  for (size_t i = 0; i < allocations.size() || requester.in_flight() != 0;) {
    for (; i < allocations.size() && requester.in_flight() < kWindow; ++i)
      requester.ask(allocations[i], {.method = stun::Method::kRefresh, .lifetime = 0}, [](const Answer&) {});
    requester.step(kStep);
  }
}

}  // namespace turnpike::load
