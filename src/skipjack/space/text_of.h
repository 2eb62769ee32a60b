// Values as messages say them.
#pragma once

#include <cstdint>
#include <string>

#include "skipjack/base/json.h"

namespace skipjack {

inline std::string text_of(double number) { return to_python_text(Json(number)); }
inline std::string text_of(std::int64_t number) { return std::to_string(number); }
/// Long ones are cut.
inline std::string text_of(const Json& value) {
  std::string text = to_json_text(value);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

}  // namespace skipjack
