// SPDX-License-Identifier: Apache-2.0
#include "stand_in.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "forward.skel.h"
#include "next_hop.h"

namespace turnpike::load {
namespace {

bool write_text(const std::string& path, const char* text) {
  std::ofstream file(path);
  file << text;
  file.close();
  return !file.fail();
}

}  // namespace

void StandIn::Unload::operator()(forward_bpf* skeleton) const {
  forward_bpf::destroy(skeleton);
}
void StandIn::Unload::operator()(bpf_link* link) const {
  bpf_link__destroy(link);
}

Result<StandIn> StandIn::attach(const RelayOptions& options, const Namespaces& namespaces) {
  if (auto entered = namespaces.relay.enter(); !entered) return forward(entered);
  StandIn stand_in(namespaces.relay);
  if (auto loaded = stand_in.load(options); !loaded) return forward(loaded);
  return stand_in;
}

Result<void> StandIn::load(const RelayOptions& options) {
  auto source = source_towards(options.peer);
  if (!source) return forward(source);
  auto hop = resolve_next_hop(*source, options.peer.address);
  if (!hop) return forward(hop);
  auto incoming = interface_of(options.target.relay.address);
  if (!incoming) return forward(incoming);
  skeleton_.reset(forward_bpf::open());
  if (!skeleton_) return fail_errno(errno, "opening the forwarding programs");
  skeleton_->rodata->redirect_ifindex = hop->ifindex;
  auto* macs = const_cast<uint8_t*>(skeleton_->rodata->redirect_macs);
  std::ranges::copy(hop->source_mac, std::ranges::copy(hop->destination_mac, macs).out);
  if (const int error = forward_bpf::load(skeleton_.get()); error != 0)
    return fail_errno(-error, "loading the forwarding programs (needs root)");
  const bool fib = options.direction == Direction::kForwardFib;
  if (fib)
    if (auto allowed = allow_forwarding(incoming->name, options.peer.address.family()); !allowed)
      return allowed;
  const bpf_program* program = fib ? skeleton_->progs.forward_fib : skeleton_->progs.redirect;
  link_.reset(bpf_program__attach_xdp(program, static_cast<int>(incoming->ifindex)));
  if (!link_)
    return fail_errno(errno,
                      "attaching to " + incoming->name + " in the relay's place (is a relay running there?)");
  return {};
}

Result<void> StandIn::allow_forwarding(const std::string& interface, AddressFamily family) {
  const std::string sysctl = std::string("/proc/sys/net/") +
                             (family == AddressFamily::kIpv4 ? "ipv4" : "ipv6") + "/conf/" + interface +
                             "/forwarding";
  char now = '0';
  std::ifstream(sysctl) >> now;
  if (now == '1') return {};
  if (!write_text(sysctl, "1"))
    return fail(ErrorCode::kSystem, "cannot write " + sysctl + ", which forward-fib needs to be 1");
  switched_on_ = sysctl;
  return {};
}

StandIn::~StandIn() {
  if (switched_on_.empty() || !netns_.enter()) return;
  (void)write_text(switched_on_, "0");
}

}  // namespace turnpike::load
