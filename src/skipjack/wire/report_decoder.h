// What a trial says: reports, found in the bytes that its program prints. A report is one JSON
// object behind the words "[tune-metric]:", as Syne Tune's Reporter prints it; text before and
// after it on the line means nothing. The decoder is a state machine over single bytes, so where
// the stream was cut into chunks can't matter, and it gives a report at its closing brace, before
// the newline. It knows nothing of what the metrics mean and refuses no key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/base/json.h"

namespace skipjack {

struct ReportDecoderOptions {
  /// Longest report, in bytes from brace to brace; what is longer is dropped as malformed. Text
  /// around reports has no limit. Range [2, 2^30]; default 64 KiB: Syne Tune's own limit is 50 000
  /// bytes. Bounds memory, and the time that hostile input can take.
  std::size_t max_report_bytes = 64 * 1024;
};

/// Not thread-safe. Memory: one report. Fed with text without reports it runs at the speed of
/// memchr.
///
/// Deviation from Syne Tune's reader: several reports on one line all count, braces behind a report
/// do no harm, blanks between the words and the object may be missing or many, and a report that
/// can't be read is dropped and counted, where there it ends the tuning.
class ReportDecoder {
 public:
  /// Throws InvalidArgument if an option is out of its range.
  explicit ReportDecoder(ReportDecoderOptions options = {});

  /// Takes the next bytes, any bytes; the reports that they complete, each a JSON object, in order.
  std::vector<Json> feed(std::string_view bytes);

  /// The stream is over: a report that is not closed counts as malformed. Feeding may begin again.
  void finish();

  /// Reports that were begun and could not be read: no object behind the words, cut off by a
  /// newline or by the next report, too long, bad JSON, bad UTF-8.
  std::int64_t num_malformed() const { return num_malformed_; }
  /// How the first of them begins, from its brace on, at most 80 bytes of any kind; empty if there
  /// is none or it has no brace.
  const std::string& first_malformed() const { return first_malformed_; }

 private:
  enum class State { Searching, ExpectingObject, InObject };

  void begin_search();
  void take_byte(char byte, std::vector<Json>& reports);
  void take_object_byte(char byte, std::vector<Json>& reports);
  bool completes_marker(char byte);
  void count_malformed();

  ReportDecoderOptions options_;
  State state_ = State::Searching;
  std::size_t num_marker_bytes_ = 0;
  std::string object_;
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  std::int64_t num_malformed_ = 0;
  std::string first_malformed_;
};

}  // namespace skipjack
