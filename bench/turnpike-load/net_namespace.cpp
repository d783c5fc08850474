// SPDX-License-Identifier: Apache-2.0
#include "net_namespace.h"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>

namespace turnpike::load {

Result<NetNamespace> NetNamespace::open(const std::string& name) {
  const std::string path = name.empty() ? "/proc/thread-self/ns/net" : "/run/netns/" + name;
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "network namespace " + path + " (`ip netns` lists those there are)");
  return NetNamespace(std::move(fd));
}

Result<void> NetNamespace::enter() const {
  if (::setns(fd_.get(), CLONE_NEWNET) != 0)
    return fail_errno(errno, "entering a network namespace (needs root)");
  return {};
}

}  // namespace turnpike::load
