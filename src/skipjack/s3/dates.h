// The dates of credentials (ISO 8601) and of HTTP headers, as seconds since the Unix epoch. Pure;
// the text is hostile. Years 1970 to 9999; fractions of a second are dropped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skipjack::s3 {

/// "2026-11-27T12:00:00Z", also with a fraction, with "+01:00" or "+0100" instead of Z, and with
/// "UTC", which older tools write.
std::optional<std::int64_t> parse_iso_date(std::string_view text);
/// "2026-11-27T12:00:00Z". unix_time in the years above.
std::string to_iso_date(std::int64_t unix_time);
/// "Fri, 27 Nov 2026 12:00:00 GMT" (RFC 9110's fixed form; the obsolete ones are not read).
std::optional<std::int64_t> parse_http_date(std::string_view text);
/// Whether a server that says so may be believed to know what time it is: 2020 to 2199.
bool is_plausible_now(std::int64_t unix_time);

}  // namespace skipjack::s3
