// SPDX-License-Identifier: Apache-2.0
#include "differential/relay.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <net/if.h>

#include <algorithm>
#include <cstdlib>

namespace turnpike::differential {

using bpf_test::Frame;
using bpf_test::Mac;
using bpf_test::Octets;
using stun::AttributeType;
using stun::Method;
using turn::test::at;
using turn::test::ip;

namespace {

constexpr unsigned kHosts = 4;  // .2 to .5 on each link
constexpr Seconds kPermissionLifetime(300), kChannelLifetime(600);
constexpr Mac kOwnMac[]{{0x02, 0, 0, 0, 1, 1}, {0x02, 0, 0, 0, 2, 1}};  // of tp0 and tp2
constexpr uint8_t kHostMac = 0x10;                                      // + .N in the last byte of theirs

void run(const std::string& command) {
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

// Link 0: 192.0.2.N and 2001:db8:1::N; link 1: 198.51.100.N and 2001:db8:2::N.
std::string host(unsigned link, bool v4, unsigned number) {
  if (v4) return (link == 0 ? "192.0.2." : "198.51.100.") + std::to_string(number);
  return (link == 0 ? "2001:db8:1::" : "2001:db8:2::") + std::to_string(number);
}

unsigned link_of(const IpAddress& address) {
  const Bytes wire = address.wire();
  return address.is_v4() ? (wire[0] == 192 ? 0 : 1) : wire[5] - 1;
}

Mac mac_of(const IpAddress& address) {
  Mac mac = kOwnMac[link_of(address)];
  mac[5] = static_cast<uint8_t>(kHostMac + address.wire().back());
  return mac;
}

std::string text_of(const Mac& mac) {
  char text[18];
  (void)std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
                      mac[4], mac[5]);
  return text;
}

}  // namespace

void make_network() {
  for (unsigned link = 0; link < 2; ++link) {
    const std::string here = "tp" + std::to_string(link * 2);
    const std::string there = "tp" + std::to_string(link * 2 + 1);
    run("ip link add " + here + " address " + text_of(kOwnMac[link]) + " type veth peer name " + there);
    run("ethtool -K " + there + " gro on >/dev/null");  // so that native XDP may redirect to `here`
    for (const std::string& name : {here, there})
      run("ip link set " + name + " up");
    run("ip addr add " + host(link, true, 1) + "/24 dev " + here);
    run("ip addr add " + host(link, false, 1) + "/64 nodad dev " + here);
    for (const bool v4 : {true, false})
      for (unsigned number = 2; number < 2 + kHosts; ++number)
        run("ip neigh replace " + host(link, v4, number) + " lladdr " +
            text_of(mac_of(ip(host(link, v4, number)))) + " nud permanent dev " + here);
  }
}

Relay::Relay(const std::string& directory, uint64_t seed) : random_(seed) {
  for (const bool v4 : {true, false})
    for (unsigned number = 2; number < 2 + kHosts; ++number)
      for (const uint16_t port : {uint16_t{6000}, uint16_t{6001}})
        peers_.push_back({ip(host(1, v4, number)), port});
  start_kernel(directory);
  start_server();
  make_sessions();
  end_sessions(directory);
}

Relay::~Relay() = default;

void Relay::start_kernel(const std::string& directory) {
  auto bpffs = fastpath::Bpffs::open(directory);
  ASSERT_TRUE(bpffs) << bpffs.error().message;
  bpffs_.emplace(std::move(*bpffs));
  auto steering = fastpath::Steering::create({.max_ports = 1024, .max_sockets = 4}, *bpffs_);
  ASSERT_TRUE(steering) << steering.error().message;
  steering_ = std::move(*steering);

  fastpath::XdpOptions options;
  options.mode = fastpath::Mode::kNative;
  options.interfaces = {"tp0", "tp2"};
  for (const unsigned link : {0u, 1u})
    for (const bool v4 : {true, false}) {
      options.local_addresses.push_back(ip(host(link, v4, 1)));
      if (link == 1) options.relay_addresses.push_back(ip(host(link, v4, 1)));
    }
  options.translations = {{ip("198.51.100.1"), ip("203.0.113.1")}};
  options.relay_first_port = 50000;
  options.relay_last_port = 50999;
  options.max_bindings = 4096;
  options.max_allocations = 256;
  auto fast_path = fastpath::create_xdp_fast_path(options, *bpffs_);
  ASSERT_TRUE(fast_path) << fast_path.error().message;
  fast_path_ = std::move(*fast_path);
  for (const bool v4 : {true, false})
    ASSERT_TRUE(steering_->add_port({ip(host(0, v4, 1)), 3478}, fastpath::PortKind::kListening, 0, 1));

  ingress_ = if_nametoindex("tp0");
  uint32_t id = 0;
  ASSERT_EQ(bpf_xdp_query_id(static_cast<int>(ingress_), 0, &id), 0);
  program_.reset(bpf_prog_get_fd_by_id(id));
  ASSERT_TRUE(program_) << "the XDP program on tp0";
}

void Relay::start_server() {
  turn::Options options;
  options.relay_addresses = {{ip("198.51.100.1"), ip("203.0.113.1")},
                             {ip("2001:db8:2::1"), ip("2001:db8:2::1")}};
  options.permission_lifetime = kPermissionLifetime;
  options.channel_lifetime = kChannelLifetime;
  ports_ = std::make_unique<turn::RelayPorts>(std::vector<IpAddress>{ip("198.51.100.1"), ip("2001:db8:2::1")},
                                              turn::PortRange{50000, 50999});
  auto server =
      turn::Server::create(options, {authenticator_, policy_, quota_, *ports_, reservations_, ids_});
  ASSERT_TRUE(server) << server.error().message;
  server_ = std::move(*server);
}

Endpoint Relay::external(const Endpoint& local) const {
  return local.address == ip("198.51.100.1") ? Endpoint{ip("203.0.113.1"), local.port} : local;
}

bool Relay::is_own(const IpAddress& address) {
  for (const unsigned link : {0u, 1u})
    if (address == ip(host(link, address.is_v4(), 1))) return true;
  return false;
}

bool Relay::is_relayed(const Endpoint& endpoint) const {
  return std::any_of(sessions_.begin(), sessions_.end(),
                     [&](const Session& session) { return session.relayed == endpoint; });
}

// Allocations first, so that they can name each other as peers.
void Relay::make_sessions() {
  for (uint16_t port = 40000; port < 40024; ++port)
    make_session(port);
  const Now present = read_clocks();
  for (Session& session : sessions_) {
    const bool v4 = session.relayed.address.is_v4();
    std::vector<Endpoint> candidates;
    for (const Endpoint& peer : peers_)
      if (peer.address.is_v4() == v4) candidates.push_back(peer);
    for (const Session& other : sessions_)
      if (other.relayed.address.is_v4() == v4) candidates.push_back(other.relayed);
    std::shuffle(candidates.begin(), candidates.end(), random_);
    // A tenth was asked for so long ago that its time is over: the permission's, or the channel's too.
    const auto some_time = [&] {
      Now time = present;
      if (below(10) == 0)
        time.monotonic -= below(2) == 0 ? kPermissionLifetime + Seconds(1) : kChannelLifetime;
      return time;
    };
    for (uint16_t number = 0x4000, end = static_cast<uint16_t>(number + below(5)); number < end; ++number) {
      session.channels.emplace_back(ChannelNumber{number}, candidates[number - 0x4000u]);
      session.permitted.push_back(candidates[number - 0x4000u].address);
      ask(request(Method::kChannelBind,
                  [&](stun::MessageBuilder& message) {
                    message.add_channel_number(number);
                    message.add_xor_address(AttributeType::kXorPeerAddress,
                                            external(session.channels.back().second));
                  }),
          session.five_tuple, some_time());
    }
    for (uint32_t more = below(3); more > 0; --more) {
      const Endpoint& peer = candidates[candidates.size() - more];
      session.permitted.push_back(peer.address);
      ask(request(Method::kCreatePermission,
                  [&](stun::MessageBuilder& message) {
                    message.add_xor_address(AttributeType::kXorPeerAddress, external(peer));
                  }),
          session.five_tuple, some_time());
    }
  }
}

void Relay::make_session(uint16_t port) {
  const bool client_v4 = below(2) == 0, relayed_v4 = below(2) == 0;
  Now asked = read_clocks();
  if (below(12) == 0) asked.monotonic -= Seconds(601);  // has ended
  ask(request(Method::kAllocate,
              [&](stun::MessageBuilder& message) {
                message.add_u32(AttributeType::kRequestedTransport, 17u << 24);
                message.add_u32(AttributeType::kRequestedAddressFamily, (relayed_v4 ? 1u : 2u) << 24);
              }),
      {{ip(host(0, client_v4, 2 + below(kHosts))), port}, {ip(host(0, client_v4, 1)), 3478}, Transport::kUdp},
      asked);
}

turn::test::Datagram Relay::request(Method method, const turn::test::Fill& fill) {
  turn::test::Datagram buffer(2048);
  stun::MessageBuilder message(buffer, method, stun::Class::kRequest,
                               turn::test::transaction(++transaction_));
  fill(message);
  message.add_text(AttributeType::kUsername, "alice");
  message.add_text(AttributeType::kRealm, "turnpike");
  message.add_text(AttributeType::kNonce, "fresh");
  message.add_integrity(turn::test::key_of("alice"));
  buffer.resize(message.finish().size());
  return buffer;
}

// Two sessions are over for the C++ relay, and their slots have gone to others meanwhile: flows and expiries
// are as they were, only the generations tell.
void Relay::end_sessions(const std::string& directory) {
  const UniqueFd bindings(bpf_obj_get((directory + "/map-bindings").c_str()));
  ASSERT_TRUE(bindings);
  for (size_t i = 0; i < 2; ++i) {
    const Session& session = sessions_[below(static_cast<uint32_t>(sessions_.size()))];
    server_->handle_client(
        request(Method::kRefresh,
                [](stun::MessageBuilder& message) { message.add_u32(AttributeType::kLifetime, 0); }),
        session.five_tuple, {}, read_clocks());
    server_->commands().clear();
    tp_binding binding{};
    for (uint32_t slot = 0; bpf_map_lookup_elem(bindings.get(), &slot, &binding) == 0; ++slot) {
      if (binding.generation == 0 || ntohs(binding.client.port) != session.five_tuple.client.port) continue;
      ++binding.generation;
      ASSERT_EQ(bpf_map_update_elem(bindings.get(), &slot, &binding, BPF_EXIST), 0);
    }
  }
}

// The maps are told what is new. What ends they are not: the server's clock runs ahead of theirs.
void Relay::ask(const turn::test::Datagram& request, const FiveTuple& five_tuple, const Now& now) {
  server_->handle_client(request, five_tuple, {}, now);
  for (const turn::Command& command : server_->commands().commands())
    install(command);
  server_->commands().clear();
}

void Relay::install(const turn::Command& command) {
  if (const auto* set = std::get_if<turn::SetAllocation>(&command)) {
    EXPECT_TRUE(fast_path_->set_allocation(set->session));
    sessions_.push_back({set->session.five_tuple, set->session.relayed, {}, {}});
  } else if (const auto* permit = std::get_if<turn::SetPermission>(&command)) {
    EXPECT_TRUE(fast_path_->permit(permit->permission));
  } else if (const auto* bind = std::get_if<turn::InstallBinding>(&command)) {
    EXPECT_TRUE(fast_path_->install(bind->binding));
  } else if (const auto* own = std::get_if<turn::OwnPort>(&command)) {
    EXPECT_TRUE(steering_->add_port(own->relayed, fastpath::PortKind::kRelay, 0, 1));
  }
}

std::vector<Frame> Relay::relay_in_userspace(const Received& received) {
  const Now now = read_clocks();
  if (received.destination.port == 3478)
    server_->handle_client(received.payload, {received.source, received.destination, Transport::kUdp},
                           received.ip, now);
  else
    server_->handle_peer(received.payload, received.source, received.destination, received.ip, now);
  std::vector<Frame> frames;
  const auto leave = [&](const Endpoint& source, const Endpoint& destination, const IpFields& fields,
                         Bytes data) {
    Frame frame;
    frame.source = source;
    frame.destination = destination;
    frame.source_mac = kOwnMac[link_of(destination.address)];
    frame.destination_mac = mac_of(destination.address);
    frame.ttl = fields.ttl;
    frame.traffic_class = fields.traffic_class;
    frame.dont_fragment = fields.dont_fragment;
    frame.payload.assign(data.begin(), data.end());
    frames.push_back(std::move(frame));
  };
  // A datagram to another client of the relay comes back in by the loopback device.
  std::vector<Received> inside;
  for (const turn::Command& command : server_->commands().commands()) {
    if (const auto* to_peer = std::get_if<turn::SendToPeer>(&command)) {
      const Bytes data = server_->commands().bytes(to_peer->data);
      if (is_relayed(to_peer->peer))
        inside.push_back({to_peer->relayed, to_peer->peer, to_peer->ip, {data.begin(), data.end()}});
      else
        leave(to_peer->relayed, to_peer->peer, to_peer->ip, data);
    } else if (const auto* to_client = std::get_if<turn::SendToClient>(&command);
               to_client && to_client->relayed) {
      leave(to_client->five_tuple.server, to_client->five_tuple.client, to_client->ip,
            server_->commands().bytes(to_client->data));
    }
  }
  server_->commands().clear();
  for (const Received& datagram : inside)
    for (Frame& frame : relay_in_userspace(datagram))
      frames.push_back(std::move(frame));
  return frames;
}

Relay::Verdict Relay::relay_in_kernel(const Octets& frame) const {
  xdp_md context{};
  context.data_end = static_cast<uint32_t>(frame.size());
  context.ingress_ifindex = ingress_;
  Verdict verdict{};
  verdict.bytes.resize(4096);
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_out = verdict.bytes.data(),
              .data_size_in = static_cast<uint32_t>(frame.size()),
              .data_size_out = static_cast<uint32_t>(verdict.bytes.size()), .ctx_in = &context,
              .ctx_size_in = sizeof context, .repeat = 1);
  EXPECT_EQ(bpf_prog_test_run_opts(program_.get(), &options), 0) << std::strerror(errno);
  verdict.action = options.retval;
  verdict.bytes.resize(options.data_size_out);
  return verdict;
}

}  // namespace turnpike::differential
