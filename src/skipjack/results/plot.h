// A picture of an experiment: each trial's value as a point, failed trials marked at the edge, the
// best so far as a step line. Axes, ticks and text are drawn by gnuplot, which runs as a child
// process and gets its script and data on standard input and gives the picture on standard output;
// no file is touched. Names from outside reach the script only as strings of letters and octal
// escapes, and data only as numbers.
#pragma once

#include <string>

#include "skipjack/base/clock.h"
#include "skipjack/results/curve.h"

namespace skipjack {

enum class PlotFormat { Svg, Png };
enum class PlotAxis { Time, Trials };

struct PlotOptions {
  /// Headline, usually the experiment's name. Control characters become spaces; cut at 80
  /// characters.
  std::string title{};
  /// Name of the metric, for the vertical axis; treated like title.
  std::string metric{};
  Mode mode = Mode::Min;
  PlotAxis axis = PlotAxis::Time;
  PlotFormat format = PlotFormat::Svg;
  /// Pixels, in [200, 10000].
  int width = 960;
  int height = 540;
  /// Program to run: a name looked up in PATH, or a path.
  std::string gnuplot = "gnuplot";
  /// Gnuplot is ended after this long.
  Duration time_limit = std::chrono::seconds(60);
};

/// The gnuplot script with its data. Pure. The vertical axis is logarithmic if all values are
/// positive and the largest is at least 20 times the smallest.
std::string plot_script(const Curve& curve, const PlotOptions& options);

/// The picture's bytes. Throws NotFound if gnuplot is not installed, Timeout, InvalidArgument for a
/// size out of range, Io (with gnuplot's own words) if it fails.
std::string render_plot(const Curve& curve, const PlotOptions& options);

}  // namespace skipjack
