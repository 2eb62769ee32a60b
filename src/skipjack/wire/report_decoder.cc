#include "skipjack/wire/report_decoder.h"

#include <optional>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

// Its first byte occurs nowhere else in it: after a mismatch only that byte can begin it anew.
constexpr std::string_view kMarker = "[tune-metric]:";
constexpr std::size_t kMalformedShown = 80;

}  // namespace

ReportDecoder::ReportDecoder(ReportDecoderOptions options) : options_(options) {
  if (options.max_report_bytes < 2 || options.max_report_bytes > (std::size_t{1} << 30))
    throw Error(
        ErrorCode::InvalidArgument,
        "max_report_bytes = " + std::to_string(options.max_report_bytes) + " must be in [2, 2^30]");
}

std::vector<Json> ReportDecoder::feed(std::string_view bytes) {
  std::vector<Json> reports;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (state_ == State::Searching && num_marker_bytes_ == 0) {
      i = bytes.find(kMarker.front(), i);
      if (i == std::string_view::npos) break;
    }
    take_byte(bytes[i], reports);
  }
  return reports;
}

void ReportDecoder::finish() {
  if (state_ != State::Searching) count_malformed();
  begin_search();
  num_marker_bytes_ = 0;
}

void ReportDecoder::count_malformed() {
  if (num_malformed_++ == 0) first_malformed_ = object_.substr(0, kMalformedShown);
}

void ReportDecoder::begin_search() {
  state_ = State::Searching;
  object_.clear();
  depth_ = 0;
  in_string_ = escaped_ = false;
}

bool ReportDecoder::completes_marker(char byte) {
  if (byte == kMarker[num_marker_bytes_])
    ++num_marker_bytes_;
  else
    num_marker_bytes_ = byte == kMarker.front() ? 1 : 0;
  if (num_marker_bytes_ < kMarker.size()) return false;
  num_marker_bytes_ = 0;
  return true;
}

void ReportDecoder::take_byte(char byte, std::vector<Json>& reports) {
  if (completes_marker(byte) && !in_string_) {
    // Outside a string the words are in no JSON, so a report before them was cut off.
    if (state_ != State::Searching) count_malformed();
    begin_search();
    state_ = State::ExpectingObject;
  } else if (state_ == State::InObject) {
    take_object_byte(byte, reports);
  } else if (state_ == State::ExpectingObject && byte != ' ' && byte != '\t') {
    if (byte == '{') {
      state_ = State::InObject;
      object_ = "{";
      depth_ = 1;
    } else {
      count_malformed();
      begin_search();
    }
  }
}

void ReportDecoder::take_object_byte(char byte, std::vector<Json>& reports) {
  if (byte == '\n' || object_.size() >= options_.max_report_bytes) {
    count_malformed();
    begin_search();
    return;
  }
  object_ += byte;
  if (in_string_) {
    if (escaped_)
      escaped_ = false;
    else if (byte == '\\')
      escaped_ = true;
    else if (byte == '"')
      in_string_ = false;
    return;
  }
  if (byte == '"')
    in_string_ = true;
  else if (byte == '{')
    ++depth_;
  else if (byte == '}' && --depth_ == 0) {
    if (std::optional<Json> report = try_parse_json(object_))
      reports.push_back(*std::move(report));
    else
      count_malformed();
    begin_search();
  }
}

}  // namespace skipjack
