// One http_parser object, initialised anew for each answer and paused where its head ends; it goes
// on with chunked bodies alone.
#include "skipjack/s3/http_reader.h"

#include <http_parser.h>

#include <algorithm>
#include <limits>

#include "skipjack/base/error.h"
#include "skipjack/s3/text.h"

namespace skipjack::s3 {
namespace {

constexpr std::size_t kLongestHead = 64 * 1024;

[[noreturn]] void no_http(const std::string& why) {
  throw Error(ErrorCode::Network, "the answer is no HTTP: " + why);
}

}  // namespace

struct HttpReader::State {
  http_parser parser{};
  HttpHead head;
  std::string name, value;
  std::size_t head_bytes = 0;
  bool is_head_request = false;
  bool in_value = false;
  bool has_head = false;
  bool ended = false;
  bool keeps_alive = false;
  BodyEnd body_end = BodyEnd::None;
  std::int64_t body_length = 0;
  const std::function<bool(std::span<const std::byte>)>* take = nullptr;

  static State& of(http_parser* parser) { return *static_cast<State*>(parser->data); }

  void begin() {
    http_parser_init(&parser, HTTP_RESPONSE);
    parser.data = this;
    head = {};
    name.clear(), value.clear();
    in_value = has_head = ended = keeps_alive = false;
    body_end = BodyEnd::None;
    body_length = 0;
  }

  void add_header() {
    if (name.empty()) return;
    head.headers.emplace_back(lower_case(name), std::string(trim(value)));
    name.clear(), value.clear();
  }

  static int on_name(http_parser* parser, const char* at, std::size_t size) {
    State& self = of(parser);
    if (self.has_head) return 0;  // Trailers of a chunked body are not kept.
    if (self.in_value) self.add_header();
    self.in_value = false;
    self.name.append(at, size);
    return 0;
  }
  static int on_value(http_parser* parser, const char* at, std::size_t size) {
    State& self = of(parser);
    if (self.has_head) return 0;
    self.in_value = true;
    self.value.append(at, size);
    return 0;
  }
  static int on_head_end(http_parser* parser) {
    State& self = of(parser);
    self.add_header();
    self.head.status = static_cast<int>(parser->status_code);
    self.has_head = true;
    self.keeps_alive = http_should_keep_alive(parser) != 0;
    const std::uint64_t length = parser->content_length;
    constexpr std::uint64_t kNotSaid = std::numeric_limits<std::uint64_t>::max();
    if (self.is_head_request || self.head.status < 200 || self.head.status == 204 ||
        self.head.status == 304 || length == 0) {
      self.body_end = BodyEnd::None;
    } else if ((parser->flags & F_CHUNKED) != 0) {
      self.body_end = BodyEnd::Chunks;
    } else if (length == kNotSaid) {
      self.body_end = BodyEnd::Closing;
    } else {
      self.body_end = BodyEnd::Length;
      self.body_length = static_cast<std::int64_t>(std::min<std::uint64_t>(
          length, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())));
    }
    if (self.body_end == BodyEnd::Closing) self.keeps_alive = false;
    http_parser_pause(parser, 1);
    return 0;
  }
  static int on_body(http_parser* parser, const char* at, std::size_t size) {
    State& self = of(parser);
    if (!(*self.take)({reinterpret_cast<const std::byte*>(at), size})) http_parser_pause(parser, 1);
    return 0;
  }
  static int on_end(http_parser* parser) {
    of(parser).ended = true;
    http_parser_pause(parser, 1);
    return 0;
  }

  std::size_t execute(std::span<const std::byte> bytes) {
    static const http_parser_settings settings = [] {
      http_parser_settings s;
      http_parser_settings_init(&s);
      s.on_header_field = &State::on_name;
      s.on_header_value = &State::on_value;
      s.on_headers_complete = &State::on_head_end;
      s.on_body = &State::on_body;
      s.on_message_complete = &State::on_end;
      return s;
    }();
    const std::size_t consumed = http_parser_execute(
        &parser, &settings, reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const http_errno error = HTTP_PARSER_ERRNO(&parser);
    if (error == HPE_PAUSED)
      http_parser_pause(&parser, 0);
    else if (error != HPE_OK)
      no_http(http_errno_description(error));
    else if (parser.upgrade != 0)
      no_http("it changes the protocol");
    return consumed;
  }
};

HttpReader::HttpReader() : state_(std::make_unique<State>()) {}
HttpReader::~HttpReader() = default;

void HttpReader::begin(std::string_view method) {
  state_->begin();
  state_->head_bytes = 0;
  state_->is_head_request = method == "HEAD";
}

std::size_t HttpReader::read_head(std::span<const std::byte> bytes) {
  State& state = *state_;
  std::size_t consumed = 0;
  while (!state.has_head && consumed < bytes.size()) {
    std::size_t size = state.execute(bytes.subspan(consumed));
    // The parser pauses before the head's last byte, which it wants to see again if it goes on.
    if (state.has_head && state.body_end != BodyEnd::Chunks) ++size;
    consumed += size;
    state.head_bytes += size;
    if (state.head_bytes > kLongestHead) no_http("its head is longer than 64 KiB");
    // 100 Continue and its like: the answer follows.
    if (state.has_head && state.head.status < 200) state.begin();
  }
  return consumed;
}

bool HttpReader::has_head() const { return state_->has_head; }
const HttpHead& HttpReader::head() const { return state_->head; }
BodyEnd HttpReader::body_end() const { return state_->body_end; }
std::int64_t HttpReader::body_length() const { return state_->body_length; }
bool HttpReader::keeps_alive() const { return state_->keeps_alive; }
bool HttpReader::chunks_ended() const { return state_->ended; }

std::size_t HttpReader::read_chunks(std::span<const std::byte> bytes,
                                    const std::function<bool(std::span<const std::byte>)>& take) {
  state_->take = &take;
  const std::size_t consumed = state_->ended ? 0 : state_->execute(bytes);
  state_->take = nullptr;
  return consumed;
}

}  // namespace skipjack::s3
