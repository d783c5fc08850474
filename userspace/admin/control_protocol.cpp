// SPDX-License-Identifier: Apache-2.0
#include "admin/control_protocol.h"

#include <array>
#include <utility>

namespace turnpike::admin {
namespace {

constexpr std::array<std::pair<ErrorCode, std::string_view>, 7> kCodes = {{
    {ErrorCode::kInvalid, "invalid"},
    {ErrorCode::kNotFound, "not_found"},
    {ErrorCode::kInUse, "in_use"},
    {ErrorCode::kPermission, "permission"},
    {ErrorCode::kUnsupported, "unsupported"},
    {ErrorCode::kExhausted, "exhausted"},
    {ErrorCode::kSystem, "system"},
}};

// Names from the wire need not be UTF-8: what is not becomes U+FFFD instead of an exception.
std::string one_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace

std::string_view to_string(ErrorCode code) {
  for (const auto& [known, name] : kCodes)
    if (known == code) return name;
  return "system";
}

std::optional<ErrorCode> error_code_from(std::string_view name) {
  for (const auto& [code, known] : kCodes)
    if (known == name) return code;
  return std::nullopt;
}

std::string encode_request(const Request& request) {
  return one_line({{"verb", request.verb}, {"args", request.args}});
}

std::string encode_answer(const Result<Json>& answer) {
  if (answer) return one_line({{"ok", *answer}});
  const Error& error = answer.error();
  return one_line({{"error", {{"code", to_string(error.code)}, {"message", error.message}}}});
}

Result<Request> decode_request(std::string_view line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    return fail(ErrorCode::kInvalid,
                R"(expected a line with {"verb": "...", "args": {...}}, got no JSON object)");
  Request request;
  for (const auto& [key, value] : json.items()) {
    if (key == "verb" && value.is_string()) {
      request.verb = value.get<std::string>();
    } else if (key == "args" && value.is_object()) {
      request.args = value;
    } else {
      return fail(ErrorCode::kInvalid, R"(expected "verb" (a string) and "args" (an object), got ")" + key +
                                           "\" with a value of type " + value.type_name());
    }
  }
  if (request.verb.empty()) return fail(ErrorCode::kInvalid, R"(expected "verb", got a request without one)");
  return request;
}

Result<Json> decode_answer(std::string_view line) {
  Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (json.is_object() && json.contains("ok")) return std::move(json["ok"]);
  if (!json.is_object() || !json.contains("error") || !json["error"].is_object())
    return fail(ErrorCode::kInvalid,
                R"(expected an answer with "ok" or "error"; is this a turnpike socket?)");
  const Json& error = json["error"];
  const auto text = [&error](const char* key) {
    const auto found = error.find(key);
    return found != error.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  return fail(error_code_from(text("code")).value_or(ErrorCode::kSystem), text("message"));
}

std::string encode_item(const Json& item) {
  return one_line({{"item", item}});
}

std::string encode_end(const Json& summary) {
  return one_line({{"end", summary}});
}

Result<StreamLine> decode_stream_line(std::string_view line) {
  Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (json.is_object() && json.contains("item")) return StreamLine{false, std::move(json["item"])};
  if (json.is_object() && json.contains("end")) return StreamLine{true, std::move(json["end"])};
  return fail(ErrorCode::kInvalid, R"(expected a line with "item" or "end", got another)");
}

}  // namespace turnpike::admin
