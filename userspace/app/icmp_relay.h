// SPDX-License-Identifier: Apache-2.0
//
// IcmpRelay: brings ICMP errors about what the relay sent to the worker that sent it, and tells senders whose
// packets the kernel's program found too big. Control thread only.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "app/worker.h"
#include "bpf/abi.h"
#include "net/event_loop.h"
#include "net/icmp_egress.h"
#include "net/icmp_ingress.h"
#include "turn/relay_ports.h"
#include "util/result.h"

namespace turnpike::app {

class IcmpRelay {
 public:
  struct Surroundings {
    net::EventLoop& loop;
    fastpath::FastPath& fast_path;
    const turn::RelayPorts& ports;
    const std::vector<Endpoint>& listening;
    const std::vector<std::unique_ptr<Worker>>& workers;
  };
  // What it is given outlives it.
  static Result<std::unique_ptr<IcmpRelay>> create(const Surroundings& surroundings);
  IcmpRelay(const IcmpRelay&) = delete;
  IcmpRelay& operator=(const IcmpRelay&) = delete;
  ~IcmpRelay();

  // TP_EVENT_TOO_BIG.
  void tell_too_big(const tp_event& event);
  // Errors about what the relay sent that were untrue or too many.
  uint64_t ignored() const { return ingress_->ignored(); }

 private:
  IcmpRelay(const Surroundings& surroundings, std::unique_ptr<net::IcmpIngress> ingress,
            std::unique_ptr<net::IcmpEgress> egress)
      : surroundings_(surroundings), ingress_(std::move(ingress)), egress_(std::move(egress)) {}
  void receive();
  bool is_listening(const Endpoint& source) const;
  void distribute(const net::IcmpNotice& notice) const;

  Surroundings surroundings_;
  std::unique_ptr<net::IcmpIngress> ingress_;
  std::unique_ptr<net::IcmpEgress> egress_;
};

}  // namespace turnpike::app
