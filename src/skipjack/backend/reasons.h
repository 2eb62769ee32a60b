// What attempts ended for, in the same words by whatever backend ended them. Private to backend.
#pragma once

#include <cstdio>
#include <string>

#include "skipjack/base/clock.h"

namespace skipjack {

/// "0.3 s", "60 s".
inline std::string seconds_text(Duration duration) {
  char text[32];
  std::snprintf(text, sizeof text, "%g s", to_seconds(duration));
  return text;
}

inline std::string time_limit_reason(Duration limit) {
  return "time limit of " + seconds_text(limit);
}

inline constexpr const char* kNoMetricReason = "reported no metric";

}  // namespace skipjack
