// SPDX-License-Identifier: Apache-2.0
#include "unit/turn_fixture.h"

#include <gtest/gtest.h>

#include "stun/channel_data.h"

namespace turnpike::turn::test {

using stun::AttributeType;
using stun::Class;
using stun::Method;

namespace {

constexpr const char* kRealm = "turnpike";

const char* method_name(Method method) {
  switch (method) {
    case Method::kBinding:
      return "binding";
    case Method::kAllocate:
      return "allocate";
    case Method::kRefresh:
      return "refresh";
    case Method::kSend:
      return "send";
    case Method::kData:
      return "data";
    case Method::kCreatePermission:
      return "create_permission";
    case Method::kChannelBind:
      return "channel_bind";
  }
  return "?";
}

std::string text_of(Bytes bytes) {
  return "\"" + std::string(stun::as_text(bytes)) + "\"";
}

std::string text_of(const IpFields& ip) {
  if (ip == IpFields{}) return "";
  return " ttl=" + std::to_string(ip.ttl) + " tc=" + std::to_string(ip.traffic_class) +
         (ip.dont_fragment ? " df" : "");
}

std::string hex(Bytes bytes) {
  std::string text;
  for (uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string text_of(ChannelNumber channel) {
  return hex(
      std::array<uint8_t, 2>{static_cast<uint8_t>(channel.value >> 8), static_cast<uint8_t>(channel.value)});
}

void complete(Options& options) {
  if (options.realm == Options{}.realm) options.realm = kRealm;
  if (options.relay_addresses.empty())
    options.relay_addresses = {{ip("192.0.2.1"), ip("192.0.2.1")}, {ip("2001:db8::1"), ip("2001:db8::1")}};
}

Datagram build(Method method, Class message_class, const stun::TransactionId& id, const Fill& fill) {
  Datagram buffer(65536);
  stun::MessageBuilder builder(buffer, method, message_class, id);
  if (fill) fill(builder);
  buffer.resize(builder.finish().size());
  EXPECT_FALSE(buffer.empty());
  return buffer;
}

}  // namespace

Datagram bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

stun::LongTermKey key_of(std::string_view username) {
  return stun::long_term_key(username, kRealm, "secret of " + std::string(username));
}

stun::TransactionId transaction(uint64_t number) {
  stun::TransactionId id{};
  Writer(id).u64(number);
  return id;
}

void CountingRandom::fill(MutableBytes bytes) {
  while (!bytes.empty()) {
    uint8_t number[8];
    Writer(number).u64(next_++);
    const size_t size = std::min(bytes.size(), sizeof number);
    std::copy(number + 8 - size, number + 8, bytes.begin());
    bytes = bytes.subspan(size);
  }
}

std::vector<stun::LongTermKey> FakeAuthenticator::keys_for(std::string_view username, const Now&) const {
  if (username == "rotating") return {key_of("an older secret"), key_of("rotating")};
  if (username == "alice" || username == "bob") return {key_of(username)};
  return {};
}

NonceState FakeAuthenticator::check_nonce(std::string_view nonce, const Endpoint&, const Now&) const {
  if (nonce == "fresh") return NonceState::kValid;
  return nonce == "stale" ? NonceState::kStale : NonceState::kForged;
}

PeerVerdict FakePeerPolicy::judge(const IpAddress& peer) const {
  if (forbidden_addresses.contains(peer)) return {false, "forbidden address"};
  return {true, ""};
}

PeerVerdict FakePeerPolicy::judge(const Endpoint& peer) const {
  if (forbidden_endpoints.contains(peer)) return {false, "forbidden endpoint"};
  return judge(peer.address);
}

AllocationQuota::Verdict FakeQuota::acquire(std::string_view username) {
  if (held[std::string(username)] >= user_limit) return Verdict::kUserFull;
  if (total >= relay_limit) return Verdict::kRelayFull;
  adopt(username);
  return Verdict::kGranted;
}

void FakeQuota::adopt(std::string_view username) {
  ++held[std::string(username)];
  ++total;
}

void FakeQuota::release(std::string_view username) {
  --held[std::string(username)];
  --total;
}

const char* FakeLimits::admit(AllocationId, Direction direction, size_t bytes, MonotonicTime) {
  if (*refusal == '\0') charged[static_cast<size_t>(direction)] += bytes;
  return refusal;
}

World::World(Options options, PortRange range) {
  complete(options);
  std::vector<IpAddress> addresses;
  for (const RelayAddress& address : options.relay_addresses)
    addresses.push_back(address.local);
  ports = std::make_unique<RelayPorts>(addresses, range);
  make_server(options);
}

World::World(Options options, const World& beside) : shared(beside.shared) {
  complete(options);
  make_server(options);
}

void World::make_server(const Options& options) {
  const Environment environment{authenticator,        peers,  quota,   *ports,
                                shared->reservations, random, &limits, &sources};
  server = std::move(Server::create(options, environment).value());
}

void World::follow(const World& other) {
  now = other.now;
  random = other.random;
  names_ = other.names_;
  records = other.records;
}

FiveTuple World::five_tuple(uint16_t client_port) const {
  return {{ip("198.51.100.7"), client_port}, at("192.0.2.1:3478"), Transport::kUdp};
}

Lines World::timeout() {
  server->handle_timeout(now);
  return take();
}

Lines World::from_client(const Datagram& datagram, const FiveTuple& five_tuple, IpFields ip) {
  server->handle_client(datagram, five_tuple, ip, now);
  return take();
}

Lines World::from_peer(std::string_view data, const Endpoint& peer, const Endpoint& relayed, IpFields ip) {
  server->handle_peer(bytes_of(data), peer, relayed, ip, now);
  return take();
}

Lines World::icmp(const IcmpError& error) {
  server->handle_icmp(error, now);
  return take();
}

Lines World::restore(const SavedSession& saved) {
  const Result<void> restored = server->restore(saved, now);
  EXPECT_TRUE(restored) << restored.error().message;
  return take();
}

Lines World::take() {
  Lines lines;
  for (const Command& command : server->commands().commands())
    lines.push_back(render(command));
  for (const Command& command : server->commands().commands())
    if (const auto* release = std::get_if<ReleasePort>(&command)) ports->release(release->relayed);
  records.apply(server->commands());
  server->commands().clear();
  return lines;
}

std::string World::name(AllocationId id) {
  if (id.value == 0) return "#0";
  return "#" + std::to_string(names_.emplace(id, names_.size() + 1).first->second);
}

std::string World::seconds(MonotonicTime time) const {
  return "t+" + std::to_string(std::chrono::duration_cast<Seconds>(time - began).count());
}

std::string World::render(const Command& command) {
  const CommandQueue& queue = server->commands();
  struct {
    World& world;
    const CommandQueue& queue;
    std::string operator()(const SendToClient& c) {
      return (c.relayed ? "relay " : "answer ") + c.five_tuple.client.to_string() + " " +
             world.render_client_bytes(queue.bytes(c.data)) + text_of(c.ip);
    }
    std::string operator()(const SendToPeer& c) {
      return "peer " + c.relayed.to_string() + " -> " + c.peer.to_string() + " " +
             text_of(queue.bytes(c.data)) + text_of(c.ip);
    }
    std::string operator()(const OwnPort& c) { return "own " + c.relayed.to_string(); }
    std::string operator()(const ReleasePort& c) { return "release " + c.relayed.to_string(); }
    std::string operator()(const SetAllocation& c) {
      return "set " + world.name(c.session.id) + " " + world.seconds(c.session.expires);
    }
    std::string operator()(const RemoveAllocation& c) { return "remove " + world.name(c.id); }
    std::string operator()(const SetPermission& c) {
      return "permit " + world.name(c.permission.allocation) + " " + c.permission.peer.to_string() + " " +
             world.seconds(c.permission.expires);
    }
    std::string operator()(const RemovePermission& c) {
      return "forbid " + world.name(c.allocation) + " " + c.peer.to_string();
    }
    std::string operator()(const InstallBinding& c) {
      const Binding& b = c.binding;
      return "install " + world.name(b.allocation) + " " + text_of(b.channel) + " " +
             b.five_tuple.client.to_string() + " " + b.relayed.to_string() + " " + b.peer.to_string() +
             " channel " + world.seconds(b.channel_expires) + " permission " +
             world.seconds(b.permission_expires);
    }
    std::string operator()(const RestChannel& c) {
      EXPECT_TRUE(c.channel.resting);
      return "rest " + world.name(c.allocation) + " " + text_of(c.channel.number) + " " +
             c.channel.peer.to_string() + " " + world.seconds(c.channel.expires);
    }
    std::string operator()(const RemoveChannel& c) {
      return "unbind " + world.name(c.allocation) + " " + text_of(c.channel);
    }
    std::string operator()(const SaveCounters& c) {
      return "save " + world.name(c.id) + " to_peer=" + std::to_string(c.slow.to_peer_packets) + "/" +
             std::to_string(c.slow.to_peer_bytes) + " to_client=" + std::to_string(c.slow.to_client_packets) +
             "/" + std::to_string(c.slow.to_client_bytes);
    }
    std::string operator()(const SendTooBig& c) {
      return "too_big " + c.source.to_string() + " -> " + c.destination.to_string() + " " +
             std::to_string(c.mtu) + " " + hex(queue.bytes(c.quoted));
    }
    std::string operator()(const Event& c) {
      static constexpr const char* kNames[] = {"allocated", "expired", "deleted", "refused", "limited"};
      std::string line = std::string("event ") + kNames[static_cast<size_t>(c.kind)];
      if (c.kind == Event::Kind::kRefused)
        return line + " " + std::to_string(static_cast<int>(c.code)) + " " + c.reason;
      line += " " + world.name(c.allocation) + " " + c.username;
      return *c.reason == '\0' ? line : line + " " + c.reason;
    }
  } renderer{*this, queue};
  return std::visit(renderer, command);
}

std::string World::render_client_bytes(Bytes bytes) {
  if (const auto data = stun::parse_channel_data(bytes)) {
    EXPECT_EQ(bytes.size(), data->data.size() + stun::kChannelDataHeaderSize);
    return "channel " + hex(bytes.first(2)) + " " + text_of(data->data);
  }
  const auto message = stun::MessageView::parse(bytes);
  return message ? render_stun(*message) : "unreadable " + hex(bytes);
}

std::string World::render_stun(const stun::MessageView& message) {
  std::string text = method_name(message.method());
  if (message.message_class() == Class::kSuccess) text += " 200";
  for (const stun::Attribute& a : message.attributes()) {
    const auto address = stun::read_xor_address(a.value, message.transaction_id());
    if (a.type == AttributeType::kXorMappedAddress) text += " mapped=" + address.value().to_string();
    if (a.type == AttributeType::kXorRelayedAddress) text += " relayed=" + address.value().to_string();
    if (a.type == AttributeType::kXorPeerAddress) text += " peer=" + address.value().to_string();
    if (a.type == AttributeType::kData) text += " " + text_of(a.value);
    if (a.type == AttributeType::kIcmp) text += " icmp=" + hex(a.value);
    if (a.type == AttributeType::kLifetime)
      text += " lifetime=" + std::to_string(stun::read_u32(a.value).value());
    if (a.type == AttributeType::kErrorCode)
      text += " " + std::to_string(stun::read_error_code(a.value).value().code);
    if (a.type == AttributeType::kRealm) text += " realm=" + std::string(stun::as_text(a.value));
    if (a.type == AttributeType::kNonce) text += " nonce=" + std::string(stun::as_text(a.value));
    if (a.type == AttributeType::kSoftware) text += " software=" + std::string(stun::as_text(a.value));
    if (a.type == AttributeType::kReservationToken) text += " token=" + hex(a.value);
    if (a.type == AttributeType::kUnknownAttributes) text += " unknown=" + hex(a.value);
    if (a.type == AttributeType::kAddressErrorCode) text += " address_error=" + hex(a.value.first(4));
    if (a.type == AttributeType::kFingerprint)
      text += message.fingerprint_agrees() ? " fingerprint" : " wrong fingerprint";
    if (a.type != AttributeType::kMessageIntegrity) continue;
    std::string signer = "?";
    for (const char* user : {"alice", "bob", "rotating"})
      if (message.verify_integrity(key_of(user))) signer = user;
    text += " signed=" + signer;
  }
  return text;
}

Client::Client(World& its_world, uint16_t port, std::string its_username)
    : world(its_world),
      five_tuple(its_world.five_tuple(port)),
      username(std::move(its_username)),
      next_transaction_(uint64_t{port} << 32) {}

Datagram Client::request(Method method, const Fill& fill, bool fingerprint) {
  return build(method, Class::kRequest, transaction(next_transaction_++), [&](stun::MessageBuilder& builder) {
    if (fill) fill(builder);
    builder.add_text(AttributeType::kUsername, username);
    builder.add_text(AttributeType::kRealm, kRealm);
    builder.add_text(AttributeType::kNonce, "fresh");
    builder.add_integrity(key_of(username));
    if (fingerprint) builder.add_fingerprint();
  });
}

Datagram Client::indication(const Fill& fill) const {
  return build(Method::kSend, Class::kIndication, transaction(7), fill);
}

Lines Client::send(const Datagram& datagram, IpFields ip) {
  return world.from_client(datagram, five_tuple, ip);
}

Datagram Client::allocate_request(const Fill& more) {
  return request(Method::kAllocate, both(requested_transport(), more));
}

Endpoint Client::allocated(const Fill& more) {
  const Lines lines = allocate(more);
  const std::string& answer = lines.back();
  const size_t start = answer.find("relayed=");
  if (start == std::string::npos) {
    ADD_FAILURE() << "no allocation: " << answer;
    return {};
  }
  return at(answer.substr(start + 8, answer.find(' ', start) - start - 8));
}

Lines Client::refresh(std::optional<uint32_t> lifetime, const Fill& more) {
  return send(request(Method::kRefresh, [&](stun::MessageBuilder& builder) {
    if (lifetime) builder.add_u32(AttributeType::kLifetime, *lifetime);
    if (more) more(builder);
  }));
}

Lines Client::permit(const std::vector<std::string>& peers) {
  return send(request(Method::kCreatePermission, [&](stun::MessageBuilder& builder) {
    for (const std::string& peer : peers)
      builder.add_xor_address(AttributeType::kXorPeerAddress, {ip(peer), 0});
  }));
}

Lines Client::bind(uint16_t channel, std::string_view peer) {
  return send(request(Method::kChannelBind, [&](stun::MessageBuilder& builder) {
    builder.add_channel_number(channel);
    builder.add_xor_address(AttributeType::kXorPeerAddress, at(peer));
  }));
}

Lines Client::send_data(std::string_view peer, std::string_view data, IpFields ip) {
  return send(indication([&](stun::MessageBuilder& builder) {
                builder.add_xor_address(AttributeType::kXorPeerAddress, at(peer));
                builder.add_text(AttributeType::kData, data);
              }),
              ip);
}

Lines Client::channel_data(uint16_t channel, std::string_view data, IpFields ip) {
  Datagram datagram(4);
  Writer writer(datagram);
  writer.u16(channel);
  writer.u16(static_cast<uint16_t>(data.size()));
  datagram.insert(datagram.end(), data.begin(), data.end());
  return send(datagram, ip);
}

Fill requested_transport(uint8_t protocol) {
  return attribute(AttributeType::kRequestedTransport, {protocol, 0, 0, 0});
}

Fill attribute(AttributeType type, Datagram value) {
  return [type, value](stun::MessageBuilder& builder) { builder.add(type, value); };
}

Fill both(const Fill& first, const Fill& second) {
  return [first, second](stun::MessageBuilder& builder) {
    if (first) first(builder);
    if (second) second(builder);
  };
}

}  // namespace turnpike::turn::test
