#include "skipjack/base/bytes.h"

#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.remove_suffix(1);
  return text;
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

/// Takes a non-negative finite number off the front of text.
std::optional<double> take_number(std::string_view& text) {
  if (text.empty() || !(std::isdigit(static_cast<unsigned char>(text[0])) || text[0] == '.'))
    return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !std::isfinite(value)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::optional<double> byte_unit(const std::string& unit) {
  if (unit.empty() || unit == "b") return 1.0;
  if (unit == "k" || unit == "kb" || unit == "kib") return static_cast<double>(kKiB);
  if (unit == "m" || unit == "mb" || unit == "mib") return static_cast<double>(kMiB);
  if (unit == "g" || unit == "gb" || unit == "gib") return static_cast<double>(kGiB);
  if (unit == "t" || unit == "tb" || unit == "tib") return 1024.0 * static_cast<double>(kGiB);
  return std::nullopt;
}

std::optional<double> time_unit(const std::string& unit) {
  if (unit == "ns") return 1e-9;
  if (unit == "us") return 1e-6;
  if (unit == "ms") return 1e-3;
  if (unit == "s" || unit == "sec" || unit == "second" || unit == "seconds") return 1.0;
  if (unit == "m" || unit == "min" || unit == "minute" || unit == "minutes") return 60.0;
  if (unit == "h" || unit == "hour" || unit == "hours") return 3600.0;
  if (unit == "d" || unit == "day" || unit == "days") return 86400.0;
  return std::nullopt;
}

}  // namespace

std::int64_t parse_byte_size(std::string_view text) {
  std::string_view rest = trim(text);
  const auto number = take_number(rest);
  const auto unit = byte_unit(lower_case(trim(rest)));
  if (!number || !unit)
    throw Error(ErrorCode::InvalidArgument, "'" + std::string(text) + "' is not a byte size",
                "write a number and a unit, such as 8388608, 8MiB or 1.5GiB");
  const double bytes = *number * *unit;
  if (bytes >= 0x1.0p63)
    throw Error(ErrorCode::InvalidArgument,
                "'" + std::string(text) + "' is more than 2^63 - 1 bytes");
  return static_cast<std::int64_t>(std::llround(bytes));
}

std::string format_byte_size(double bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  int unit = 0;
  while (std::abs(bytes) >= 1024.0 && unit < 6) {
    bytes /= 1024.0;
    ++unit;
  }
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, "%.4g %s", bytes, kUnits[unit]);
  return buffer;
}

Duration parse_duration(std::string_view text) {
  const auto bad = [&] {
    return Error(ErrorCode::InvalidArgument, "'" + std::string(text) + "' is not a duration",
                 "write a number and a unit, such as 60s, 2m30s, 1.5h or 250ms");
  };
  std::string_view rest = trim(text);
  if (rest.empty()) throw bad();
  double seconds = 0;
  while (!rest.empty()) {
    const auto number = take_number(rest);
    if (!number) throw bad();
    rest = trim(rest);
    std::size_t letters = 0;
    while (letters < rest.size() && std::isalpha(static_cast<unsigned char>(rest[letters])))
      ++letters;
    const std::string unit = lower_case(rest.substr(0, letters));
    rest = trim(rest.substr(letters));
    const auto factor =
        unit.empty() && rest.empty() && seconds == 0 ? std::optional(1.0) : time_unit(unit);
    if (!factor) throw bad();
    seconds += *number * *factor;
  }
  if (seconds > 9.0e9)
    throw Error(ErrorCode::InvalidArgument, "'" + std::string(text) + "' is longer than 285 years");
  return from_seconds(seconds);
}

std::string format_duration(Duration duration) {
  const double seconds = to_seconds(duration);
  char buffer[48];
  if (std::abs(seconds) < 1.0) {
    std::snprintf(buffer, sizeof buffer, "%.3g ms", seconds * 1e3);
  } else if (std::abs(seconds) < 59.995) {
    std::snprintf(buffer, sizeof buffer, "%.3g s", seconds);
  } else {
    const auto whole = static_cast<long long>(std::llround(seconds));
    if (whole < 3600)
      std::snprintf(buffer, sizeof buffer, "%lld min %02lld s", whole / 60, whole % 60);
    else
      std::snprintf(buffer, sizeof buffer, "%lld h %02lld min", whole / 3600, whole % 3600 / 60);
  }
  return buffer;
}

std::string count_of(std::int64_t n, std::string_view noun) {
  return std::to_string(n) + ' ' + std::string(noun) + (n == 1 ? "" : "s");
}

}  // namespace skipjack
