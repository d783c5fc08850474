// SPDX-License-Identifier: Apache-2.0
//
// The admin socket's language: a unix stream; a request is one line of JSON, {"verb": "...", "args": {...}};
// so is its answer, {"ok": ...} or {"error": {"code": "...", "message": "..."}}. A connection may ask again.
// A streaming verb's {"ok": ...} is followed by lines {"item": ...} as things happen and one {"end": ...};
// then the connection ends. A client that wants no more ends its sending side, and gets the {"end": ...} too.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "util/clock.h"
#include "util/result.h"

namespace turnpike::admin {

using Json = nlohmann::ordered_json;  // members stay in the order in which they were written

inline constexpr size_t kMaxRequestBytes = 64 * 1024;         // with the newline
inline constexpr size_t kMaxAnswerBytes = 256 * 1024 * 1024;  // what a client takes in
inline constexpr size_t kMaxClients = 32;
inline constexpr Seconds kClientTimeout{10};  // for a whole request to come; for a part of an answer to go
inline constexpr const char* kDefaultSocket = "/run/turnpike/turnpike.sock";

struct Request {
  std::string verb;
  Json args = Json::object();
};

// The lines, with their newline.
std::string encode_request(const Request& request);
std::string encode_answer(const Result<Json>& answer);
// Without the newline. kInvalid, naming the fault; decode_answer also gives the error that the answer
// carries.
Result<Request> decode_request(std::string_view line);
Result<Json> decode_answer(std::string_view line);

// A line of a stream.
struct StreamLine {
  bool end = false;  // the last one
  Json value;
};
std::string encode_item(const Json& item);
std::string encode_end(const Json& summary);
Result<StreamLine> decode_stream_line(std::string_view line);

// As in an answer's "code": "invalid", "not_found", "in_use", …
std::string_view to_string(ErrorCode code);
std::optional<ErrorCode> error_code_from(std::string_view name);

}  // namespace turnpike::admin
