// SPDX-License-Identifier: Apache-2.0
#include "fastpath/session_store.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <string>

#include "fastpath/map_entries.h"
#include "fastpath/session_codec.h"

namespace turnpike::fastpath {
namespace {

constexpr uint32_t kMostWorkers = 256;

template <class Key, class Value>
Result<void> write(const UniqueFd& map, const Key& key, const Value& value, const char* what) {
  if (bpf_map_update_elem(map.get(), &key, &value, BPF_ANY) == 0) return {};
  return fail_errno(errno, std::string("writing the record of a ") + what);
}

template <class Key>
void erase(const UniqueFd& map, const Key& key) {
  (void)bpf_map_delete_elem(map.get(), &key);
}

void warn_of_record(AllocationId id, const Error& error) {
  spdlog::warn("a record of session {} is of no use and removed: {}", id.to_string(), error.message);
}

}  // namespace

std::vector<MapLayout> SessionStore::layouts(const StoreOptions& options) {
  const int cpus = libbpf_num_possible_cpus();
  const uint32_t workers = std::max(kMostWorkers, static_cast<uint32_t>(std::max(cpus, 0)));
  return {
      {"sessions", BPF_MAP_TYPE_HASH, sizeof(uint64_t), sizeof(tp_session), BPF_F_NO_PREALLOC,
       options.max_sessions},
      {"session_names", BPF_MAP_TYPE_HASH, sizeof(uint64_t), sizeof(tp_session_name), BPF_F_NO_PREALLOC,
       options.max_sessions},
      {"session_permissions", BPF_MAP_TYPE_HASH, sizeof(tp_session_permission_key),
       sizeof(tp_session_permission), BPF_F_NO_PREALLOC, options.max_permissions},
      {"session_channels", BPF_MAP_TYPE_HASH, sizeof(tp_session_channel_key), sizeof(tp_session_channel),
       BPF_F_NO_PREALLOC, options.max_channels},
      {"totals", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(tp_totals), 0, workers},
  };
}

Result<SessionStore> SessionStore::open(const Bpffs& bpffs, const StoreOptions& options) {
  SessionStore store;
  const std::vector<MapLayout> maps = layouts(options);
  UniqueFd* const places[] = {&store.sessions_, &store.names_, &store.permissions_, &store.channels_,
                              &store.totals_};
  for (size_t i = 0; i < maps.size(); ++i) {
    auto map = open_or_create_map(bpffs, maps[i]);
    if (!map) return forward(map);
    *places[i] = std::move(*map);
  }
  const auto sessions = layout_of(store.sessions_.get());
  if (!sessions) return forward(sessions);
  store.max_sessions_ = sessions->max_entries;
  store.workers_ = maps.back().max_entries;
  return store;
}

Result<void> SessionStore::set(const SessionRecord& session) {
  tp_session before{};
  (void)bpf_map_lookup_elem(sessions_.get(), &session.id.value, &before);
  const auto entry = to_abi(session, before.slow);
  if (!entry) return forward(entry);
  if (has_rest(*entry)) {
    auto written = write(names_, session.id.value, rest_of(session.username), "session's user name");
    if (!written) return written;
  }
  auto written = write(sessions_, session.id.value, *entry, "session");
  if (!written && has_rest(*entry)) erase(names_, session.id.value);
  return written;
}

Result<void> SessionStore::set(AllocationId id, const PermissionRecord& permission) {
  const tp_session_permission entry{kernel_nanoseconds(permission.expires)};
  return write(permissions_, permission_key(id, permission.peer), entry, "permission");
}

Result<void> SessionStore::set(AllocationId id, const ChannelRecord& channel) {
  return write(channels_, channel_key(id, channel.number), to_abi(channel), "channel");
}

void SessionStore::remove(AllocationId id) {
  tp_session entry{};
  if (bpf_map_lookup_and_delete_elem(sessions_.get(), &id.value, &entry) != 0) return;
  if (has_rest(entry)) erase(names_, id.value);
}

void SessionStore::remove(AllocationId id, const IpAddress& permission) {
  erase(permissions_, permission_key(id, permission));
}

void SessionStore::remove(AllocationId id, ChannelNumber channel) {
  erase(channels_, channel_key(id, channel));
}

void SessionStore::save_counters(AllocationId id, const RelayCounters& slow) {
  tp_session entry{};
  if (bpf_map_lookup_elem(sessions_.get(), &id.value, &entry) != 0) return;
  entry.slow = to_abi(slow);
  (void)bpf_map_update_elem(sessions_.get(), &id.value, &entry, BPF_EXIST);
}

void SessionStore::save_totals(unsigned worker, const RelayCounters& slow) {
  const uint32_t slot = worker;
  const tp_totals totals = to_abi(slow);
  (void)bpf_map_update_elem(totals_.get(), &slot, &totals, BPF_ANY);
}

RelayCounters SessionStore::load_totals() {
  RelayCounters sum;
  for (uint32_t slot = 0; slot < workers_; ++slot) {
    tp_totals totals{};
    (void)bpf_map_lookup_elem(totals_.get(), &slot, &totals);
    sum.to_peer_packets += totals.to_peer_packets;
    sum.to_peer_bytes += totals.to_peer_bytes;
    sum.to_client_packets += totals.to_client_packets;
    sum.to_client_bytes += totals.to_client_bytes;
  }
  // In one call: nothing must be counted twice when the process dies here.
  std::vector<uint32_t> slots(workers_);
  std::iota(slots.begin(), slots.end(), 0);
  std::vector<tp_totals> moved(workers_);
  moved[0] = to_abi(sum);
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  uint32_t count = workers_;
  (void)bpf_map_update_batch(totals_.get(), slots.data(), moved.data(), &count, &options);
  return sum;
}

Result<std::vector<SavedSession>> SessionStore::load() {
  const auto entries = read_all<uint64_t, tp_session>(sessions_.get());
  if (!entries) return forward(entries);
  auto names = load_names();
  if (!names) return forward(names);
  SessionIndex sessions;
  for (const auto& [id, entry] : *entries) {
    const auto rest = has_rest(entry) ? names->find(id) : names->end();
    auto saved = from_abi(AllocationId{id}, entry, rest == names->end() ? nullptr : &rest->second);
    if (saved) {
      sessions.emplace(AllocationId{id}, std::move(*saved));
      if (rest != names->end()) names->erase(rest);
    } else {
      warn_of_record({id}, saved.error());
      erase(sessions_, id);
    }
  }
  for (const auto& [id, rest] : *names)
    erase(names_, id);
  if (auto loaded = load_permissions(sessions); !loaded) return forward(loaded);
  if (auto loaded = load_channels(sessions); !loaded) return forward(loaded);
  std::vector<SavedSession> all;
  all.reserve(sessions.size());
  for (auto& [id, saved] : sessions)
    all.push_back(std::move(saved));
  return all;
}

Result<SessionStore::Names> SessionStore::load_names() {
  const auto entries = read_all<uint64_t, tp_session_name>(names_.get());
  if (!entries) return forward(entries);
  Names names;
  for (const auto& [id, rest] : *entries)
    names.emplace(id, rest);
  return names;
}

Result<void> SessionStore::load_permissions(SessionIndex& sessions) {
  const auto entries = read_all<tp_session_permission_key, tp_session_permission>(permissions_.get());
  if (!entries) return forward(entries);
  for (const auto& [key, entry] : *entries) {
    if (const auto session = sessions.find({key.session}); session != sessions.end()) {
      session->second.permissions.push_back(from_abi(key, entry));
    } else {
      erase(permissions_, key);
    }
  }
  return {};
}

Result<void> SessionStore::load_channels(SessionIndex& sessions) {
  const auto entries = read_all<tp_session_channel_key, tp_session_channel>(channels_.get());
  if (!entries) return forward(entries);
  for (const auto& [key, entry] : *entries) {
    const auto session = sessions.find({key.session});
    auto channel = from_abi(key, entry);
    if (!channel) warn_of_record({key.session}, channel.error());
    if (channel && session != sessions.end()) {
      session->second.channels.push_back(*channel);
    } else {
      erase(channels_, key);
    }
  }
  return {};
}

}  // namespace turnpike::fastpath
