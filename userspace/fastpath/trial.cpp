// SPDX-License-Identifier: Apache-2.0
#include "fastpath/trial.h"

#include <optional>

#include "fastpath/probe.h"

namespace turnpike::fastpath {
namespace {

// A veth's, when it is in this namespace.
std::optional<net::Link> other_end(net::RouteReader& reader, const net::Link& link) {
  if (link.kind != "veth" || link.parent == 0) return std::nullopt;
  auto other = reader.link(link.parent);
  if (!other) return std::nullopt;
  return std::move(*other);
}

}  // namespace

void Trial::run(net::RouteReader& reader) {
  const auto link = reader.link(ifindex_);
  if (!link) {
    attachment_.reset();
    return;
  }
  if (options_ != nullptr)
    run_port(reader, *link);
  else
    run_target(reader, *link);
}

void Trial::run_port(net::RouteReader& reader, const net::Link& link) {
  const auto before = Conditions::of_port(link, nullptr, has_vlans_, Mode::kNative);
  const bool same_sight = attachment_ && attachment_->hides_tags() == before.hides_tags;
  if (!same_sight || !attachment_->still_native(reader, link)) {
    attachment_.reset();  // detaches first
    attachment_ = std::make_unique<Attachment>(reader, link, *options_, before.hides_tags);
  }
  // Drivers that set their queues up anew for a program lose the carrier by that: no reason to try again.
  const auto after = link.up ? wait_until_up(reader, ifindex_) : reader.link(ifindex_);
  const net::Link& now = after ? *after : link;
  const auto other = other_end(reader, now);
  conditions_ = Conditions::of_port(now, other ? &*other : nullptr, has_vlans_, attachment_->status().mode);
}

void Trial::run_target(net::RouteReader& reader, const net::Link& link) {
  if (!link.up) return;  // noted again when it is up
  const auto probed = probe_transmit(reader, link);
  const auto after = reader.link(ifindex_);
  if (!after || !after->up) return;
  decided_ = true;
  if (!probed) fault_ = probed.error().message;
  const auto other = other_end(reader, *after);
  conditions_ = Conditions::of_target(*after, other ? &*other : nullptr);
}

}  // namespace turnpike::fastpath
