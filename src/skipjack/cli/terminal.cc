// Status lines and aligned columns.
#include "skipjack/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <ostream>

namespace skipjack::cli {
namespace {

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string first_characters(std::string_view text, std::size_t count) {
  std::size_t end = 0;
  while (end < text.size()) {
    const bool begins = (static_cast<unsigned char>(text[end]) & 0xc0) != 0x80;
    if (begins && count-- == 0) break;
    ++end;
  }
  return std::string(text.substr(0, end));
}

}  // namespace

StatusLine::StatusLine(Context& context, StatusLineOptions options)
    : context_(context), options_(options) {
  // On a terminal something shows at once; a log gets its first line after the first interval.
  const Duration now = options_.clock->now();
  last_ = context_.err_is_terminal ? now - options_.live_interval : now;
}

StatusLine::~StatusLine() { clear(); }

void StatusLine::update(std::string_view text) {
  const Duration now = options_.clock->now();
  if (now - last_ < (context_.err_is_terminal ? options_.live_interval : options_.plain_interval))
    return;
  last_ = now;
  if (!context_.err_is_terminal) {
    context_.err << one_line(text) << std::endl;
    return;
  }
  context_.err << "\r" << first_characters(one_line(text), columns()) << "\033[K" << std::flush;
  is_shown_ = true;
}

void StatusLine::note(std::string_view text) {
  clear();
  context_.err << one_line(text) << std::endl;
}

void StatusLine::clear() {
  if (is_shown_) context_.err << "\r\033[K" << std::flush;
  is_shown_ = false;
}

std::size_t StatusLine::columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1) return size.ws_col - 1u;
  return 79;
}

std::string bar(double fraction, int width) {
  const int filled = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * width);
  std::string text = "[" + std::string(static_cast<std::size_t>(filled), '=');
  if (filled < width) text += '>' + std::string(static_cast<std::size_t>(width - filled - 1), ' ');
  return text + "]";
}

std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], characters(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - characters(row[i]) + 2, ' ');
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace skipjack::cli
