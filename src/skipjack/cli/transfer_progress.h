// The status line of a transfer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "skipjack/base/clock.h"

namespace skipjack::cli {

/// "; resumed: 3 MiB of 10 MiB were there", for a transfer's last line; empty if none were.
std::string resumed_text(std::int64_t bytes_resumed, std::int64_t bytes);

class TransferProgress {
 public:
  struct State {
    std::int64_t bytes_done = 0;
    /// Of bytes_done, those that an earlier transfer has left, as far as they are told apart.
    std::int64_t bytes_resumed = 0;
    std::optional<std::int64_t> bytes_total{};
    Duration now{0};
    /// What else there is to say, at the end.
    std::string_view also{};
    std::size_t columns = 79;
  };
  /// "[====>   ] 40 %  4 MiB of 10 MiB, 2 s left, 3 MiB/s". The bar takes the room that is left, if
  /// there is any. The rate is that of the last seconds, so that a line that has become slower
  /// says so. Bytes that an earlier transfer has left are no speed: those of bytes_resumed, and
  /// what is there when the total becomes known.
  std::string text(const State& state);

 private:
  /// Bytes a second, once there is something to compare with.
  std::optional<double> rate(const State& state);
  struct Mark {
    Duration at{0};
    std::int64_t bytes_moved = 0;
  };
  std::deque<Mark> marks_;
};

}  // namespace skipjack::cli
