// SPDX-License-Identifier: Apache-2.0
#include "turnpikectl/trace.h"

#include <openssl/evp.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "turnpikectl/interrupt.h"
#include "turnpikectl/units.h"

namespace turnpike::ctl {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { (void)std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

std::string from_base64(const std::string& text) {
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size =
      ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  // It counts what the padding stands for as bytes.
  const auto padding = text.size() - std::min(text.size(), text.find_last_not_of('=') + 1);
  bytes.resize(size < 0 ? 0 : static_cast<size_t>(size) - padding);
  return bytes;
}

std::string text(const Json& object, const char* key) {
  return object.at(key).get<std::string>();
}

std::string frame_block(Pcapng& file, const Json& frame, uint64_t time, PacketFlow flow,
                        const std::string& comment) {
  const std::string interface = text(frame, "interface");
  const std::string bytes = from_base64(text(frame, "data"));
  return file.packet({interface, time, frame.at("length").get<uint32_t>(), bytes, flow, comment});
}

// Takes the stream's lines and writes them.
class Recorder {
 public:
  Recorder(const Context& context, const TraceWish& wish) : json_(context.json), name_(wish.file) {}

  // False, after the error was printed: the file cannot be written.
  bool open() {
    if (name_ == "-" && !json_ && ::isatty(STDOUT_FILENO) != 0) {
      print_error("a pcapng is not for a terminal: expected -o FILE, or a pipe (| tcpdump -nr -), or --json");
      return false;
    }
    if (name_ != "-") {
      opened_.reset(std::fopen(name_.c_str(), "wb"));
      if (!opened_) return complain();
    }
    file_ = opened_ ? opened_.get() : stdout;
    return json_ || (put(Pcapng::section_header("turnpikectl")) && flush());
  }
  bool take(const Json& packet) {
    return json_ ? put(packet.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n")
                 : put(packet_blocks(pcapng_, packet));
  }
  // Whoever reads the file sees packets as they come.
  bool flush() { return std::fflush(file_) == 0 || complain(); }

 private:
  bool put(const std::string& bytes) {
    return std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size() || complain();
  }
  bool complain() const {
    print_error((name_ == "-" ? "standard output" : name_) + ": " + std::strerror(errno));
    return false;
  }

  bool json_;
  std::string name_;
  File opened_;  // null: standard output
  std::FILE* file_ = nullptr;
  Pcapng pcapng_;
};

admin::Request request_of(const TraceWish& wish) {
  admin::Request request{.verb = "trace", .args = {{"id", wish.id}}};
  if (wish.packets) request.args["packets"] = *wish.packets;
  if (wish.seconds) request.args["seconds"] = *wish.seconds;
  if (wish.rate) request.args["rate"] = *wish.rate;
  return request;
}

// Waits for a line. The first Ctrl-C asks the relay for the end, which then comes; false at the second.
bool wait_for_line(admin::ControlClient& client, Interrupt& interrupt, bool& stopping) {
  while (!client.has_line()) {
    std::array<pollfd, 2> ready = {{{.fd = client.fd(), .events = POLLIN, .revents = 0},
                                    {.fd = interrupt.fd(), .events = POLLIN, .revents = 0}}};
    if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) return false;
    if (ready[1].revents != 0) {
      if (stopping) return false;
      stopping = true;
      interrupt.clear();
      client.stop();
    }
    if (ready[0].revents != 0) return true;
  }
  return true;
}

int record(admin::ControlClient& client, Recorder& recorder) {
  Interrupt interrupt;
  for (bool stopping = false;;) {
    if (!client.has_line() && !recorder.flush()) return kRefused;
    if (!wait_for_line(client, interrupt, stopping)) return kRefused;
    const auto line = client.next();
    if (!line) {
      print_error(line.error().message);
      return kRefused;
    }
    if (line->end) {
      (void)std::fputs(render_trace_end(line->value).c_str(), stderr);
      return recorder.flush() ? kOk : kRefused;
    }
    if (!recorder.take(line->value)) return kRefused;
  }
}

}  // namespace

std::string packet_blocks(Pcapng& file, const Json& packet) {
  const Json& in = packet.at("in");
  const auto time = packet.at("time").get<uint64_t>();
  const std::string came = "in: " + text(in, "interface");
  const std::string why = text(packet, "reason") + ": " + text(packet, "meaning");
  if (!packet.contains("out"))
    return frame_block(file, in, time, PacketFlow::kIn, came + "; " + text(packet, "verdict") + ": " + why);
  // One after the other: the first packet of an interface brings the interface.
  std::string blocks = frame_block(file, in, time, PacketFlow::kIn, came);
  const Json& out = packet.at("out");
  return blocks += frame_block(file, out, out.at("time").get<uint64_t>(), PacketFlow::kOut,
                               why + "; out of " + text(out, "interface"));
}

std::string render_trace_end(const Json& end) {
  const std::string why = text(end, "ended");
  std::string page = format_plural(end.at("packets").get<uint64_t>(), "packet") + " traced";
  if (why == "session") page += ", and the session has ended";
  page += "\n";
  for (const auto& [key, cause] :
       {std::pair("rate_limited", "by the kernel: over the rate (--rate), or faster than they could be read"),
        std::pair("slow_reader", "because they were not written as fast as they came"),
        std::pair("incomplete", "because the kernel's buffer was full")})
    if (const auto lost = end.at(key).get<uint64_t>(); lost > 0)
      page += format_plural(lost, "packet") + " left out " + cause + "\n";
  return page;
}

int run_trace(const Context& context, const TraceWish& wish) {
  auto client = connect(context);
  if (!client) return kNoRelay;
  const auto answer = client->ask(request_of(wish));
  if (!answer) {
    print_error(answer.error().message);
    return kRefused;
  }
  Recorder recorder(context, wish);
  if (!recorder.open()) return kRefused;
  try {
    return record(*client, recorder);
  } catch (const Json::exception& unexpected) {
    print_unexpected("trace", unexpected);
    return kRefused;
  }
}

}  // namespace turnpike::ctl
