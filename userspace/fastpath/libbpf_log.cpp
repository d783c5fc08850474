// SPDX-License-Identifier: Apache-2.0
#include "fastpath/libbpf_log.h"

#include <bpf/libbpf.h>
#include <spdlog/spdlog.h>

#include <cstdarg>
#include <cstdio>
#include <string_view>

namespace turnpike::fastpath {
namespace {

thread_local std::string* capture = nullptr;

__attribute__((format(printf, 2, 0))) int print(libbpf_print_level level, const char* format,
                                                va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length <= 0) return 0;
  std::string text(static_cast<size_t>(length) + 1, '\0');
  std::vsnprintf(text.data(), text.size(), format, arguments);
  text.pop_back();
  if (capture != nullptr) {
    capture->append(text);
  } else {
    spdlog::debug("{}", std::string_view(text).substr(0, text.find_last_not_of('\n') + 1));
  }
  return length;
}

}  // namespace

LibbpfLog::LibbpfLog() : outer_(capture) {
  static const bool set = [] {
    libbpf_set_print(print);
    return true;
  }();
  (void)set;
  capture = &text_;
}

LibbpfLog::~LibbpfLog() {
  capture = outer_;
}

std::string LibbpfLog::tail(unsigned lines) const {
  const size_t last = text_.find_last_not_of('\n');
  if (last == std::string::npos) return "";
  size_t begin = last + 1;
  for (unsigned i = 0; i < lines && begin != 0; ++i) {
    const size_t newline = text_.rfind('\n', begin - 1);
    begin = newline == std::string::npos ? 0 : newline;
  }
  if (text_[begin] == '\n') ++begin;
  return text_.substr(begin, last + 1 - begin);
}

std::string LibbpfLog::kernel_message() const {
  constexpr std::string_view kMark = "Kernel error message: ";
  const size_t mark = text_.rfind(kMark);
  if (mark == std::string::npos) return "";
  const size_t begin = mark + kMark.size();
  return text_.substr(begin, text_.find('\n', begin) - begin);
}

}  // namespace turnpike::fastpath
