// Pictures: the file formats' own marks, what the SVG says, and that no name can make gnuplot do
// anything. Those that draw are skipped where gnuplot is missing.
#include "skipjack/results/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

bool has_gnuplot() { return std::system("gnuplot --version > /dev/null 2>&1") == 0; }

Curve curve_of(const std::vector<std::optional<double>>& values) {
  Curve curve;
  for (std::size_t i = 0; i < values.size(); ++i) {
    TrialPoint point{.trial = static_cast<TrialId>(i),
                     .time = from_seconds(static_cast<double>(i) + 1),
                     .value = values[i],
                     .best = curve.best_value};
    if (values[i] && (!curve.best_value || *values[i] < *curve.best_value)) {
      point.best = curve.best_value = values[i];
      curve.best_trial = point.trial;
    }
    curve.over_time.push_back(point);
  }
  curve.over_trials = curve.over_time;
  curve.end = from_seconds(static_cast<double>(values.size()));
  return curve;
}

TEST(PlotScript, LogAxisOnlyWhereRangeAsksForIt) {
  EXPECT_THAT(plot_script(curve_of({1.0, 100.0}), {}), HasSubstr("logscale"));
  EXPECT_THAT(plot_script(curve_of({1.0, 10.0}), {}), Not(HasSubstr("logscale")));
  EXPECT_THAT(plot_script(curve_of({-1.0, 100.0}), {}), Not(HasSubstr("logscale")));
}

TEST(PlotScript, NamesStayInsideTheirQuotes) {
  const std::string script =
      plot_script(curve_of({1.0}), {.title = "a'\nsystem 'x'\r", .metric = "b\\"});
  EXPECT_THAT(script, HasSubstr("set title \"a\\047 system \\047x\\047 \" "));
  EXPECT_THAT(script, HasSubstr("set ylabel \"b\\134\" "));
}

TEST(PlotScript, BytesThatAreNoTextAreReplaced) {
  EXPECT_THAT(plot_script(curve_of({1.0}), {.title = "a\xff\x01z"}),
              HasSubstr("set title \"a\\077 z\" "));
}

TEST(Plot, DrawsSvgWithItsTitleAndBest) {
  if (!has_gnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  const std::string svg =
      render_plot(curve_of({3.0, std::nullopt, 2.5}), {.title = "My tuning", .metric = "loss"});
  EXPECT_THAT(svg.substr(0, 100), HasSubstr("<?xml"));
  EXPECT_THAT(svg, HasSubstr("<svg"));
  EXPECT_THAT(svg, HasSubstr("My tuning"));
  EXPECT_THAT(svg, HasSubstr("best 2.5 by trial 2"));
  EXPECT_THAT(svg, HasSubstr("failed"));
  EXPECT_THAT(svg, HasSubstr("</svg>"));
}

TEST(Plot, DrawsPngOfTheSizeAskedFor) {
  if (!has_gnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  const std::string png =
      render_plot(curve_of({3.0, 2.5}), {.format = PlotFormat::Png, .width = 640, .height = 400});
  ASSERT_THAT(png, StartsWith("\x89PNG\r\n\x1a\n"));
  // IHDR: width and height, big-endian, from byte 16 on.
  EXPECT_EQ(png.substr(16, 8), std::string("\x00\x00\x02\x80\x00\x00\x01\x90", 8));
}

TEST(Plot, DrawsWhatHasNoRange) {
  if (!has_gnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  for (const Curve& curve :
       {Curve{}, curve_of({std::nullopt}), curve_of({0.0}), curve_of({5.0, 5.0}),
        curve_of({-1.7e308, 1.7e308}), curve_of({5e-324, 1.0})})
    for (PlotAxis axis : {PlotAxis::Time, PlotAxis::Trials})
      EXPECT_THAT(render_plot(curve, {.title = "t", .metric = "m", .axis = axis}),
                  HasSubstr("</svg>"));
}

TEST(Plot, HostileNamesRunNothing) {
  if (!has_gnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  const std::filesystem::path mark =
      std::filesystem::temp_directory_path() / ("skipjack-plot-" + std::to_string(::getpid()));
  const std::string touch = "touch " + mark.string();
  for (const std::string& name :
       {"`" + touch + "`", "'\nsystem '" + touch + "'\n", "\"; system(\"" + touch + "\") #",
        "' . system('" + touch + "') . '", "@x; !" + touch, "\n!" + touch + "\n", "EOD\n!" + touch,
        "a\\\n!" + touch}) {
    render_plot(curve_of({1.0, 2.0}), {.title = name, .metric = name});
    EXPECT_FALSE(std::filesystem::exists(mark)) << name;
    std::filesystem::remove(mark);
  }
}

TEST(Plot, MissingGnuplotSaysWhatToInstall) {
  try {
    render_plot(curve_of({1.0}), {.gnuplot = "/nonexistent/gnuplot"});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::NotFound);
    EXPECT_THAT(error.what(), HasSubstr("/nonexistent/gnuplot"));
    EXPECT_THAT(error.try_this(), HasSubstr("gnuplot-nox"));
  }
}

TEST(Plot, HangingGnuplotIsEnded) {
  const std::filesystem::path program =
      std::filesystem::temp_directory_path() / ("skipjack-hang-" + std::to_string(::getpid()));
  std::ofstream(program) << "#!/bin/sh\nexec sleep 30\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  try {
    render_plot(curve_of({1.0}),
                {.gnuplot = program.string(), .time_limit = std::chrono::milliseconds(100)});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Timeout);
  }
  std::filesystem::remove(program);
}

TEST(Plot, SizeOutOfRangeIsRefused) {
  EXPECT_THROW(render_plot(curve_of({1.0}), {.width = 10}), Error);
}

}  // namespace
}  // namespace skipjack
