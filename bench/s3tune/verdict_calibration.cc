// How often is the verdict right? Many whole tunings (real scheduler, method and verdict; downloads
// by the profile's twin, in virtual time) on a profile where nothing can be gained and on one where
// much can. Counts claims of a gain on the first, and on the second how many intervals hold the
// true gain, which the twin tells by hundreds of further pairs. Exit code 1 if a bound is missed.
//   verdict_calibration [--tunings 100] [--method bayesopt] [--noise 0.02] [--max-time 60] [--size
//   256MiB]
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "skipjack/base/bytes.h"
#include "twin_bench.h"
#include "twin_world.h"

namespace skipjack::bench {
namespace {

struct Settings {
  int tunings = 100;
  TwinBenchFlags twin;
  double max_time = 60;
  std::int64_t size = std::int64_t{256} << 20;
};

/// The ratio that paired blocks estimate, from so many further pairs that its own error does not
/// count.
double true_gain(TwinWorld& world, const Configuration& baseline, const Configuration& candidate) {
  constexpr int kPairs = 300;
  std::vector<double> first, second;
  for (int i = 0; i < kPairs; ++i) {
    const double time = 3.7 * i;  // over all phases of the drift
    const bool baseline_first = i % 2 == 0;
    const double a = world.download(baseline_first ? baseline : candidate, time);
    const double b = world.download(baseline_first ? candidate : baseline, time + a);
    first.push_back(baseline_first ? a : b);
    second.push_back(baseline_first ? b : a);
  }
  return s3tune::estimate_gain(first, second)->ratio;
}

struct Counts {
  int verdicts = 0, gain_claims = 0, tuning_claims = 0, any_claims = 0;
  int intervals = 0, holding = 0;
  int tuning_intervals = 0, tuning_holding = 0;
  double ratio_sum = 0;
  int blocks = 0;
};

Counts run(const Settings& settings, const std::string& profile, bool check_truth) {
  Counts counts;
  for (int i = 0; i < settings.tunings; ++i) {
    const auto seed = static_cast<std::uint64_t>(1000 + i);
    TwinWorld world({.profile = s3sim::find_profile(profile),
                     .size = settings.size,
                     .seed = seed,
                     .noise = settings.twin.noise});
    const Duration max_time = from_seconds(settings.max_time);
    const TuningDefinition definition =
        twin_definition(settings.size, seed, settings.twin.method, max_time);
    const History history = rehearse_on(world, definition, max_time, settings.size);
    const s3tune::S3Verdict verdict = s3tune::s3_verdict(definition, history);
    if (verdict.complete_blocks == 0) continue;
    ++counts.verdicts;
    counts.blocks += verdict.complete_blocks;
    counts.gain_claims += verdict.gain_claimed;
    counts.tuning_claims += verdict.tuning_claimed;
    counts.any_claims += verdict.gain_claimed || verdict.tuning_claimed;
    if (!check_truth || verdict.rows.empty()) continue;
    std::map<std::string, Configuration> rows;
    for (const s3tune::VerdictRow& row : verdict.rows) rows[row.name] = row.configuration;
    if (verdict.gain) {
      const double truth =
          true_gain(world, verdict.rows.front().configuration, rows.at(verdict.answer));
      ++counts.intervals;
      counts.holding += verdict.gain->lower <= truth && truth <= verdict.gain->upper;
      counts.ratio_sum += verdict.gain->ratio;
    }
    if (verdict.tuning_gain) {
      const double truth = true_gain(world, rows.at("auto"), rows.at("winner"));
      ++counts.tuning_intervals;
      counts.tuning_holding +=
          verdict.tuning_gain->lower <= truth && truth <= verdict.tuning_gain->upper;
    }
  }
  return counts;
}

int calibrate(const Settings& settings) {
  std::printf(
      "%d tunings each of %.0f virtual seconds, %s, object of %s, machine noise %.1f %%; seeds "
      "from 1000\n",
      settings.tunings, settings.max_time, settings.twin.method.c_str(),
      format_byte_size(static_cast<double>(settings.size)).c_str(), 100 * settings.twin.noise);
  const Counts flat = run(settings, "flat", false);
  std::printf(
      "flat:      %d verdicts, %.1f blocks each; claimed a gain over boto3's values: %d, of tuning "
      "over auto: %d,"
      " any: %d (bound: 5 of 100)\n",
      flat.verdicts, static_cast<double>(flat.blocks) / std::max(1, flat.verdicts),
      flat.gain_claims, flat.tuning_claims, flat.any_claims);
  const Counts small = run(settings, "ec2-small", true);
  std::printf(
      "ec2-small: %d verdicts, %.1f blocks each; mean gain %.2f; intervals that hold the true "
      "gain: %d of %d;"
      " of the gain of tuning: %d of %d (bound: 90 of 100); tuning claimed: %d\n",
      small.verdicts, static_cast<double>(small.blocks) / std::max(1, small.verdicts),
      small.ratio_sum / std::max(1, small.intervals), small.holding, small.intervals,
      small.tuning_holding, small.tuning_intervals, small.tuning_claims);
  const bool good = flat.verdicts == settings.tunings && flat.any_claims * 20 <= flat.verdicts &&
                    small.intervals > 0 && small.holding * 10 >= 9 * small.intervals;
  std::printf("%s\n", good ? "within bounds" : "OUT OF BOUNDS");
  return good ? 0 : 1;
}

}  // namespace
}  // namespace skipjack::bench

int main(int argc, char** argv) {
  skipjack::bench::Settings settings;
  std::string max_time, size;
  CLI::App app("Whole tunings on a profile's twin: how often is the verdict right?");
  app.add_option("--tunings", settings.tunings, "On each profile; default 100")
      ->check(CLI::Range(1, 100000));
  app.add_option("--max-time", max_time, "Virtual time of a tuning; default 60s");
  app.add_option("--size", size, "Of the object; default 256MiB");
  skipjack::bench::add_twin_bench_flags(app, settings.twin);
  return skipjack::bench::run_twin_bench(app, argc, argv, [&] {
    if (!max_time.empty())
      settings.max_time = skipjack::to_seconds(skipjack::parse_duration(max_time));
    if (!size.empty()) settings.size = skipjack::parse_byte_size(size);
    return skipjack::bench::calibrate(settings);
  });
}
