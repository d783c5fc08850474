// SPDX-License-Identifier: Apache-2.0
#include "fastpath/interfaces.h"

#include <spdlog/spdlog.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <set>

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

bool demanded(Mode mode) {
  return mode == Mode::kNative || mode == Mode::kGeneric;
}

// An error when `options` demand a mode, else a warning, when there is no interface to attach to.
Result<void> explain_none(const XdpOptions& options) {
  std::string words = "no interface but lo carries";
  const char* separator = " ";
  for (const IpAddress& address : options.local_addresses) {
    words.append(separator).append(address.to_string());
    separator = ", ";
  }
  words += "; name the interfaces that do in [fastpath] interfaces";
  if (demanded(options.mode))
    return fail(ErrorCode::kUnsupported, "[fastpath] mode = \"" + std::string(to_string(options.mode)) +
                                             "\", but " + words + ", or set mode = \"auto\"");
  if (options.mode == Mode::kAuto) spdlog::warn("fast path off: {}", words);
  return {};
}

}  // namespace

Result<Interfaces> Interfaces::attach(net::RouteReader& reader, const XdpOptions& options, int program,
                                      const std::string& directory) {
  const auto all = reader.links();
  if (!all) return forward(all);
  const auto chosen = options.interfaces.empty() ? addressed_links(reader, *all, options.local_addresses)
                                                 : named_links(*all, options.interfaces);
  if (!chosen) return forward(chosen);
  if (chosen->empty())
    if (auto explained = explain_none(options); !explained) return forward(explained);
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return fail_errno(errno, "eventfd");
  Interfaces interfaces(std::move(wake));
  for (const net::Link& link : *chosen) {
    interfaces.attachments_.emplace_back(reader, link, program, options.mode, directory);
    const InterfaceStatus& status = interfaces.attachments_.back().status();
    if (demanded(options.mode) && status.mode != options.mode)
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

InterfaceStatus Interfaces::refusal(const net::Link& link) {
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
  const auto known = probed_.find(link.ifindex);
  if (known == probed_.end()) {
    status.reason = link.name + (link.up ? " is not tried out yet" : " is down");
    if (link.up && untried_.insert(link.ifindex).second) (void)eventfd_write(wake_.get(), 1);
    return status;
  }
  if (known->second.empty()) return status;
  status.driver = driver_of(link.name);
  status.remedy = remedy_for(status.driver, known->second, link.name);
  status.reason =
      link.name + " does not transmit what other interfaces receive in native mode: " + known->second;
  return status;
}

std::vector<unsigned> Interfaces::take_untried() {
  eventfd_t count = 0;
  (void)eventfd_read(wake_.get(), &count);
  std::vector<unsigned> taken(untried_.begin(), untried_.end());
  untried_.clear();
  return taken;
}

void Interfaces::tried(unsigned ifindex, const Result<void>& outcome) {
  untried_.erase(ifindex);  // asked for again meanwhile
  probed_.insert_or_assign(ifindex, outcome ? "" : outcome.error().message);
}

void Interfaces::update(const std::vector<net::Link>& links) {
  const auto gone = [&](unsigned ifindex) {
    return std::none_of(links.begin(), links.end(),
                        [&](const net::Link& link) { return link.ifindex == ifindex; });
  };
  for (Attachment& attachment : attachments_)
    if (attachment.status().mode != Mode::kOff && gone(attachment.status().ifindex)) attachment.lost();
  std::erase_if(probed_, [&](const auto& entry) { return gone(entry.first); });
  std::erase_if(untried_, gone);
}

}  // namespace turnpike::fastpath
