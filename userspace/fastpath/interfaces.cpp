// SPDX-License-Identifier: Apache-2.0
#include "fastpath/interfaces.h"

#include <algorithm>
#include <set>

#include "fastpath/probe.h"
#include "fastpath/remedies.h"

namespace turnpike::fastpath {
namespace {

Result<std::vector<net::Link>> named_links(const std::vector<net::Link>& all,
                                           const std::vector<std::string>& names) {
  std::vector<net::Link> chosen;
  for (const std::string& name : names) {
    const auto link =
        std::find_if(all.begin(), all.end(), [&](const net::Link& each) { return each.name == name; });
    if (link == all.end()) {
      std::string known;
      for (const net::Link& each : all)
        known.append(" ").append(each.name);
      return fail(ErrorCode::kInvalid,
                  "[fastpath] interfaces names '" + name + "', which does not exist; there are:" + known);
    }
    chosen.push_back(*link);
  }
  return chosen;
}

// The interfaces that carry one of `wanted`; an unspecified address stands for all of its family.
Result<std::vector<net::Link>> addressed_links(net::RouteReader& reader, const std::vector<net::Link>& all,
                                               const std::vector<IpAddress>& wanted) {
  const auto addresses = reader.addresses();
  if (!addresses) return forward(addresses);
  std::set<unsigned> indices;
  for (const net::LocalAddress& local : *addresses) {
    const bool carries = std::any_of(wanted.begin(), wanted.end(), [&](const IpAddress& address) {
      return address == local.address ||
             (address.is_unspecified() && address.is_v4() == local.address.is_v4());
    });
    if (carries) indices.insert(local.ifindex);
  }
  std::vector<net::Link> chosen;
  for (const net::Link& link : all)
    if (!link.loopback && indices.contains(link.ifindex)) chosen.push_back(link);
  return chosen;
}

}  // namespace

Result<Interfaces> Interfaces::attach(net::RouteReader& reader, const XdpOptions& options, int program,
                                      const std::string& directory) {
  const auto all = reader.links();
  if (!all) return forward(all);
  const auto chosen = options.interfaces.empty() ? addressed_links(reader, *all, options.local_addresses)
                                                 : named_links(*all, options.interfaces);
  if (!chosen) return forward(chosen);
  Interfaces interfaces;
  for (const net::Link& link : *chosen) {
    interfaces.attachments_.emplace_back(reader, link, program, options.mode, directory);
    const InterfaceStatus& status = interfaces.attachments_.back().status();
    const bool demanded = options.mode == Mode::kNative || options.mode == Mode::kGeneric;
    if (demanded && status.mode != options.mode)
      return fail(
          ErrorCode::kUnsupported,
          "[fastpath] mode = \"" + std::string(to_string(options.mode)) + "\", but " + status.name + ": " +
              status.reason + ". " +
              (status.remedy.empty() ? "Set mode = \"auto\"" : status.remedy + "; or set mode = \"auto\""));
  }
  return interfaces;
}

std::vector<InterfaceStatus> Interfaces::status() const {
  std::vector<InterfaceStatus> all;
  all.reserve(attachments_.size());
  for (const Attachment& attachment : attachments_)
    all.push_back(attachment.status());
  return all;
}

bool Interfaces::carries(unsigned ifindex) const {
  return std::any_of(attachments_.begin(), attachments_.end(), [&](const Attachment& attachment) {
    return attachment.status().ifindex == ifindex && attachment.status().mode != Mode::kOff;
  });
}

bool Interfaces::any_native() const {
  return std::any_of(attachments_.begin(), attachments_.end(),
                     [](const Attachment& attachment) { return attachment.status().mode == Mode::kNative; });
}

InterfaceStatus Interfaces::refusal(net::RouteReader& reader, const net::Link& link) {
  InterfaceStatus status;
  status.name = link.name;
  status.ifindex = link.ifindex;
  if (!link.ethernet) {
    status.reason = link.name + " is not an Ethernet interface";
    return status;
  }
  if (!any_native()) return status;
  for (const Attachment& attachment : attachments_)
    if (attachment.status().ifindex == link.ifindex && attachment.status().mode == Mode::kNative)
      return status;
  auto known = probed_.find(link.ifindex);
  if (known == probed_.end()) {
    if (!link.up) {
      status.reason = link.name + " is down";
      return status;
    }
    const auto probed = probe_transmit(reader, link);
    known = probed_.emplace(link.ifindex, probed ? "" : probed.error().message).first;
  }
  if (known->second.empty()) return status;
  status.driver = driver_of(link.name);
  status.remedy = remedy_for(status.driver, known->second, link.name);
  status.reason =
      link.name + " does not transmit what other interfaces receive in native mode: " + known->second;
  return status;
}

void Interfaces::update(const std::vector<net::Link>& links) {
  const auto gone = [&](unsigned ifindex) {
    return std::none_of(links.begin(), links.end(),
                        [&](const net::Link& link) { return link.ifindex == ifindex; });
  };
  for (Attachment& attachment : attachments_)
    if (attachment.status().mode != Mode::kOff && gone(attachment.status().ifindex)) attachment.lost();
  std::erase_if(probed_, [&](const auto& entry) { return gone(entry.first); });
}

}  // namespace turnpike::fastpath
