// SPDX-License-Identifier: Apache-2.0
//
// ControlServer: answers requests on the admin socket (admin/control_protocol.h says their form). It never
// blocks: whoever owns it waits for fd() and calls handle_readable(), which runs the handlers. One thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>

#include "admin/connection.h"
#include "admin/control_protocol.h"
#include "admin/control_socket.h"
#include "admin/stream.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/result.h"

namespace turnpike::admin {

// Gets the request's "args", an object. An exception of the JSON library in it becomes a kInvalid answer.
using Handler = std::function<Result<Json>(const Json& args)>;

struct ControlOptions {
  size_t max_clients = kMaxClients;
  std::chrono::milliseconds client_timeout = kClientTimeout;
};

class ControlServer {
 public:
  // Listens at `path` as ControlSocket::listen says.
  static Result<std::unique_ptr<ControlServer>> create(const std::string& path,
                                                       const ControlOptions& options = {});
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  ~ControlServer();  // removes the socket

  void handle(std::string verb, Handler handler);
  void handle_stream(std::string verb, StreamHandler handler);
  // Turns readable when there is something to do, a time-out included.
  int fd() const { return epoll_.get(); }
  // Does what can be done without waiting.
  void handle_readable();

 private:
  ControlServer(ControlSocket socket, const ControlOptions& options);
  Result<void> start();
  void accept_clients();
  void add_client(UniqueFd fd);
  void serve(uint64_t tag, uint32_t events);
  void answer(Connection& client, std::string_view line);
  void handle_timer();
  void arm_timer();

  ControlSocket socket_;
  ControlOptions options_;
  std::map<std::string, std::variant<Handler, StreamHandler>, std::less<>> handlers_;
  UniqueFd epoll_;
  UniqueFd timer_;
  bool accepting_ = true;  // false: out of descriptors; the timer tries again
  uint64_t next_tag_;
  std::map<uint64_t, std::unique_ptr<Connection>> clients_;  // by tag: the events' name for a client
};

}  // namespace turnpike::admin
