// SPDX-License-Identifier: Apache-2.0
#include "fastpath/attach.h"

#include "fastpath/dispatcher.h"
#include "fastpath/ethtool.h"
#include "fastpath/link_hold.h"
#include "fastpath/probe.h"
#include "fastpath/remedies.h"

namespace turnpike::fastpath {
namespace {

constexpr const char* kAlone = "so the program stands alone";
constexpr const char* kDemanded = "generic mode was asked for by [fastpath] mode";
constexpr const char* kTakenOver =
    "generic as the process before had it; an interface that is set down and up is tried out anew";
constexpr const char* kTagsUnseen =
    "the interface takes VLAN tags out of the program's sight, so frames of VLANs that this host does not "
    "have "
    "are relayed too";
constexpr const char* kTagsStay =
    "VLANs stand on the interface, which takes their tags out of the program's sight; in generic mode they "
    "would stay on what is redirected. Between veths it is the sender that does so: ethtool -K PEER txvlan "
    "off";

Result<std::unique_ptr<Hold>> create_hold(unsigned ifindex, const AttachOptions& options, Mode mode) {
  return options.way == Attach::kLink ? LinkHold::create(ifindex, options, mode)
                                      : DispatcherHold::create(ifindex, options, mode);
}

bool wants(Mode wanted, Mode mode) {
  return wanted == Mode::kAuto || wanted == mode;
}

std::string strip_command(const std::string& interface) {
  return "ethtool -K " + interface + " rxvlan off";
}

}  // namespace

Attachment::Attachment(net::RouteReader& reader, const net::Link& link, AttachOptions options,
                       bool hides_tags)
    : hides_tags_(hides_tags) {
  status_.name = link.name;
  status_.ifindex = link.ifindex;
  status_.driver = driver_of(link.name);
  if (options.mode == Mode::kOff)
    note("switched off by [fastpath] mode");
  else if (!link.ethernet)
    note("not an Ethernet interface");
  else if (choose_way(options) && !take_over(options, hides_tags))
    attach(reader, link, options, hides_tags);
  if (status_.mode == Mode::kNative && hides_tags) {
    note(kTagsUnseen);
    status_.remedy = strip_command(status_.name);
  }
}

bool Attachment::choose_way(AttachOptions& options) {
  if (options.way == Attach::kLink) return true;
  const auto supported = DispatcherHold::supported();
  if (supported) return true;
  note(supported.error().message);
  if (options.mode != Mode::kAuto) return false;
  note(kAlone);
  options.way = Attach::kLink;
  return true;
}

// What an earlier process left otherwise than it should be is ended.
bool Attachment::take_over(const AttachOptions& options, bool hides_tags) {
  const bool by_link = options.way == Attach::kLink;
  std::unique_ptr<Hold> hold = by_link ? LinkHold::take_over(status_.ifindex, options)
                                       : DispatcherHold::take_over(status_.ifindex, options);
  if (hold && (!wants(options.mode, hold->mode()) || (hides_tags && hold->mode() == Mode::kGeneric)))
    hold.reset();
  if (!hold || !by_link) LinkHold::discard(status_.ifindex, options.directory);
  if (!hold || by_link) DispatcherHold::discard(status_.ifindex, options.directory);
  if (!hold || !carry(std::move(hold))) return false;
  if (status_.mode == Mode::kGeneric) note(options.mode == Mode::kGeneric ? kDemanded : kTakenOver);
  return true;
}

void Attachment::attach(net::RouteReader& reader, const net::Link& link, AttachOptions options,
                        bool hides_tags) {
  if (options.way == Attach::kDispatcher) {
    if (try_modes(reader, link, options, hides_tags)) return;
    if (options.mode != Mode::kAuto || !other_program(status_.ifindex).empty()) return;
    note(kAlone);
    options.way = Attach::kLink;
  }
  if (const std::string other = other_program(status_.ifindex); !other.empty()) {
    note(other);
    status_.remedy = "stop what attached it (ip link set dev " + status_.name +
                     " xdp off, or xdpgeneric off), or leave " + status_.name +
                     " out of [fastpath] interfaces";
    return;
  }
  (void)try_modes(reader, link, options, hides_tags);
}

bool Attachment::try_modes(net::RouteReader& reader, const net::Link& link, const AttachOptions& options,
                           bool hides_tags) {
  const auto failed = [&](const Result<void>& tried) {
    if (!tried) note(tried.error().message);
    return !tried;
  };
  if (options.mode == Mode::kGeneric)
    note(kDemanded);
  else if (!failed(try_native(reader, link, options)))
    return true;
  else
    status_.remedy = remedy_for(status_.driver, status_.reason, status_.name);
  if (options.mode == Mode::kNative) return false;
  if (!failed(try_generic(options, hides_tags))) return true;
  if (hides_tags) status_.remedy = strip_command(status_.name);
  return false;
}

Result<void> Attachment::try_native(net::RouteReader& reader, const net::Link& link,
                                    const AttachOptions& options) {
  auto hold = create_hold(status_.ifindex, options, Mode::kNative);
  if (!hold) return forward(hold);
  if (auto probed = probe_transmit(reader, link); !probed) {
    // Some kernels' veths count what they lose as dropped, others not at all.
    const bool lost = probed.error().message.rfind("attached, but", 0) == 0;
    if (!lost || status_.driver != "veth") return probed;
    return fail(ErrorCode::kUnsupported,
                probed.error().message + ": the peer of this veth has neither GRO nor an XDP program");
  }
  return carry(std::move(*hold));
}

Result<void> Attachment::try_generic(const AttachOptions& options, bool hides_tags) {
  if (hides_tags) return fail(ErrorCode::kUnsupported, kTagsStay);
  auto hold = create_hold(status_.ifindex, options, Mode::kGeneric);
  if (!hold) return forward(hold);
  return carry(std::move(*hold));
}

Result<void> Attachment::carry(std::unique_ptr<Hold> hold) {
  if (auto pinned = hold->pin(); !pinned) return pinned;
  status_.mode = hold->mode();
  hold_ = std::move(hold);
  return {};
}

bool Attachment::still_native(net::RouteReader& reader, const net::Link& link) const {
  return status_.mode == Mode::kNative && probe_transmit(reader, link).has_value();
}

void Attachment::keep(bool keep) {
  if (hold_) hold_->keep(keep);
}

void Attachment::note(const std::string& reason) {
  status_.reason += (status_.reason.empty() ? "" : "; ") + reason;
}

}  // namespace turnpike::fastpath
