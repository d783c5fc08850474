// SPDX-License-Identifier: Apache-2.0
#include "command_line.h"

#include <CLI/CLI.hpp>
#include <sstream>

#include "load_abi.h"
#include "names.h"

namespace turnpike::load {
namespace {

// Addresses as text, until all of the line was read.
struct TargetText {
  std::string relay;
  std::vector<std::string> client_addresses;
};

struct Texts {
  TargetText target;
  std::string peer;
};

void declare_target(CLI::App& app, Target& target, TargetText& text, bool& json) {
  app.add_option("--relay", text.relay, "The relay's listening address, HOST:PORT or [HOST]:PORT")
      ->required();
  app.add_option("--user", target.credentials.user, "Long-term credentials at the relay");
  app.add_option("--password", target.credentials.password, "Their password");
  app.add_option("--client-netns", target.client_netns, "Network namespace of the clients (default: own)");
  app.add_option("--client-address", text.client_addresses,
                 "This host's addresses that clients use, comma separated (default: the one that routes "
                 "choose). Each has ports for some 55,000 clients")
      ->delimiter(',');
  app.add_flag("--json", json, "One JSON object on standard output");
}

void declare_seconds(CLI::App& app, unsigned& seconds) {
  app.add_option("--seconds", seconds, "How long")->check(CLI::Range(1u, kMaxSeconds))->capture_default_str();
}

void declare_shape(CLI::App& app, RelayOptions& options) {
  app.add_option(
         "--direction", options.direction,
         "to-peer, to-client, hairpin (between two clients); or no relay but, in its place, a bare XDP "
         "redirect (forward) or an XDP router: TTL, route look-up, redirect (forward-fib)")
      ->transform(CLI::CheckedTransformer(kDirections))
      ->option_text("WORD");
  app.add_option("--framing", options.framing,
                 "Of what clients send and receive: channel (ChannelData) or indication (Send, Data)")
      ->transform(CLI::CheckedTransformer(kFramings))
      ->option_text("WORD");
  app.add_option("--pairs", options.pairs,
                 "Of a hairpin: alike, or mixed (the receiving client has the other framing)")
      ->transform(CLI::CheckedTransformer(kPairs))
      ->option_text("WORD");
  app.add_option(
         "--profile", options.profile,
         "fixed (--size), or mixed: one direction of a call with voice and video, of 8 datagrams 2 of "
         "160 bytes, 3 of 1100, 3 of 1200 (50 and 150 a second)")
      ->transform(CLI::CheckedTransformer(kProfiles))
      ->option_text("WORD");
  app.add_option("--size", options.size, "Bytes of application data in a datagram, for --profile fixed")
      ->check(CLI::Range(kMinSize, kMaxSize))
      ->capture_default_str();
}

void declare_scale(CLI::App& app, RelayOptions& options) {
  app.add_option("--rate", options.rate, "Datagrams a second, evenly; 0: as many as there can be")
      ->capture_default_str();
  app.add_option("--cpus", options.cpus, "CPUs that make the frames, a thread each, comma separated")
      ->delimiter(',')
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--flows", options.flows, "Allocations (hairpin: pairs of them)")
      ->check(CLI::Range(1u, kMaxAllocations))
      ->capture_default_str();
  app.add_option("--bindings", options.bindings,
                 "Channels (or peers' ports) over all flows (default: one a flow). They are the peer's ports "
                 "from --peer's on; in a hairpin other partners")
      ->check(CLI::Range(1u, unsigned{LOAD_MAX_BINDINGS}));
  app.add_option("--active", options.active, "Bindings that get traffic, in turn (default: all)")
      ->check(CLI::Range(1u, unsigned{LOAD_MAX_BINDINGS}));
  app.add_flag("--delay", options.delay,
               "Measure the one-way delay from a frame's generation to its arrival, by the kernel's clock");
}

void declare_relay(CLI::App& app, RelayOptions& options, Texts& text) {
  declare_target(app, options.target, text.target, options.json);
  app.add_option("--peer", text.peer,
                 "Address of the peer that this program plays, an address of this host, HOST:PORT")
      ->required();
  app.add_option("--peer-netns", options.peer_netns, "Network namespace of the peer (default: own)");
  app.add_option("--relay-netns", options.relay_netns,
                 "Network namespace for --direction forward and forward-fib");
  declare_shape(app, options);
  declare_scale(app, options);
  declare_seconds(app, options.seconds);
}

void declare_allocate(CLI::App& app, AllocateOptions& options, TargetText& text) {
  declare_target(app, options.target, text, options.json);
  declare_seconds(app, options.seconds);
  app.add_option("--clients", options.clients, "Clients that allocate at the same time")
      ->check(CLI::Range(1u, 50'000u))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads that play them")
      ->check(CLI::Range(1u, unsigned{LOAD_MAX_SOCKETS}))
      ->capture_default_str();
}

void declare_hold(CLI::App& app, HoldOptions& options, TargetText& text) {
  declare_target(app, options.target, text, options.json);
  app.add_option("--allocations", options.allocations, "How many")
      ->check(CLI::Range(1u, kMaxAllocations))
      ->capture_default_str();
}

Result<void> read_endpoint(const char* option, const std::string& text, Endpoint& endpoint) {
  auto parsed = Endpoint::parse(text);
  if (!parsed) return fail(ErrorCode::kInvalid, std::string(option) + ": " + parsed.error().message);
  endpoint = *parsed;
  return {};
}

Result<void> read_target(const TargetText& text, Target& target) {
  for (const std::string& one : text.client_addresses) {
    auto address = IpAddress::parse(one);
    if (!address) return fail(ErrorCode::kInvalid, "--client-address: " + address.error().message);
    target.client_addresses.push_back(*address);
  }
  return read_endpoint("--relay", text.relay, target.relay);
}

template <class Options>
CommandLine checked(Options options, Result<void> read) {
  if (read) read = check(options);
  if (!read) return {{}, 2, false, "turnpike-load: " + read.error().message + "\n"};
  return {std::move(options), 0, true, {}};
}

}  // namespace

CommandLine read_command_line(int argc, const char* const* argv) {
  CLI::App app{"Drives a TURN relay, any, and measures what it does."};
  RelayOptions relay;
  AllocateOptions allocate;
  HoldOptions hold;
  Texts text;
  CLI::App* relay_app = app.add_subcommand(
      "relay", "Packets a second and delay, with frames made in the kernel and counted where they arrive");
  CLI::App* allocate_app =
      app.add_subcommand("allocate", "Allocations a second: 401, success, and Refresh 0 of new 5-tuples");
  CLI::App* hold_app = app.add_subcommand(
      "hold", "Makes allocations, says when they are there, keeps them until SIGTERM or a piped input's end");
  app.require_subcommand(1);
  declare_relay(*relay_app, relay, text);
  declare_allocate(*allocate_app, allocate, text.target);
  declare_hold(*hold_app, hold, text.target);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    const int status = app.exit(error, out, out);
    return {{}, status == 0 ? 0 : 2, false, out.str()};
  }
  if (relay_app->parsed()) {
    Result<void> read = read_target(text.target, relay.target);
    if (read) read = read_endpoint("--peer", text.peer, relay.peer);
    return checked(std::move(relay), std::move(read));
  }
  Target& target = allocate_app->parsed() ? allocate.target : hold.target;
  const Result<void> read = read_target(text.target, target);
  return allocate_app->parsed() ? checked(std::move(allocate), read) : checked(std::move(hold), read);
}

}  // namespace turnpike::load
