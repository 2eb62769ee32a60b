// Methods that look at a download on its way, on the twin of a profile: trials report every
// twentieth of the bytes, as a client would that counts them, with the seconds that the whole will
// take at that pace. The twin's first bytes come late and its connections end at different times,
// so a projection is off by what the configuration does.
//   progress_twin [--seeds 20] [--methods NAME...] [--evals 30] [--profile ec2-small] [--mib 256]
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "skipjack/base/bytes.h"
#include "skipjack/benchmark/statistics.h"
#include "skipjack/benchmark/suite.h"
#include "skipjack/s3sim/twin.h"
#include "skipjack/s3tune/transfer_space.h"
#include "twin_bench.h"
#include "twin_world.h"

namespace skipjack::bench {
namespace {

using benchmark::Evaluation;
using benchmark::World;

constexpr int kReports = 20;
constexpr int kDraws = 20;
/// Behind the median and, with a grid, the best.
constexpr int kRandomConfigurations = 200;

struct Settings {
  int seeds = 20, evaluations = 30;
  std::vector<std::string> methods = {"progress_bayesopt", "bayesopt", "asha", "mobster"};
  std::string profile = "ec2-small";
  std::int64_t mib = 256;
  TwinBenchFlags twin;
};

class Downloads final : public World {
 public:
  explicit Downloads(const Settings& settings)
      : profile_(s3sim::find_profile(settings.profile)),
        size_(settings.mib * kMiB),
        noise_(settings.twin.noise),
        name_("twin_" + settings.profile),
        space_({{std::string(s3tune::kMaxConcurrency), log_rand_int(1, 128)},
                {std::string(s3tune::kMultipartChunksize), log_rand_int(kMiB, size_ / 2)}}) {
    std::vector<double> means;
    Rng rng(0, "configurations");
    for (int i = 0; i < kRandomConfigurations; ++i)
      means.push_back(*true_value(*space_.sample(rng)));
    std::sort(means.begin(), means.end());
    reference_.median = means[means.size() / 2];
    reference_.best = means.front();
    for (std::int64_t c = 1; c <= 128; c += std::max<std::int64_t>(1, c / 5))
      for (std::int64_t part = kMiB; part <= size_ / 2; part += part / 2)
        reference_.best = std::min(reference_.best, *true_value(point(c, part)));
  }

  const std::string& name() const override { return name_; }
  const SearchSpace& space() const override { return space_; }
  const Metric& metric() const override { return metric_; }
  const benchmark::Resource& resource() const override { return resource_; }
  const benchmark::Reference& reference() const override { return reference_; }

  Evaluation evaluate(const Configuration& configuration, Rng& rng) const override {
    const double factor = std::exp(noise_ * rng.normal());
    const std::uint64_t seed = rng.next();
    Evaluation evaluation;
    double last_seconds = 0, last_bytes = 0;
    const double step = static_cast<double>(size_) / kReports;
    evaluation.seconds =
        factor * download(configuration, seed, [&](double seconds, double bytes) {
          for (;;) {
            const auto next = static_cast<std::int64_t>(evaluation.curve.size()) + 1;
            const double wanted = static_cast<double>(next) * step;
            if (next >= kReports || bytes < wanted || bytes <= last_bytes) break;
            const double at = last_seconds + (seconds - last_seconds) * (wanted - last_bytes) /
                                                 (bytes - last_bytes);
            evaluation.curve.push_back({.resource = next,
                                        .value = factor * at * kReports / static_cast<double>(next),
                                        .seconds = factor * at});
          }
          last_seconds = seconds, last_bytes = bytes;
        });
    evaluation.curve.push_back(
        {.resource = kReports, .value = evaluation.seconds, .seconds = evaluation.seconds});
    return evaluation;
  }

  /// The mean of draws that are the same for all configurations.
  std::optional<double> true_value(const Configuration& configuration) const override {
    double sum = 0;
    for (std::uint64_t i = 0; i < kDraws; ++i) sum += download(configuration, 1000 + i, {});
    return sum / kDraws * std::exp(0.5 * noise_ * noise_);
  }

 private:
  static Configuration point(std::int64_t concurrency, std::int64_t part) {
    Json configuration;
    configuration.set(s3tune::kMaxConcurrency, concurrency);
    configuration.set(s3tune::kMultipartChunksize, part);
    return configuration;
  }
  double download(const Configuration& configuration, std::uint64_t seed,
                  std::function<void(double, double)> on_progress) const {
    return s3sim::simulate_download(
        profile_,
        {.size = size_,
         .concurrency = static_cast<int>(configuration.at(s3tune::kMaxConcurrency).as_int()),
         .part_size = configuration.at(s3tune::kMultipartChunksize).as_int(),
         .seed = seed,
         .on_progress = std::move(on_progress)});
  }

  s3sim::Profile profile_;
  std::int64_t size_;
  double noise_;
  std::string name_;
  SearchSpace space_;
  Metric metric_{.name = "seconds", .kind = MetricKind::Time};
  benchmark::Resource resource_{.name = "twentieth", .max = kReports};
  benchmark::Reference reference_;
};

int run(const Settings& settings) {
  benchmark::SuiteOptions options{.methods = {},
                                  .num_seeds = settings.seeds,
                                  .evaluations = settings.evaluations,
                                  .checkpoints = {settings.evaluations}};
  for (const std::string& method : settings.methods) {
    benchmark::MethodChoice choice{.label = method, .method = method, .options = Json::Object{}};
    if (method == "progress_bayesopt") choice.options.set("so_far", "estimate");
    options.methods.push_back(std::move(choice));
  }
  const auto world = std::make_shared<const Downloads>(settings);
  std::printf("%s, %lld MiB: best %.3f s, median %.3f s\n", world->name().c_str(),
              static_cast<long long>(settings.mib), world->reference().best,
              world->reference().median);
  const benchmark::ProblemResult result =
      benchmark::run_problem(benchmark::disguised_problem(world, {}), options);
  std::printf("%-22s %8s %8s %8s %8s %7s %7s %11s %6s\n", "method", "t=10%", "t=25%", "t=100%",
              "anytime", "trials", "stopped", "s to 1.2x", "found");
  for (std::size_t m = 0; m < result.runs.size(); ++m) {
    const benchmark::MethodSummary s = benchmark::summarise(result.runs[m]);
    std::printf("%-22s %8.4f %8.4f %8.4f %8.4f %7.1f %7.1f %11s %5.0f%%\n",
                settings.methods[m].c_str(), s.moments[1], s.moments[4], s.moments[19],
                benchmark::mean_of(s.moments), s.trials, s.stopped,
                s.seconds_to_target ? std::to_string(*s.seconds_to_target).c_str() : "-",
                100 * s.target_fraction.value_or(0));
  }
  for (std::size_t m = 1; m < result.runs.size(); ++m) {
    const benchmark::Comparison c = benchmark::compare_on_problems({result}, m).front();
    std::printf("%s against %s, anytime regret: smaller %d, larger %d, p %.3g, %.3g\n",
                settings.methods[0].c_str(), settings.methods[m].c_str(), c.num_smaller,
                c.num_larger, c.p_smaller, c.p_larger);
  }
  return 0;
}

}  // namespace
}  // namespace skipjack::bench

int main(int argc, char** argv) {
  CLI::App app("Methods that look at a download on its way, on the twin of a profile");
  skipjack::bench::Settings settings;
  app.add_option("--seeds", settings.seeds, "Tunings a method; default 20");
  app.add_option("--evals", settings.evaluations,
                 "The time is what random search takes for so many; default 30");
  app.add_option("--methods", settings.methods, "The first is compared with each other");
  app.add_option("--profile", settings.profile, "Of the network; default ec2-small");
  app.add_option("--mib", settings.mib, "Of the object; default 256");
  app.add_option("--noise", settings.twin.noise,
                 "What the machine adds to a download; default 0.02")
      ->check(CLI::NonNegativeNumber);
  return skipjack::bench::run_twin_bench(app, argc, argv,
                                         [&] { return skipjack::bench::run(settings); });
}
