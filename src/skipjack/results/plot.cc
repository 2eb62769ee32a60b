// The script is text made from numbers and quoted strings; the child gets it through a memory file
// and answers into another, so that no pipe can fill up and block.
#include "skipjack/results/plot.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <string_view>
#include <utility>

#include "skipjack/base/descriptor.h"
#include "skipjack/base/error.h"
#include "skipjack/base/json.h"
#include "skipjack/base/spawn.h"
#include "skipjack/base/utf8.h"

namespace skipjack {
namespace {

constexpr std::size_t kMaxLabelCharacters = 80;
/// Ratio of largest to smallest value from which a linear axis would hide the small ones.
constexpr double kLogRatio = 20;
/// Values beyond are drawn at the edge: gnuplot's own arithmetic overflows near the ends of double.
constexpr double kLargestDrawn = 1e280;
constexpr double kSmallestOnLogAxis = 1e-280;

/// A gnuplot string constant. All but letters and spaces is written as octal escapes, which gnuplot
/// turns into characters only after it has read the string, so that no quote, backquote or line end
/// of the text is ever seen as one. (Doubling single quotes is not enough: gnuplot 5.4 takes '''
/// for an empty string and the beginning of another. Digits are escaped too, since it reads four
/// of them after a backslash.) Control characters become spaces, bytes that are not UTF-8 question
/// marks.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  const auto append = [&](char c) {
    if (std::isalpha(static_cast<unsigned char>(c)) && static_cast<unsigned char>(c) < 0x80) {
      result += c;
    } else if (c == ' ') {
      result += ' ';
    } else {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\%03o",
                    static_cast<unsigned>(static_cast<unsigned char>(c)));
      result += escape;
    }
  };
  std::size_t characters = 0;
  while (!text.empty()) {
    if (++characters > kMaxLabelCharacters) {
      for (char c : {'.', '.', '.'}) append(c);
      break;
    }
    const std::size_t length = utf8_sequence_length(text);
    const auto lead = static_cast<unsigned char>(text[0]);
    const bool is_control = lead < 0x20 || lead == 0x7f;
    if (length == 0 || is_control)
      append(length == 0 ? '?' : ' ');
    else
      for (char c : text.substr(0, length)) append(c);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result + "\"";
}

struct TimeUnit {
  double seconds;
  const char* name;
};
TimeUnit time_unit(double seconds) {
  if (seconds <= 300) return {1, "s"};
  if (seconds <= 3 * 3600) return {60, "min"};
  if (seconds <= 3 * 86400) return {3600, "h"};
  return {86400, "days"};
}

struct VerticalAxis {
  double lower = 0, upper = 1;
  bool is_log = false;
  /// Where failed trials are marked: near the bad end.
  double failed_at = 1;
};

VerticalAxis vertical_axis(const std::vector<TrialPoint>& points, Mode mode) {
  VerticalAxis axis;
  bool any = false, all_positive = true;
  double lower = 0, upper = 0;
  for (const TrialPoint& point : points) {
    if (!point.value) continue;
    const double value = std::clamp(*point.value, -kLargestDrawn, kLargestDrawn);
    lower = any ? std::min(lower, value) : value;
    upper = any ? std::max(upper, value) : value;
    all_positive = all_positive && value > 0;
    any = true;
  }
  if (!any) return axis;
  lower = all_positive ? std::max(lower, kSmallestOnLogAxis) : lower;
  upper = all_positive ? std::max(upper, kSmallestOnLogAxis) : upper;
  axis.is_log = all_positive && upper / lower >= kLogRatio;
  if (axis.is_log) {
    const double span = std::log10(upper) - std::log10(lower);
    axis.lower = std::pow(10, std::log10(lower) - 0.07 * span);
    axis.upper = std::pow(10, std::log10(upper) + 0.07 * span);
    const double inset = 0.03 * span;
    axis.failed_at = std::pow(
        10, mode == Mode::Min ? std::log10(axis.upper) - inset : std::log10(axis.lower) + inset);
  } else {
    double margin = 0.07 * (upper - lower);
    if (margin <= 0) margin = upper == 0 ? 1 : 0.1 * std::abs(upper);
    axis.lower = lower - margin;
    axis.upper = upper + margin;
    const double inset = 0.025 * (axis.upper - axis.lower);
    axis.failed_at = mode == Mode::Min ? axis.upper - inset : axis.lower + inset;
  }
  return axis;
}

std::string compact(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

/// Values, failures and steps as gnuplot data blocks; what is empty is said so to the caller.
struct Blocks {
  std::string text;
  bool has_values = false, has_failures = false;
};

Blocks data_blocks(const Curve& curve, const PlotOptions& options, const VerticalAxis& axis,
                   double unit) {
  const bool over_time = options.axis == PlotAxis::Time;
  const auto& points = over_time ? curve.over_time : curve.over_trials;
  const auto x = [&](const TrialPoint& point) {
    return shortest_decimal(over_time ? to_seconds(point.time) / unit
                                      : static_cast<double>(point.trial));
  };
  const auto y = [&](double value) {
    const double smallest = axis.is_log ? kSmallestOnLogAxis : -kLargestDrawn;
    return shortest_decimal(std::clamp(value, smallest, kLargestDrawn));
  };
  Blocks blocks;
  std::string values, failures, best;
  for (const TrialPoint& point : points) {
    if (point.value)
      values += x(point) + ' ' + y(*point.value) + '\n';
    else
      failures += x(point) + ' ' + y(axis.failed_at) + '\n';
    if (point.best) best += x(point) + ' ' + y(*point.best) + '\n';
  }
  blocks.has_values = !values.empty();
  blocks.has_failures = !failures.empty();
  if (over_time && curve.best_value)
    best += shortest_decimal(to_seconds(curve.end) / unit) + ' ' + y(*curve.best_value) + '\n';
  if (blocks.has_values)
    blocks.text += "$values << EOD\n" + values + "EOD\n$best << EOD\n" + best + "EOD\n";
  if (blocks.has_failures) blocks.text += "$failures << EOD\n" + failures + "EOD\n";
  return blocks;
}

std::string terminal(const PlotOptions& options) {
  std::ostringstream out;
  out << (options.format == PlotFormat::Svg ? "set terminal svg noenhanced dynamic"
                                            : "set terminal pngcairo noenhanced")
      << " size " << options.width << ',' << options.height
      << " font 'DejaVu Sans,12' background rgb '#ffffff'\n";
  return out.str();
}

Descriptor memory_file(std::string_view bytes) {
  Descriptor file(::memfd_create("skipjack-plot", MFD_CLOEXEC));
  if (file.get() < 0) throw errno_error(errno, "cannot make a memory file for the plot");
  while (!bytes.empty()) {
    const ssize_t n = ::write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error(errno, "cannot write the plot's script to memory");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

std::string whole_content(int fd) {
  std::string bytes;
  char buffer[65536];
  for (off_t at = 0;;) {
    const ssize_t n = ::pread(fd, buffer, sizeof buffer, at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error(errno, "cannot read the picture back");
    if (n == 0) return bytes;
    bytes.append(buffer, static_cast<std::size_t>(n));
    at += n;
  }
}

/// Waits for the child; after the limit it is killed. Returns the wait status.
int wait_for_child(pid_t child, Duration limit) {
  const Descriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  bool is_over = false;
  if (handle.get() >= 0) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (!is_over) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      if (left.count() <= 0) break;
      pollfd waiting{.fd = handle.get(), .events = POLLIN, .revents = 0};
      is_over =
          ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 1000000))) > 0;
    }
    if (!is_over) ::kill(child, SIGKILL);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (handle.get() >= 0 && !is_over)
    throw Error(ErrorCode::Timeout, "gnuplot took longer than " + compact(to_seconds(limit)) + " s",
                "try it by hand: gnuplot -d -e 'print 1'");
  return status;
}

pid_t start_gnuplot(const std::string& program, std::vector<std::pair<int, int>> descriptors) {
  try {
    // No variable of the user's (GNUPLOT_LIB, GNUTERM, locale) changes the picture, nor a start
    // file.
    return spawn({.words = {program, "-d"},
                  .descriptors = std::move(descriptors),
                  .apart = SpawnOptions::Apart::No,
                  .environment = {{"LC_ALL=C.UTF-8"}},
                  .what = "'" + program + "'"});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::NotFound) throw;
    throw Error(
        ErrorCode::NotFound, "the plotting program '" + program + "' is not installed",
        "install it (Debian: apt install gnuplot-nox), or use `skipjack export` and plot the CSV");
  }
}

std::string run_gnuplot(const std::string& program, const std::string& script, Duration limit) {
  const Descriptor input = memory_file(script), output = memory_file(""), errors = memory_file("");
  const pid_t child =
      start_gnuplot(program, {{input.get(), 0}, {output.get(), 1}, {errors.get(), 2}});
  const int status = wait_for_child(child, limit);
  std::string picture = whole_content(output.get());
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || picture.empty()) {
    std::string words = whole_content(errors.get()).substr(0, 300);
    std::replace(words.begin(), words.end(), '\n', ' ');
    throw Error(
        ErrorCode::Io, "gnuplot could not draw the plot: " + (words.empty() ? "no output" : words),
        "a full gnuplot with the terminals svg and pngcairo (Debian: apt install gnuplot-nox)");
  }
  return picture;
}

std::string plot_command(const Blocks& blocks) {
  if (!blocks.has_values && !blocks.has_failures)
    return "unset ytics\nset label 1 'no trial has ended yet' at graph 0.5,0.5 center textcolor "
           "rgb '#808890'\nplot NaN notitle";
  std::vector<std::string> layers;
  if (blocks.has_values)
    layers.push_back(
        "$values using 1:2 with points pointtype 7 pointsize 0.9 linecolor rgb '#404878b0' "
        "title 'trial'");
  if (blocks.has_failures)
    layers.push_back(
        "$failures using 1:2 with points pointtype 2 pointsize 0.9 linewidth 2 linecolor rgb "
        "'#c0392b' title 'failed'");
  if (blocks.has_values)
    layers.push_back(
        "$best using 1:2 with steps linewidth 2.5 linecolor rgb '#e07b00' title 'best so far'");
  std::string command;
  for (const std::string& layer : layers) command += (command.empty() ? "plot " : ", ") + layer;
  return command;
}

}  // namespace

std::string plot_script(const Curve& curve, const PlotOptions& options) {
  const bool over_time = options.axis == PlotAxis::Time;
  const auto& points = over_time ? curve.over_time : curve.over_trials;
  const VerticalAxis axis = vertical_axis(points, options.mode);
  const double end = over_time ? to_seconds(curve.end)
                               : (points.empty() ? 1.0 : static_cast<double>(points.back().trial));
  const TimeUnit unit = over_time ? time_unit(end) : TimeUnit{1, ""};
  const double right = std::max(end / unit.seconds, over_time ? 1e-3 : 1.0);
  const Blocks blocks = data_blocks(curve, options, axis, unit.seconds);

  std::ostringstream out;
  out << terminal(options) << "set encoding utf8\n"
      << "set border 3 linecolor rgb '#808890' linewidth 1\n"
      << "set tics nomirror out scale 0.6 textcolor rgb '#404850'\n"
      << "set grid ytics linecolor rgb '#e4e8ec' linewidth 1 linetype 1\n"
      << "set title " << quoted(options.title)
      << " noenhanced font 'DejaVu Sans,15' textcolor rgb '#202830' offset 0,0.4\n"
      << "set ylabel " << quoted(options.metric) << " noenhanced textcolor rgb '#404850'\n"
      << "set xlabel "
      << (over_time ? quoted(std::string("time (") + unit.name + ")") : quoted("trial"))
      << " textcolor rgb '#404850'\n"
      << "set key at screen 0.54,0.015 bottom center horizontal maxrows 1 Left reverse samplen 2 "
         "textcolor rgb '#404850' noenhanced\n"
      << "set lmargin 11\nset rmargin 3\nset bmargin 5.2\n"
      << "set xtics offset 0,0.2\nset format x '%g'\n"
      << "set xrange [" << shortest_decimal(over_time ? 0.0 : -0.02 * right - 0.3) << ':'
      << shortest_decimal(1.02 * right + (over_time ? 0.0 : 0.3)) << "]\n"
      << "set yrange [" << shortest_decimal(axis.lower) << ':' << shortest_decimal(axis.upper)
      << "]\n"
      << "set format y '%.5g'\n";
  if (axis.is_log)
    out << "set logscale y\nset mytics 10\nset grid ytics mytics linecolor rgb '#e4e8ec' linewidth "
           "1 linetype 1, linecolor rgb '#f2f4f6' linewidth 1 linetype 1\n";
  if (curve.best_value)
    out << "set label 2 "
        << quoted("best " + compact(*curve.best_value) + " by trial " +
                  std::to_string(curve.best_trial.value_or(0)))
        << " at graph 1,1.035 right noenhanced textcolor rgb '#b86400'\n";
  out << blocks.text;

  out << plot_command(blocks) << "\nunset output\n";
  return out.str();
}

std::string render_plot(const Curve& curve, const PlotOptions& options) {
  for (const auto& [name, value] : {std::pair{"width", options.width}, {"height", options.height}})
    if (value < 200 || value > 10000)
      throw Error(ErrorCode::InvalidArgument,
                  std::string(name) + " = " + std::to_string(value) + " must be in [200, 10000]");
  return run_gnuplot(options.gnuplot, plot_script(curve, options), options.time_limit);
}

}  // namespace skipjack
