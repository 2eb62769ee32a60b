// See http.h. One http_parser object per connection, initialised anew for each request, paused at
// the end of one so that what follows in the buffer is the next.
#include "skipjack/s3sim/http.h"

#include <http_parser.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace skipjack::s3sim {
namespace {

constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void lower_case(std::string& text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
}

void trim(std::string& text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.back())) text.pop_back();
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), is_space));
}

}  // namespace

const std::string* find_field(const Fields& fields, std::string_view name) {
  for (const auto& [key, value] : fields)
    if (key == name) return &value;
  return nullptr;
}

const std::string* Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return &value;
  return nullptr;
}

struct RequestParser::State {
  RequestParserOptions options;
  http_parser parser{};
  http_parser_settings settings{};
  Request request;
  std::string target;
  std::size_t head_bytes = 0;
  bool in_value = false;
  bool too_large = false;
  bool head_done = false;
  bool complete = false;
  bool fresh = true;

  static State& of(http_parser* parser) { return *static_cast<State*>(parser->data); }

  void begin() {
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = this;
    request = {};
    target.clear();
    head_bytes = 0;
    in_value = too_large = head_done = complete = fresh = false;
  }

  int count(std::size_t size) {
    head_bytes += size;
    too_large = head_bytes > options.max_head_bytes;
    return too_large ? 1 : 0;
  }

  static int on_url(http_parser* parser, const char* at, std::size_t size) {
    of(parser).target.append(at, size);
    return of(parser).count(size);
  }

  static int on_field(http_parser* parser, const char* at, std::size_t size) {
    State& self = of(parser);
    if (self.head_done) return self.count(size);  // Trailers of a chunked body are not kept.
    if (self.in_value || self.request.headers.empty()) self.request.headers.emplace_back();
    self.in_value = false;
    self.request.headers.back().first.append(at, size);
    return self.count(size + 4);
  }

  static int on_value(http_parser* parser, const char* at, std::size_t size) {
    State& self = of(parser);
    if (self.head_done) return self.count(size);
    self.in_value = true;
    self.request.headers.back().second.append(at, size);
    return self.count(size);
  }

  static int on_headers_complete(http_parser* parser) {
    State& self = of(parser);
    parser->upgrade = 0;  // No other protocol is spoken here; an Upgrade header is ignored.
    Request& request = self.request;
    request.method = http_method_str(static_cast<http_method>(parser->method));
    const std::size_t mark = self.target.find('?');
    request.path = self.target.substr(0, mark);
    if (mark != std::string::npos) request.query = self.target.substr(mark + 1);
    for (auto& [name, value] : request.headers) {
      lower_case(name);
      trim(value);
    }
    request.chunked = (parser->flags & F_CHUNKED) != 0;
    if ((parser->flags & F_CONTENTLENGTH) != 0)
      request.content_length = static_cast<std::int64_t>(parser->content_length);
    request.keep_alive = http_should_keep_alive(parser) != 0;
    self.head_done = true;
    if (parser->http_major != 1) return -1;
    if (request.content_length && *request.content_length < 0) return -1;
    if (self.options.on_head) self.options.on_head(request);
    return 0;
  }

  static int on_body(http_parser* parser, const char* at, std::size_t size) {
    State& self = of(parser);
    if (self.options.on_body) self.options.on_body({at, size});
    return 0;
  }

  static int on_message_complete(http_parser* parser) {
    of(parser).complete = true;
    http_parser_pause(parser, 1);
    return 0;
  }
};

RequestParser::RequestParser(RequestParserOptions options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
  http_parser_settings& settings = state_->settings;
  http_parser_settings_init(&settings);
  settings.on_url = State::on_url;
  settings.on_header_field = State::on_field;
  settings.on_header_value = State::on_value;
  settings.on_headers_complete = State::on_headers_complete;
  settings.on_body = State::on_body;
  settings.on_message_complete = State::on_message_complete;
}

RequestParser::~RequestParser() = default;

RequestParser::Result RequestParser::feed(std::string_view bytes) {
  if (bytes.empty()) return {Outcome::NeedMore, 0};  // http-parser takes an empty read for the end.
  if (state_->fresh) state_->begin();
  const std::size_t consumed =
      http_parser_execute(&state_->parser, &state_->settings, bytes.data(), bytes.size());
  if (state_->complete) {
    state_->fresh = true;
    return {Outcome::Complete, consumed};
  }
  const http_errno error = HTTP_PARSER_ERRNO(&state_->parser);
  if (state_->too_large || error == HPE_HEADER_OVERFLOW) return {Outcome::HeadTooLarge, consumed};
  if (error != HPE_OK || consumed != bytes.size()) return {Outcome::Malformed, consumed};
  return {Outcome::NeedMore, consumed};
}

const Request& RequestParser::request() const { return state_->request; }

std::optional<std::string> percent_decode(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus == Plus::IsSpace && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string percent_encode(std::string_view text, Slash slash) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved || (c == '/' && slash == Slash::Keep)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::optional<Fields> parse_query(std::string_view query) {
  Fields fields;
  while (!query.empty()) {
    const std::string_view item = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), item.size() + 1));
    if (item.empty()) continue;
    const std::size_t equals = item.find('=');
    auto name = percent_decode(item.substr(0, equals), Plus::IsSpace);
    auto value = equals == std::string_view::npos
                     ? std::optional<std::string>("")
                     : percent_decode(item.substr(equals + 1), Plus::IsSpace);
    if (!name || !value) return std::nullopt;
    fields.emplace_back(std::move(*name), std::move(*value));
  }
  return fields;
}

std::optional<std::int64_t> parse_decimal(std::string_view digits) {
  std::int64_t value = 0;
  if (digits.empty() || digits[0] == '-') return std::nullopt;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::variant<WholeObject, ByteRange, UnsatisfiableRange> parse_range(std::string_view value,
                                                                     std::int64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!value.starts_with(kUnit)) return WholeObject{};
  value.remove_prefix(kUnit.size());
  const std::size_t dash = value.find('-');
  if (dash == std::string_view::npos || value.find(',') != std::string_view::npos)
    return WholeObject{};
  const std::string_view first = value.substr(0, dash), last = value.substr(dash + 1);
  if (first.empty()) {
    const auto suffix = parse_decimal(last);
    if (!suffix) return WholeObject{};
    if (*suffix == 0 || size == 0) return UnsatisfiableRange{};
    return ByteRange{size - std::min(*suffix, size), size};
  }
  const auto begin = parse_decimal(first);
  if (!begin) return WholeObject{};
  std::int64_t end = size;
  if (!last.empty()) {
    const auto inclusive = parse_decimal(last);
    if (!inclusive || *inclusive < *begin) return WholeObject{};
    if (*inclusive < size) end = *inclusive + 1;
  }
  if (*begin >= size) return UnsatisfiableRange{};
  return ByteRange{*begin, end};
}

namespace {
constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
}  // namespace

std::string http_date(std::int64_t unix_seconds) {
  const std::time_t time = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text.data();
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  std::array<char, 4> month{};
  std::tm parts{};
  int length = 0;
  const std::string copy(text);
  if (text.size() > 40 ||
      std::sscanf(copy.c_str(), "%*3s, %2d %3s %4d %2d:%2d:%2d GMT%n", &parts.tm_mday, month.data(),
                  &parts.tm_year, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &length) != 6 ||
      static_cast<std::size_t>(length) != text.size())
    return std::nullopt;
  const auto found = std::find_if(kMonths.begin(), kMonths.end(), [&](const char* name) {
    return std::string_view(name) == month.data();
  });
  if (found == kMonths.end()) return std::nullopt;
  parts.tm_mon = static_cast<int>(found - kMonths.begin());
  parts.tm_year -= 1900;
  return ::timegm(&parts);
}

}  // namespace skipjack::s3sim
