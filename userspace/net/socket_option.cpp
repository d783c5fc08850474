// SPDX-License-Identifier: Apache-2.0
#include "net/socket_option.h"

#include <linux/filter.h>
#include <sys/socket.h>

#include <cerrno>

namespace turnpike::net {

Result<void> set_option(int socket, int level, int name, int value) {
  if (setsockopt(socket, level, name, &value, sizeof value) == 0) return {};
  return fail_errno(errno, "setsockopt level " + std::to_string(level) + " option " + std::to_string(name) +
                               " to " + std::to_string(value));
}

Result<void> drop_all_input(int socket) {
  sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{1, &drop};
  if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0) return {};
  return fail_errno(errno, "SO_ATTACH_FILTER");
}

Result<void> accept_input(int socket) {
  return set_option(socket, SOL_SOCKET, SO_DETACH_FILTER, 0);
}

void enlarge_buffers(int socket) {
  if (!set_option(socket, SOL_SOCKET, SO_RCVBUFFORCE, kBufferBytes))
    (void)set_option(socket, SOL_SOCKET, SO_RCVBUF, kBufferBytes);
  if (!set_option(socket, SOL_SOCKET, SO_SNDBUFFORCE, kBufferBytes))
    (void)set_option(socket, SOL_SOCKET, SO_SNDBUF, kBufferBytes);
}

}  // namespace turnpike::net
