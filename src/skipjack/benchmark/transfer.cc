#include "skipjack/benchmark/transfer.h"

#include <numeric>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/benchmark/parallel.h"
#include "skipjack/benchmark/replay.h"

namespace skipjack::benchmark {
namespace {

/// Seeds of sources and of the control, away from those of cold and warm tunings.
constexpr std::uint64_t kSourceSeeds = 1'000'000, kControlSeeds = 2'000'000;

class NegatedWorld final : public World {
 public:
  explicit NegatedWorld(std::shared_ptr<const World> world)
      : world_(std::move(world)),
        name_("negated_" + world_->name()),
        reference_{.best = -world_->reference().best, .median = -world_->reference().median} {}

  const std::string& name() const override { return name_; }
  const SearchSpace& space() const override { return world_->space(); }
  const Metric& metric() const override { return world_->metric(); }
  const Resource& resource() const override { return world_->resource(); }
  Evaluation evaluate(const Configuration& configuration, Rng& rng) const override {
    Evaluation evaluation = world_->evaluate(configuration, rng);
    for (Evaluation::Level& level : evaluation.curve) level.value = -level.value;
    return evaluation;
  }
  std::optional<double> true_value(const Configuration& configuration) const override {
    const std::optional<double> value = world_->true_value(configuration);
    return value ? std::optional(-*value) : std::nullopt;
  }
  const Reference& reference() const override { return reference_; }

 private:
  std::shared_ptr<const World> world_;
  std::string name_;
  Reference reference_;
};

void check_range(const char* name, long long value, long long lower, long long upper) {
  if (value >= lower && value <= upper) return;
  throw Error(ErrorCode::InvalidArgument, std::string(name) + " = " + std::to_string(value) +
                                              " must be in [" + std::to_string(lower) + ", " +
                                              std::to_string(upper) + "]");
}

constexpr long long kNoBound = 1'000'000'000;

RegretCurve curve_of(const ReplayResult& result) {
  RegretCurve curve;
  for (const Judgement& judgement : result.judgements) curve.push_back(judgement.recommended);
  return curve;
}

/// What a cold tuning of the world would leave behind.
SourceExperiment run_source(const World& world, const TransferOptions& options,
                            std::uint64_t seed) {
  SourceExperiment source;
  replay(world, {.method = options.method,
                 .method_options = options.method_options,
                 .seed = seed,
                 .evaluations = options.source_evaluations,
                 .checkpoints = {options.source_evaluations},
                 .on_end = [&](const History& history) {
                   source = source_experiment(world.name(), history, world.metric());
                 }});
  return source;
}

RegretCurve run_target(const World& world, const TransferOptions& options, std::uint64_t seed,
                       std::vector<SourceExperiment> sources) {
  std::vector<int> checkpoints(static_cast<std::size_t>(options.evaluations));
  std::iota(checkpoints.begin(), checkpoints.end(), 1);
  return curve_of(replay(world, {.method = options.method,
                                 .method_options = options.method_options,
                                 .seed = seed,
                                 .evaluations = options.evaluations,
                                 .checkpoints = std::move(checkpoints),
                                 .sources = std::move(sources)}));
}

}  // namespace

std::shared_ptr<const World> negated(std::shared_ptr<const World> world) {
  return std::make_shared<const NegatedWorld>(std::move(world));
}

std::vector<TransferCase> transfer_cases(const TransferPairsOptions& options) {
  const std::size_t num_worlds = options.worlds.size();
  check_range("num_sources", options.num_sources, 1, static_cast<long long>(num_worlds) - 1);
  check_range("num_cases", options.num_cases, 1,
              static_cast<long long>(num_worlds * (num_worlds - 1)));
  std::vector<TransferCase> cases;
  for (std::size_t i = 0; i < static_cast<std::size_t>(options.num_cases); ++i) {
    const std::size_t target = i % num_worlds, round = i / num_worlds;
    TransferCase transfer{.name = {}, .target = options.worlds[target], .sources = {}};
    for (std::size_t k = 0; k < static_cast<std::size_t>(options.num_sources); ++k) {
      const std::size_t step =
          1 + (round * static_cast<std::size_t>(options.num_sources) + k) % (num_worlds - 1);
      auto source = options.worlds[(target + step) % num_worlds];
      if (options.sources == TransferPairsOptions::Sources::Negated)
        source = negated(std::move(source));
      transfer.sources.push_back(std::move(source));
    }
    transfer.name = transfer.target->name() + "<-" + transfer.sources.front()->name();
    if (transfer.sources.size() > 1)
      transfer.name += "+" + std::to_string(transfer.sources.size() - 1);
    cases.push_back(std::move(transfer));
  }
  return cases;
}

TransferRuns::TransferRuns(TransferOptions options) : options_(std::move(options)) {
  check_range("evaluations", options_.evaluations, 20, kNoBound);
  check_range("source_evaluations", options_.source_evaluations, 1, kNoBound);
  check_range("num_seeds", options_.num_seeds, 1, kNoBound);
  check_range("jobs", options_.jobs, 1, 1024);
}

const std::vector<SourceExperiment>& TransferRuns::sources_of(const World& world) {
  std::vector<SourceExperiment>& found = sources_[world->name()];
  if (!found.empty()) return found;
  std::vector<SourceExperiment> made(static_cast<std::size_t>(options_.num_seeds));
  for_each_number(made.size(), options_.jobs, [&](std::size_t i) {
    made[i] = run_source(*world, options_, options_.first_seed + i + kSourceSeeds);
  });
  return found = std::move(made);
}

const std::vector<RegretCurve>& TransferRuns::cold_of(const World& world,
                                                      std::uint64_t first_seed) {
  std::vector<RegretCurve>& found = cold_[{world->name(), first_seed}];
  if (!found.empty()) return found;
  std::vector<RegretCurve> made(static_cast<std::size_t>(options_.num_seeds));
  for_each_number(made.size(), options_.jobs, [&](std::size_t i) {
    made[i] = run_target(*world, options_, first_seed + i, {});
  });
  return found = std::move(made);
}

TransferResult TransferRuns::run(const TransferCase& transfer) {
  TransferResult result{.name = transfer.name,
                        .cold = cold_of(transfer.target, options_.first_seed),
                        .warm = {},
                        .control = cold_of(transfer.target, options_.first_seed + kControlSeeds)};
  result.warm.resize(result.cold.size());
  for (const World& world : transfer.sources) sources_of(world);
  for_each_number(result.warm.size(), options_.jobs, [&](std::size_t i) {
    std::vector<SourceExperiment> sources;
    for (const World& world : transfer.sources) sources.push_back(sources_.at(world->name())[i]);
    result.warm[i] =
        run_target(*transfer.target, options_, options_.first_seed + i, std::move(sources));
  });
  return result;
}

RegretCurve mean_curve(const std::vector<RegretCurve>& curves) {
  RegretCurve mean(curves.front().size());
  for (const RegretCurve& curve : curves)
    for (std::size_t i = 0; i < mean.size(); ++i)
      mean[i] += curve[i] / static_cast<double>(curves.size());
  return mean;
}

std::optional<int> evaluations_to(const RegretCurve& curve, double goal) {
  for (std::size_t i = 0; i < curve.size(); ++i)
    if (curve[i] <= goal) return static_cast<int>(i) + 1;
  return std::nullopt;
}

}  // namespace skipjack::benchmark
