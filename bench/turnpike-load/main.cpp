// SPDX-License-Identifier: Apache-2.0
//
// turnpike-load: drives a TURN relay, any, with frames made in the kernel, and counts what comes through.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "load_abi.h"
#include "measurement.h"

namespace {

using turnpike::load::Direction;
using turnpike::load::Options;
using turnpike::load::Report;

struct Arguments {
  Options options;
  std::string relay;
  std::string peer;
};

void declare(CLI::App& app, Arguments& arguments) {
  Options& options = arguments.options;
  const std::map<std::string, Direction> directions{{"to-peer", Direction::kToPeer},
                                                    {"to-client", Direction::kToClient},
                                                    {"hairpin", Direction::kHairpin},
                                                    {"forward", Direction::kForward}};
  app.add_option("--relay", arguments.relay, "The relay's listening address, HOST:PORT")->required();
  app.add_option("--peer", arguments.peer, "Address of the peer that this program plays, HOST:PORT")
      ->required();
  app.add_option("--user", options.credentials.user, "Long-term credentials at the relay");
  app.add_option("--password", options.credentials.password);
  app.add_option("--direction", options.direction,
                 "to-peer, to-client, hairpin (between two clients), or forward (no relay: a bare XDP "
                 "redirect in its place, to compare with)")
      ->transform(CLI::CheckedTransformer(directions));
  app.add_option("--client-netns", options.client_netns, "Network namespace of the clients (default: own)");
  app.add_option("--relay-netns", options.relay_netns, "Network namespace for --direction forward");
  app.add_option("--peer-netns", options.peer_netns, "Network namespace of the peer (default: own)");
  app.add_option("--size", options.size, "Bytes of application data in a datagram")
      ->check(CLI::Range(turnpike::load::kMinSize, turnpike::load::kMaxSize))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "How long")
      ->check(CLI::Range(1u, turnpike::load::kMaxSeconds))
      ->capture_default_str();
  app.add_option("--rate", options.rate, "Datagrams a second; 0: as many as there can be")
      ->capture_default_str();
  app.add_option("--flows", options.flows, "Allocations, each with one channel")
      ->check(CLI::Range(1u, unsigned{LOAD_MAX_FLOWS}))
      ->capture_default_str();
  app.add_option("--cpus", options.cpus, "CPUs that make the frames, a thread each: 0,1")
      ->delimiter(',')
      ->capture_default_str();
  app.add_flag("--json", options.json, "One JSON object on standard output");
}

int refuse(const std::string& message) {
  std::fprintf(stderr, "turnpike-load: %s\n", message.c_str());
  return 1;
}

void print(const Options& options, const Report& report) {
  if (options.json) {
    std::printf("%s\n", turnpike::load::to_json(options, report).dump().c_str());
    return;
  }
  std::printf("sent      %12.0f packets/s\n", report.sent_pps());
  std::printf("delivered %12.0f packets/s   %.3f Gbit/s of application data\n", report.delivered_pps(),
              report.delivered_pps() * options.size * 8 / 1e9);
  std::printf("loss      %12.3f %%\n", report.loss() * 100);
}

int run(int argc, char** argv) {
  CLI::App app{"Drives a TURN relay with frames made in the kernel and counts what comes through."};
  Arguments arguments;
  declare(app, arguments);
  CLI11_PARSE(app, argc, argv);

  const auto relay = turnpike::Endpoint::parse(arguments.relay);
  if (!relay) return refuse("--relay: " + relay.error().message);
  const auto peer = turnpike::Endpoint::parse(arguments.peer);
  if (!peer) return refuse("--peer: " + peer.error().message);
  if (relay->address.family() != peer->address.family())
    return refuse("--relay and --peer must be of one address family");
  if (arguments.options.direction == Direction::kForward) arguments.options.flows = 1;
  arguments.options.relay = *relay;
  arguments.options.peer = *peer;

  const auto report = turnpike::load::measure(arguments.options);
  if (!report) return refuse(report.error().message);
  print(arguments.options, *report);
  return 0;
}

}  // namespace

int main(int argc, char** argv) try { return run(argc, argv); } catch (const std::exception& failure) {
  std::fprintf(stderr, "turnpike-load: %s\n", failure.what());
  return 1;
}
