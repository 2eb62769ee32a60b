#include "skipjack/s3/dates.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "skipjack/s3/text.h"

namespace skipjack::s3 {
namespace {

/// Takes so many digits from the front.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

struct Moment {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

/// "12:00:00".
bool take_time(std::string_view& text, Moment& moment) {
  const auto hour = take_number(text, 2);
  if (!hour || !take(text, ":")) return false;
  const auto minute = take_number(text, 2);
  if (!minute || !take(text, ":")) return false;
  const auto second = take_number(text, 2);
  if (!second) return false;
  moment.hour = *hour, moment.minute = *minute, moment.second = *second;
  return true;
}

std::optional<std::int64_t> unix_time_of(const Moment& m) {
  const std::chrono::year_month_day date{std::chrono::year(m.year),
                                         std::chrono::month(static_cast<unsigned>(m.month)),
                                         std::chrono::day(static_cast<unsigned>(m.day))};
  // A minute may have a 61st second.
  if (!date.ok() || m.year < 1970 || m.hour > 23 || m.minute > 59 || m.second > 60)
    return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86400 + m.hour * 3600 + m.minute * 60 + m.second;
}

/// What stands behind the time: seconds east of Greenwich.
std::optional<std::int64_t> zone_offset(std::string_view text) {
  if (text == "Z" || text == "z" || text == "UTC") return 0;
  const bool east = text.starts_with('+');
  if (!east && !text.starts_with('-')) return std::nullopt;
  text.remove_prefix(1);
  const auto hours = take_number(text, 2);
  take(text, ":");
  const auto minutes = take_number(text, 2);
  if (!hours || !minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  const std::int64_t offset = *hours * 3600 + *minutes * 60;
  return east ? offset : -offset;
}

}  // namespace

std::optional<std::int64_t> parse_iso_date(std::string_view text) {
  text = trim(text);
  Moment moment;
  const auto year = take_number(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day || (!take(text, "T") && !take(text, " "))) return std::nullopt;
  moment.year = *year, moment.month = *month, moment.day = *day;
  if (!take_time(text, moment)) return std::nullopt;
  if (take(text, ".")) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0) return std::nullopt;
    text.remove_prefix(digits);
  }
  const auto offset = zone_offset(text);
  const auto time = unix_time_of(moment);
  if (!offset || !time || *time < *offset) return std::nullopt;
  return *time - *offset;
}

std::string to_iso_date(std::int64_t unix_time) {
  const std::chrono::sys_seconds time{std::chrono::seconds(unix_time)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  text = trim(text);
  // The weekday says nothing new.
  if (text.size() < 5 || text.substr(3, 2) != ", ") return std::nullopt;
  text.remove_prefix(5);
  Moment moment;
  const auto day = take_number(text, 2);
  if (!day || !take(text, " ")) return std::nullopt;
  const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(0, 3));
  if (month == kMonths.end()) return std::nullopt;
  text.remove_prefix(3);
  if (!take(text, " ")) return std::nullopt;
  const auto year = take_number(text, 4);
  if (!year || !take(text, " ")) return std::nullopt;
  moment.day = *day, moment.year = *year;
  moment.month = static_cast<int>(month - kMonths.begin()) + 1;
  if (!take_time(text, moment) || text != " GMT") return std::nullopt;
  return unix_time_of(moment);
}

bool is_plausible_now(std::int64_t unix_time) {
  constexpr std::int64_t k2020 = 1577836800, k2200 = 7258118400;
  return unix_time >= k2020 && unix_time < k2200;
}

}  // namespace skipjack::s3
