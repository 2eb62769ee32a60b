// What is wrong with a search space or a value, said in one way.
#pragma once

#include <cstdint>
#include <string>

#include "skipjack/base/error.h"
#include "skipjack/base/json.h"

namespace skipjack {

[[noreturn]] inline void invalid(const std::string& message, const std::string& try_this = {}) {
  throw Error(ErrorCode::InvalidArgument, message, try_this);
}

/// For messages; long values are cut.
inline std::string text_of(double number) { return to_python_text(Json(number)); }
inline std::string text_of(std::int64_t number) { return std::to_string(number); }
inline std::string text_of(const Json& value) {
  std::string text = to_json_text(value);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

}  // namespace skipjack
