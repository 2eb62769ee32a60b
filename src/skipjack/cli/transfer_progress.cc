#include "skipjack/cli/transfer_progress.h"

#include <algorithm>

#include "skipjack/base/bytes.h"
#include "skipjack/cli/terminal.h"

namespace skipjack::cli {
namespace {

constexpr Duration kSpan = std::chrono::seconds(10);
constexpr Duration kBetweenMarks = std::chrono::milliseconds(250);
constexpr std::size_t kWidestBar = 30;
constexpr std::size_t kNarrowestBar = 8;
/// Brackets and the space after them.
constexpr std::size_t kAroundBar = 3;

}  // namespace

std::string resumed_text(std::int64_t bytes_resumed, std::int64_t bytes) {
  if (bytes_resumed == 0) return {};
  return "; resumed: " + format_byte_size(static_cast<double>(bytes_resumed)) + " of " +
         format_byte_size(static_cast<double>(bytes)) + " were there";
}

std::optional<double> TransferProgress::rate(const State& state) {
  // What an earlier transfer has left is known with the total.
  if (!state.bytes_total && state.bytes_done == 0) {
    marks_.clear();
    return std::nullopt;
  }
  const std::int64_t bytes_moved = state.bytes_done - state.bytes_resumed;
  if (marks_.empty() || state.now - marks_.back().at >= kBetweenMarks)
    marks_.push_back({.at = state.now, .bytes_moved = bytes_moved});
  while (marks_.size() > 1 && state.now - marks_[1].at >= kSpan) marks_.pop_front();
  const Mark& first = marks_.front();
  if (state.now <= first.at) return std::nullopt;
  return static_cast<double>(bytes_moved - first.bytes_moved) / to_seconds(state.now - first.at);
}

std::string TransferProgress::text(const State& state) {
  const std::optional<double> bytes_per_second = rate(state);
  const auto done = static_cast<double>(state.bytes_done);
  const double total = static_cast<double>(state.bytes_total.value_or(0));
  const double fraction = total > 0 ? std::min(1.0, done / total) : 0;
  std::string text;
  if (total > 0)
    text = std::to_string(static_cast<int>(100 * fraction)) + " %  " + format_byte_size(done) +
           " of " + format_byte_size(total);
  else
    text = format_byte_size(done);
  if (bytes_per_second) {
    if (total > 0 && *bytes_per_second > 0)
      text += ", " +
              format_duration(from_seconds(std::max(0.0, total - done) / *bytes_per_second)) +
              " left";
    text += ", " + format_byte_size(std::max(0.0, *bytes_per_second)) + "/s";
  }
  text += state.also;
  if (total <= 0 || text.size() + kAroundBar + kNarrowestBar > state.columns) return text;
  const std::size_t width = std::min(kWidestBar, state.columns - text.size() - kAroundBar);
  return bar(fraction, static_cast<int>(width)) + " " + text;
}

}  // namespace skipjack::cli
