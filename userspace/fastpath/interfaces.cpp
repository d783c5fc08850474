// SPDX-License-Identifier: Apache-2.0
#include "fastpath/interfaces.h"

#include <spdlog/spdlog.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>

#include "fastpath/dispatcher.h"
#include "fastpath/ethtool.h"
#include "fastpath/link_hold.h"
#include "fastpath/relay_program.h"
#include "fastpath/remedies.h"

namespace turnpike::fastpath {
namespace {

constexpr const char* kWaits = "not tried out yet";

bool demanded(Mode mode) {
  return mode == Mode::kNative || mode == Mode::kGeneric;
}

const net::Link* link_named(const Links& links, const std::string& name) {
  for (const auto& [ifindex, link] : links)
    if (link.name == name) return &link;
  return nullptr;
}

}  // namespace

Interfaces::Interfaces(const XdpOptions& options, const RelayProgram& program, const std::string& directory)
    : attach_options_(
          new AttachOptions{program.program(), program.object(), options.mode, options.attach, directory}),
      names_(options.interfaces),
      addresses_(options.local_addresses),
      vlans_(program.maps().vlans.fd) {}

Result<Interfaces> Interfaces::attach(net::RouteReader& reader, const XdpOptions& options,
                                      const RelayProgram& program, const std::string& directory) {
  if (options.attach == Attach::kDispatcher) DispatcherHold::prepare(directory);
  Interfaces interfaces(options, program, directory);
  interfaces.wake_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!interfaces.wake_) return fail_errno(errno, "eventfd");
  // A start that fails leaves what an earlier process had attached.
  interfaces.keep_ = !pinned_interfaces(directory, LinkHold::kPrefix).empty() ||
                     !pinned_interfaces(directory, DispatcherHold::kPrefix).empty();
  if (auto read = interfaces.read(reader); !read) return forward(read);
  if (auto present = interfaces.explain_absence(); !present) return forward(present);
  interfaces.follow();
  for (Trial& trial : interfaces.take_trials()) {
    trial.run(reader);
    interfaces.settle(std::move(trial));
  }
  if (auto attached = interfaces.explain_refusals(); !attached) return forward(attached);
  interfaces.started_ = true;
  return interfaces;
}

Interfaces::~Interfaces() {
  for (const Port& port : ports_)
    if (port.attachment) port.attachment->keep(keep_);
}

Result<void> Interfaces::read(net::RouteReader& reader) {
  const auto links = reader.links();
  if (!links) return forward(links);
  auto addresses = reader.addresses();
  if (!addresses) return forward(addresses);
  links_.clear();
  for (const net::Link& link : *links)
    links_.emplace(link.ifindex, link);
  local_ = std::move(*addresses);
  return {};
}

// At the start: an error when a name is wrong, or when a mode is demanded and there is no interface for it;
// else a warning.
Result<void> Interfaces::explain_absence() const {
  for (const std::string& name : names_) {
    if (link_named(links_, name) != nullptr) continue;
    std::string known;
    for (const auto& [ifindex, link] : links_)
      known.append(" ").append(link.name);
    return fail(ErrorCode::kInvalid,
                "[fastpath] interfaces names '" + name + "', which does not exist; there are:" + known);
  }
  if (!wanted().empty()) return {};
  std::string words = "no interface but lo carries";
  const char* separator = " ";
  for (const IpAddress& address : addresses_) {
    words.append(separator).append(address.to_string());
    separator = ", ";
  }
  words += "; name the interfaces that do in [fastpath] interfaces";
  const Mode mode = attach_options_->mode;
  if (demanded(mode))
    return fail(ErrorCode::kUnsupported, "[fastpath] mode = \"" + std::string(to_string(mode)) + "\", but " +
                                             words + ", or set mode = \"auto\"");
  if (mode == Mode::kAuto) spdlog::warn("fast path off: {}", words);
  return {};
}

Result<void> Interfaces::explain_refusals() const {
  const Mode mode = attach_options_->mode;
  if (!demanded(mode)) return {};
  for (const Port& port : ports_) {
    const InterfaceStatus& status = port.status;
    if (status.mode == mode) continue;
    return fail(
        ErrorCode::kUnsupported,
        "[fastpath] mode = \"" + std::string(to_string(mode)) + "\", but " + status.name + ": " +
            status.reason + ". " +
            (status.remedy.empty() ? "Set mode = \"auto\"" : status.remedy + "; or set mode = \"auto\""));
  }
  return {};
}

std::map<unsigned, std::string> Interfaces::wanted() const {
  std::set<unsigned> chosen;
  for (const auto& [ifindex, link] : links_)
    if (std::find(names_.begin(), names_.end(), link.name) != names_.end()) chosen.insert(ifindex);
  if (!names_.empty()) {  // one that was renamed is still the one that was named
    for (const Port& port : ports_)
      if (!port.gone) chosen.insert(port.status.ifindex);
  } else {
    for (const net::LocalAddress& local : local_) {
      const bool ours = std::any_of(addresses_.begin(), addresses_.end(), [&](const IpAddress& address) {
        return address == local.address ||
               (address.is_unspecified() && address.is_v4() == local.address.is_v4());
      });
      const auto link = links_.find(local.ifindex);
      if (ours && link != links_.end() && !link->second.loopback) chosen.insert(local.ifindex);
    }
  }
  std::map<unsigned, std::string> wanted;
  for (const unsigned ifindex : chosen) {
    if (!links_.contains(ifindex)) continue;
    const auto under = underlay_of(links_, ifindex);
    wanted.emplace(under ? under->ifindex : ifindex, under ? "" : under.error().message);
  }
  return wanted;
}

const net::Link* Interfaces::other_end(const net::Link& link) const {
  const auto found = link.kind == "veth" ? links_.find(link.parent) : links_.end();
  return found == links_.end() ? nullptr : &found->second;
}

void Interfaces::refresh(net::RouteReader& reader) {
  if (read(reader)) follow();  // else the next event reads again; until then what was known stands
}

void Interfaces::follow() {
  const std::map<unsigned, std::string> wanted_now = wanted();
  for (Port& port : ports_) {
    const auto link = links_.find(port.status.ifindex);
    if (port.gone) continue;
    if (link == links_.end())
      lose(port);
    else
      follow_port(port, link->second);
  }
  drop_ports(wanted_now);
  add_ports(wanted_now);
  std::erase_if(targets_, [&](const auto& entry) { return !links_.contains(entry.first); });
  std::erase_if(untried_, [&](unsigned ifindex) { return !links_.contains(ifindex); });
  vlans_.update(links_);
  if (std::any_of(ports_.begin(), ports_.end(), [](const Port& port) { return port.waits; })) wake();
}

void Interfaces::follow_port(Port& port, const net::Link& link) {
  port.status.name = link.name;
  if (port.on_trial || port.waits || !port.attachment) return;
  const Mode mode = port.status.mode;
  const auto now = Conditions::of_port(link, other_end(link), has_vlans(links_, link.ifindex), mode);
  // What goes down is tried again when it is up: until then nothing can be said.
  port.waits = now != port.conditions && (link.up || now.hides_tags != port.conditions.hides_tags);
}

void Interfaces::lose(Port& port) {
  release(port);
  port.gone = true;
  port.waits = false;
  port.status.mode = Mode::kOff;
  port.status.reason = "the interface is gone";
  port.status.remedy.clear();
  tell(port.status);
}

// Takes the program off.
void Interfaces::release(Port& port) {
  if (port.attachment) port.attachment->keep(false);
  port.attachment.reset();
}

void Interfaces::drop_ports(const std::map<unsigned, std::string>& wanted_now) {
  std::erase_if(ports_, [&](Port& port) {
    // What is gone is told about until something takes its place.
    if (port.gone)
      return names_.empty() ? !wanted_now.empty() : link_named(links_, port.status.name) != nullptr;
    if (wanted_now.contains(port.status.ifindex)) return false;
    spdlog::info("{}: fast path off: it carries none of the relay's addresses now", port.status.name);
    release(port);
    return true;
  });
}

void Interfaces::add_ports(const std::map<unsigned, std::string>& wanted_now) {
  for (const auto& [index, fault] : wanted_now) {
    const bool known = std::any_of(ports_.begin(), ports_.end(), [ifindex = index](const Port& each) {
      return !each.gone && each.status.ifindex == ifindex;
    });
    if (known) continue;
    Port& added = ports_.emplace_back();
    added.status.name = links_.at(index).name;
    added.status.ifindex = index;
    added.status.reason = fault.empty() ? kWaits : fault;
    added.waits = fault.empty();
    if (!fault.empty()) tell(added.status);
  }
}

void Interfaces::tell(const InterfaceStatus& status) const {
  if (!started_) return;
  const std::string remedy = status.remedy.empty() ? "" : "; remedy: " + status.remedy;
  if (status.mode == Mode::kOff)
    spdlog::warn("{}: fast path off: {}{}", status.name, status.reason, remedy);
  else
    spdlog::info("{}: fast path in {} mode{}{}", status.name, to_string(status.mode),
                 status.reason.empty() ? "" : ": " + status.reason, remedy);
}

void Interfaces::wake() {
  (void)eventfd_write(wake_.get(), 1);
}

std::vector<InterfaceStatus> Interfaces::status() const {
  std::vector<InterfaceStatus> all;
  all.reserve(ports_.size());
  for (const Port& port : ports_) {
    all.push_back(port.status);
    for (const auto& [ifindex, link] : links_) {
      const auto under = underlay_of(links_, ifindex);
      if (ifindex != port.status.ifindex && under && under->up && under->ifindex == port.status.ifindex)
        all.back().vlans.push_back(link.name);
    }
  }
  return all;
}

bool Interfaces::carries(unsigned ifindex) const {
  return std::any_of(ports_.begin(), ports_.end(), [&](const Port& port) {
    return port.status.ifindex == ifindex && port.status.mode != Mode::kOff;
  });
}

bool Interfaces::hides_tags() const {
  return std::any_of(ports_.begin(), ports_.end(), [](const Port& port) {
    return port.status.mode != Mode::kOff && port.conditions.hides_tags;
  });
}

bool Interfaces::any_native() const {
  return std::any_of(ports_.begin(), ports_.end(),
                     [](const Port& port) { return port.status.mode == Mode::kNative; });
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
  for (const Port& port : ports_)
    if (port.status.ifindex == link.ifindex && port.status.mode == Mode::kNative) return status;
  const auto known = targets_.find(link.ifindex);
  if (known == targets_.end() || known->second.conditions != Conditions::of_target(link, other_end(link))) {
    status.reason = link.name + (link.up ? " is not tried out yet" : " is down");
    if (link.up && !tried_now_.contains(link.ifindex) && untried_.insert(link.ifindex).second) wake();
    return status;
  }
  const std::string& fault = known->second.fault;
  if (fault.empty()) return status;
  status.driver = driver_of(link.name);
  status.remedy = remedy_for(status.driver, fault, link.name);
  status.reason = link.name + " does not transmit what other interfaces receive in native mode: " + fault;
  return status;
}

std::vector<Trial> Interfaces::take_trials() {
  eventfd_t count = 0;
  (void)eventfd_read(wake_.get(), &count);
  std::vector<Trial> trials;
  for (Port& port : ports_) {
    if (!port.waits) continue;
    port.waits = false;
    port.on_trial = true;
    Trial& trial = trials.emplace_back();
    trial.ifindex_ = port.status.ifindex;
    trial.options_ = attach_options_.get();
    trial.has_vlans_ = has_vlans(links_, port.status.ifindex);
    trial.attachment_ = std::move(port.attachment);
  }
  for (const unsigned ifindex : untried_)
    trials.emplace_back().ifindex_ = ifindex;
  tried_now_.merge(untried_);
  untried_.clear();
  return trials;
}

void Interfaces::settle(Trial trial) {
  if (trial.options_ == nullptr) {
    tried_now_.erase(trial.ifindex_);
    if (trial.decided_) targets_.insert_or_assign(trial.ifindex_, Target{trial.conditions_, trial.fault_});
    return;
  }
  const auto port = std::find_if(ports_.begin(), ports_.end(), [&](const Port& each) {
    return each.on_trial && each.status.ifindex == trial.ifindex_;
  });
  if (port == ports_.end() || port->gone) return;  // meanwhile; the trial takes the program off
  port->on_trial = false;
  if (!trial.attachment_) {  // it went away: the next refresh finds it gone, or to be tried again
    port->waits = true;
    return;
  }
  port->attachment = std::move(trial.attachment_);
  port->conditions = std::move(trial.conditions_);
  InterfaceStatus status = port->attachment->status();
  status.name = port->status.name;
  const bool news = status.mode != port->status.mode || status.reason != port->status.reason;
  port->status = std::move(status);
  if (news) tell(port->status);
}

void Interfaces::finish_takeover() {
  keep_ = false;
  const auto ours = [&](unsigned ifindex) {
    return std::any_of(ports_.begin(), ports_.end(),
                       [&](const Port& port) { return !port.gone && port.status.ifindex == ifindex; });
  };
  const std::string& directory = attach_options_->directory;
  for (const unsigned ifindex : pinned_interfaces(directory, LinkHold::kPrefix))
    if (!ours(ifindex)) LinkHold::discard(ifindex, directory);
  for (const unsigned ifindex : pinned_interfaces(directory, DispatcherHold::kPrefix))
    if (!ours(ifindex)) DispatcherHold::discard(ifindex, directory);
}

}  // namespace turnpike::fastpath
