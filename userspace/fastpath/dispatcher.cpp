// SPDX-License-Identifier: Apache-2.0
#include "fastpath/dispatcher.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/magic.h>
#include <spdlog/spdlog.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "fastpath/libbpf_log.h"
#include "relay.skel.h"

namespace turnpike::fastpath {
namespace {

constexpr const char* kStandardBpffs = "/sys/fs/bpf";
constexpr unsigned kPriority = 10;  // libxdp's default is 50: filters with it or a later one see what we pass
constexpr const char* kNoExtensions =
    "this kernel refuses freplace (ext) programs, which libxdp's dispatcher needs; set [fastpath] attach = "
    "\"link\"";
// Since Linux 6.13, and in stable series from late 2024, a program that moves a packet's head may stand only
// in a dispatcher that says that its places do so.
constexpr const char* kOldDispatcher =
    "this kernel lets no program that changes packets into the dispatcher of the libxdp that is installed; "
    "install a newer one (with xdp-tools' change 509), or set [fastpath] attach = \"link\"";

struct CloseSet {
  void operator()(xdp_multiprog* set) const { xdp_multiprog__close(set); }
};
using ProgramSet = std::unique_ptr<xdp_multiprog, CloseSet>;

// What is on the interface; null when nothing is.
ProgramSet programs_on(unsigned ifindex) {
  xdp_multiprog* set = xdp_multiprog__get_from_ifindex(static_cast<int>(ifindex));
  return ProgramSet(libxdp_get_error(set) == 0 ? set : nullptr);
}

Mode mode_of(const ProgramSet& set) {
  return xdp_multiprog__attach_mode(set.get()) == XDP_MODE_SKB ? Mode::kGeneric : Mode::kNative;
}

bool contains(const ProgramSet& set, uint32_t id) {
  if (!set || xdp_multiprog__is_legacy(set.get())) return false;
  for (xdp_program* each = xdp_multiprog__next_prog(nullptr, set.get()); each != nullptr;
       each = xdp_multiprog__next_prog(each, set.get()))
    if (xdp_program__id(each) == id) return true;
  return false;
}

std::string words_of(int error) {
  std::array<char, 128> words{};
  (void)libxdp_strerror(error, words.data(), words.size());
  return words.data();
}

int log_libxdp(libxdp_print_level, const char* format, va_list arguments) {
  std::array<char, 512> line{};
  const int length = std::vsnprintf(line.data(), line.size(), format, arguments);
  std::string_view text(line.data());  // " libxdp: WORDS\n"
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  text.remove_suffix(text.empty() || text.back() != '\n' ? 0 : 1);
  spdlog::debug("{}", text);
  return length;
}

xdp_attach_mode mode_for_libxdp(Mode mode) {
  return mode == Mode::kNative ? XDP_MODE_NATIVE : XDP_MODE_SKB;
}

// The mode is named because libxdp puts a dispatcher for those that stay in its place, and without a mode
// would try that natively beside the generic one.
void take_off(unsigned ifindex, xdp_program* program, Mode mode) {
  const int error = xdp_program__detach(program, static_cast<int>(ifindex), mode_for_libxdp(mode), 0);
  if (error != 0 && error != -ENOENT)  // the interface may be gone
    spdlog::warn("interface {}: libxdp did not take the program off: {}", ifindex, words_of(error));
}

struct CloseObject {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
struct CloseProgram {
  void operator()(xdp_program* program) const { xdp_program__close(program); }
};
using Program = std::unique_ptr<xdp_program, CloseProgram>;

Program pinned_program(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) return nullptr;
  xdp_program* program = xdp_program__from_pin(path.c_str());
  return Program(libxdp_get_error(program) == 0 ? program : nullptr);
}

}  // namespace

// libxdp loads it as an extension of the dispatcher, which a program that is loaded cannot become.
class DispatcherHold::Copy {
 public:
  // Not loaded. All maps, the constants' included, are those of `loaded`.
  static Result<std::unique_ptr<Copy>> create(const bpf_object* loaded) {
    size_t size = 0;
    const void* bytes = relay_bpf::elf_bytes(&size);
    LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = bpf_object__name(loaded));
    auto copy = std::make_unique<Copy>();
    copy->object_.reset(bpf_object__open_mem(bytes, size, &options));
    if (!copy->object_) return fail_errno(errno, "opening the XDP program");
    const bpf_map* from = nullptr;
    bpf_map* to = nullptr;
    while ((from = bpf_object__next_map(loaded, from)) != nullptr &&
           (to = bpf_object__next_map(copy->object_.get(), to)) != nullptr)
      if (bpf_map__reuse_fd(to, bpf_map__fd(from)) != 0)
        return fail_errno(errno, std::string("sharing the map ") + bpf_map__name(from));
    xdp_program* program = xdp_program__from_bpf_obj(copy->object_.get(), "xdp");
    if (const long error = libxdp_get_error(program); error != 0)
      return fail(ErrorCode::kUnsupported, "libxdp: " + words_of(static_cast<int>(error)));
    copy->program_.reset(program);
    (void)xdp_program__set_run_prio(program, kPriority);
    (void)xdp_program__set_chain_call_enabled(program, XDP_PASS, true);
    return copy;
  }
  xdp_program* program() const { return program_.get(); }

 private:
  std::unique_ptr<bpf_object, CloseObject> object_;
  Program program_;
};

void DispatcherHold::prepare(const std::string& directory) {
  (void)libxdp_set_print(log_libxdp);
  struct statfs place {};
  const bool standard = statfs(kStandardBpffs, &place) == 0 && place.f_type == BPF_FS_MAGIC;
  if (!standard) (void)setenv(XDP_BPFFS_ENVVAR, directory.c_str(), 0);
}

Result<void> DispatcherHold::supported() {
  const LibbpfLog log;
  static const bool extensions = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_EXT, nullptr) == 1;
  if (!extensions) return fail(ErrorCode::kUnsupported, kNoExtensions);
  return {};
}

Result<std::unique_ptr<Hold>> DispatcherHold::create(unsigned ifindex, const AttachOptions& options,
                                                     Mode mode) {
  if (auto possible = supported(); !possible) return forward(possible);
  const LibbpfLog log;
  if (const ProgramSet others = programs_on(ifindex)) {
    if (xdp_multiprog__is_legacy(others.get()))
      return fail(
          ErrorCode::kUnsupported,
          other_program(ifindex) + " alone, without libxdp's dispatcher: it has to be attached by that");
    if (mode_of(others) != mode)
      return fail(ErrorCode::kUnsupported, std::string("other XDP programs run on the interface in ") +
                                               to_string(mode_of(others)) + " mode");
  }
  auto copy = Copy::create(options.object);
  if (!copy) return forward(copy);
  xdp_program* const program = (*copy)->program();
  const int error = xdp_program__attach(program, static_cast<int>(ifindex), mode_for_libxdp(mode), 0);
  if (error != 0 && log.text().find("changes packet data") != std::string::npos)
    return fail(ErrorCode::kUnsupported, kOldDispatcher);
  if (error != 0)
    return fail(ErrorCode::kUnsupported,
                "libxdp's dispatcher could not be attached: " + words_of(error) +
                    (log.kernel_message().empty() ? "" : ": " + log.kernel_message()));
  // Where libxdp cannot have its dispatcher it attaches the program alone, and says nothing.
  if (!contains(programs_on(ifindex), xdp_program__id(program))) {
    take_off(ifindex, program, mode);
    return fail(ErrorCode::kUnsupported, kNoExtensions);
  }
  return std::make_unique<DispatcherHold>(ifindex, std::move(*copy), mode, options.directory);
}

std::unique_ptr<Hold> DispatcherHold::take_over(unsigned ifindex, const AttachOptions& options) {
  const LibbpfLog log;
  const Program old = pinned_program(pin_of(options.directory, kPrefix, ifindex));
  if (!old) return nullptr;
  Mode mode = Mode::kOff;
  {
    const ProgramSet before = programs_on(ifindex);
    if (!contains(before, xdp_program__id(old.get()))) return nullptr;
    mode = mode_of(before);
  }
  auto hold = create(ifindex, options, mode);
  if (!hold) return nullptr;
  take_off(ifindex, old.get(), mode);
  return std::move(*hold);
}

void DispatcherHold::discard(unsigned ifindex, const std::string& directory) {
  const LibbpfLog log;
  const std::string path = pin_of(directory, kPrefix, ifindex);
  const Program old = pinned_program(path);
  if (!old) return;
  if (const ProgramSet present = programs_on(ifindex); contains(present, xdp_program__id(old.get())))
    take_off(ifindex, old.get(), mode_of(present));
  (void)unlink(path.c_str());
}

DispatcherHold::DispatcherHold(unsigned ifindex, std::unique_ptr<Copy> copy, Mode mode,
                               const std::string& directory)
    : ifindex_(ifindex), copy_(std::move(copy)), mode_(mode), path_(pin_of(directory, kPrefix, ifindex)) {}

DispatcherHold::~DispatcherHold() {
  if (kept()) return;
  const LibbpfLog log;
  take_off(ifindex_, copy_->program(), mode_);
  (void)unlink(path_.c_str());
}

Result<void> DispatcherHold::pin() {
  return pin_object(xdp_program__fd(copy_->program()), path_);
}

}  // namespace turnpike::fastpath
