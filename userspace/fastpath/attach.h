// SPDX-License-Identifier: Apache-2.0
//
// Attachment: the XDP program on one interface, in the best mode that the interface really carries. What an
// earlier process left attached gets the new program in place. Another's program is never pushed out.
#pragma once

#include <memory>
#include <string>

#include "fastpath/fast_path.h"
#include "fastpath/hold.h"
#include "net/rtnetlink.h"

namespace turnpike::fastpath {

class Attachment {
 public:
  // Mode kAuto tries native, then generic; kNative and kGeneric that alone; kOff nothing. What came of it is
  // in status(): mode kOff with a reason when nothing did. `hides_tags`: VLANs stand on the interface, and it
  // takes their tags out of the program's sight. Takes as long as probe_transmit().
  Attachment(net::RouteReader& reader, const net::Link& link, AttachOptions options, bool hides_tags);
  // Detaches and unpins, unless kept.
  ~Attachment() = default;
  Attachment(Attachment&&) = delete;

  const InterfaceStatus& status() const { return status_; }
  bool hides_tags() const { return hides_tags_; }
  // Runs natively and, by another test packet, still transmits.
  bool still_native(net::RouteReader& reader, const net::Link& link) const;
  // Whether the program stays on the interface when this is destroyed.
  void keep(bool keep);

 private:
  // Whether there is one of the ways; the own link stands in for a dispatcher in mode kAuto.
  bool choose_way(AttachOptions& options);
  bool take_over(const AttachOptions& options, bool hides_tags);
  void attach(net::RouteReader& reader, const net::Link& link, AttachOptions options, bool hides_tags);
  // Native, then generic, as far as they are wanted. True when one came of it; else reasons are noted.
  bool try_modes(net::RouteReader& reader, const net::Link& link, const AttachOptions& options,
                 bool hides_tags);
  Result<void> try_native(net::RouteReader& reader, const net::Link& link, const AttachOptions& options);
  Result<void> try_generic(const AttachOptions& options, bool hides_tags);
  // Pins it and has it from now on.
  Result<void> carry(std::unique_ptr<Hold> hold);
  void note(const std::string& reason);

  InterfaceStatus status_;
  bool hides_tags_;
  std::unique_ptr<Hold> hold_;
};

}  // namespace turnpike::fastpath
