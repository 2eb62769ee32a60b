#include "skipjack/search/hypertune.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/model/acquisition.h"
#include "skipjack/search/acquisition_search.h"
#include "skipjack/search/level_ensemble.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

constexpr std::size_t kGood = 5;

/// What the searcher and the weights share: the ensemble of what is known, kept for as long as
/// nothing more is. It is a function of the history alone: fits start anew each time.
class Shared {
 public:
  explicit Shared(const HyperTuneOptions& options)
      : metric_(options.metric),
        seed_(options.seed),
        num_samples_(options.num_samples),
        space_(options.space),
        log_(options.space, options.metric, options.levels) {}

  /// Null if no level takes part.
  std::shared_ptr<const LevelEnsemble> ensemble(const History& history) {
    log_.update(history);
    if (is_kept_ && kept_records_ == log_.records()) return kept_;
    kept_records_ = log_.records();
    is_kept_ = true;
    auto made = LevelEnsemble::make({.space = space_,
                                     .metric = metric_,
                                     .log = log_,
                                     .seed = seed_,
                                     .num_samples = num_samples_});
    kept_ = made ? std::make_shared<const LevelEnsemble>(*std::move(made)) : nullptr;
    return kept_;
  }
  Feasibility feasibility() const { return feasibility_of(space_, log_, {}, Fit::Anew); }

 private:
  Metric metric_;
  std::uint64_t seed_;
  std::int64_t num_samples_;
  UnitSpace space_;
  LevelLog log_;
  bool is_kept_ = false;
  std::vector<LevelRecord> kept_records_;
  std::shared_ptr<const LevelEnsemble> kept_;
};

std::optional<Acquisition> make_acquisition(Shared& shared, const AcquisitionQuestion& question) {
  const auto ensemble = shared.ensemble(question.history);
  if (!ensemble) return std::nullopt;
  const double best = ensemble->best_mean();
  return Acquisition{
      .score =
          [ensemble, best, works = shared.feasibility()](std::span<const UnitPoint> points) {
            const GpPrediction p = ensemble->predict(points);
            VectorXd score = works.log_probability(points);
            for (Index i = 0; i < score.size(); ++i)
              score[i] += log_expected_improvement(p.mean[i], std::sqrt(p.variance[i]), best);
            return score;
          },
      .good = ensemble->best_points(kGood),
      .num_rows = ensemble->num_rows()};
}

}  // namespace

std::vector<double> bracket_shares(const Theta& theta, const std::vector<std::int64_t>& levels,
                                   std::vector<double> standard) {
  const std::size_t known = std::min(theta.size(), standard.size());
  double sum = 0, share = 0;
  for (std::size_t s = 0; s < known; ++s) {
    if (!theta[s]) continue;
    sum += *theta[s] / static_cast<double>(levels[s]);
    share += standard[s];
  }
  if (!(sum > 0)) return standard;
  for (std::size_t s = 0; s < known; ++s)
    if (theta[s]) standard[s] = share * *theta[s] / static_cast<double>(levels[s]) / sum;
  return standard;
}

HyperTuneSearch make_hypertune_search(HyperTuneOptions options) {
  if (options.num_samples < 1 || options.num_samples > 10'000)
    throw Error(ErrorCode::InvalidArgument,
                "num_samples = " + std::to_string(options.num_samples) + " must be in [1, 10000]");
  const auto shared = std::make_shared<Shared>(options);
  return {.searcher = make_acquisition_search({.space = std::move(options.space),
                                               .metric = std::move(options.metric),
                                               .seed = options.seed,
                                               .num_initial = options.num_initial,
                                               .make =
                                                   [shared](const AcquisitionQuestion& question) {
                                                     return make_acquisition(*shared, question);
                                                   }}),
          .weights = [shared](const History& history) -> std::optional<Theta> {
            const auto ensemble = shared->ensemble(history);
            if (!ensemble || !ensemble->is_ranked()) return std::nullopt;
            return ensemble->weights();
          }};
}

}  // namespace skipjack
