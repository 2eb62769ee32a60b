// HTTP/1.1 as the server needs it: requests out of a stream of bytes, and the small grammars inside
// them (percent-encoding, queries, ranges, dates). The state machine is http-parser's; limits and
// meaning are ours. Input is hostile: every function takes any bytes and answers by a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace skipjack::s3sim {

/// Name and value pairs in order of arrival.
using Fields = std::vector<std::pair<std::string, std::string>>;
/// The value of the first field of that name, or nullptr.
const std::string* find_field(const Fields& fields, std::string_view name);

struct Request {
  std::string method{};
  /// As sent, before and after the first '?'.
  std::string path{};
  std::string query{};
  /// Names in lower case, values without spaces around them.
  Fields headers{};
  std::optional<std::int64_t> content_length{};
  /// Set for Transfer-Encoding: chunked, whose framing the parser takes off.
  bool chunked = false;
  bool keep_alive = true;

  /// First header of that (lower-case) name, or nullptr.
  const std::string* header(std::string_view name) const;
  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

struct RequestParserOptions {
  /// Bytes of request line and headers together. Default: four times S3's own 8 KiB, for clones'
  /// clients.
  std::size_t max_head_bytes = 32 << 10;
  std::function<void(const Request&)> on_head{};
  std::function<void(std::string_view)> on_body{};
};

/// Parses one connection's requests, one at a time. Not thread-safe.
class RequestParser {
 public:
  enum class Outcome { NeedMore, Complete, Malformed, HeadTooLarge };
  struct Result {
    Outcome outcome;
    /// Bytes of the input that belong to this request.
    std::size_t consumed;
  };

  explicit RequestParser(RequestParserOptions options);
  ~RequestParser();

  /// Feeds bytes; stops after a whole request, and the next call starts another. After Malformed or
  /// HeadTooLarge the stream can't be followed any more.
  Result feed(std::string_view bytes);
  const Request& request() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

enum class Plus { IsPlus, IsSpace };
/// nullopt for a '%' without two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text, Plus plus = Plus::IsPlus);
enum class Slash { Keep, Encode };
/// Everything but RFC 3986's unreserved characters becomes %XX, capital digits, as AWS signs it.
std::string percent_encode(std::string_view text, Slash slash);

/// "a=1&b&c=%20" decoded; a name without '=' has an empty value. nullopt for bad percent-encoding.
std::optional<Fields> parse_query(std::string_view query);

/// Half-open range of bytes.
struct ByteRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end - begin; }
};
/// Ask for the whole object (no range, several ranges, or a header that is none): S3 ignores those.
struct WholeObject {};
struct UnsatisfiableRange {};
/// Value of a Range header against an object of that size.
std::variant<WholeObject, ByteRange, UnsatisfiableRange> parse_range(std::string_view value,
                                                                     std::int64_t size);

/// "Sun, 06 Nov 1994 08:49:37 GMT" from and to seconds since 1970.
std::string http_date(std::int64_t unix_seconds);
std::optional<std::int64_t> parse_http_date(std::string_view text);

/// Decimal digits only, no sign; nullopt for anything else and above 2^63 - 1.
std::optional<std::int64_t> parse_decimal(std::string_view digits);

}  // namespace skipjack::s3sim
