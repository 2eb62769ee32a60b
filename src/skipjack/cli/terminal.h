// The line that says how it goes: rewritten in place on a terminal, a plain line now and then
// elsewhere, so that logs stay short. Writes to standard error; results go to standard output.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/base/clock.h"
#include "skipjack/cli/context.h"

namespace skipjack::cli {

struct StatusLineOptions {
  /// Least time between two lines where no terminal is. Default 5 s.
  Duration plain_interval = std::chrono::seconds(5);
  /// Least time between two rewritings on a terminal. Default 100 ms.
  Duration live_interval = std::chrono::milliseconds(100);
  const Clock* clock = &system_clock();
};

/// Not thread-safe.
class StatusLine {
 public:
  explicit StatusLine(Context& context, StatusLineOptions options = {});
  /// Clears the line.
  ~StatusLine();
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  /// The state now; shown unless something was a moment ago.
  void update(std::string_view text);
  /// A line that stays.
  void note(std::string_view text);
  /// Removes the live line from the terminal.
  void clear();
  /// Characters of a text that are shown.
  static std::size_t columns();

 private:
  Context& context_;
  StatusLineOptions options_;
  Duration last_;
  bool is_shown_ = false;
};

/// "[=====>     ]", width characters between the brackets; fraction in [0, 1].
std::string bar(double fraction, int width);

/// Columns aligned by width in characters, two spaces apart, no space at the end of a line. The
/// first row is the header.
std::string aligned(const std::vector<std::vector<std::string>>& rows);

}  // namespace skipjack::cli
