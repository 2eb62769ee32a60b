#include "skipjack/search/mobster.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/model/acquisition.h"
#include "skipjack/search/acquisition_search.h"
#include "skipjack/search/curve_model.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

constexpr std::size_t kGood = 5;

std::int64_t acquisition_level(const MobsterOptions& options, const LevelLog& log,
                               const AcquisitionQuestion& question) {
  const std::int64_t first = question.context.resource.value_or(log.milestones().front());
  if (question.use == ScoreUse::Compare) return first;
  switch (options.resource_acq) {
    case ResourceAcquisition::First:
      return first;
    case ResourceAcquisition::Final:
      return log.milestones().back();
    case ResourceAcquisition::Bohb:
      return highest_level_with(log.records(), log.milestones(),
                                static_cast<std::size_t>(options.bohb_threshold));
  }
  check_failed("a known resource_acq", __FILE__, __LINE__);
}

/// The model of the last question, for as long as nothing is known beyond it: a scheduler that lets
/// the model choose asks several times in a row.
struct Kept {
  std::vector<LevelRecord> records;
  Json previous;
  std::shared_ptr<const CurveModel> model;
};

std::shared_ptr<const CurveModel> model_for(const MobsterOptions& options, const LevelLog& log,
                                            const AcquisitionQuestion& question, Kept& kept) {
  if (kept.model && kept.records == log.records() && kept.previous == question.previous)
    return kept.model;
  kept = {.records = log.records(),
          .previous = question.previous,
          .model = std::make_shared<const CurveModel>(CurveModelOptions{
              .space = question.space,
              .metric = options.metric,
              .log = log,
              .kernel = options.kernel,
              .previous = curve_fit_from_json(question.previous, options.kernel, question.space)})};
  return kept.model;
}

std::optional<Acquisition> make_acquisition(const MobsterOptions& options, LevelLog& log,
                                            const AcquisitionQuestion& question, Kept& kept) {
  log.update(question.history);
  if (log.num_values() == 0) return std::nullopt;
  const auto model = model_for(options, log, question, kept);
  const std::int64_t level = acquisition_level(options, log, question);
  const double best = model->best_mean(level);
  return Acquisition{
      .score =
          [model, level, best, use = question.use](std::span<const UnitPoint> points) {
            const GpPrediction p = use == ScoreUse::Compare ? model->predict_known(points, level)
                                                            : model->predict(points, level);
            VectorXd score = model->log_feasibility(points);
            for (Index i = 0; i < score.size(); ++i)
              score[i] += log_expected_improvement(p.mean[i], std::sqrt(p.variance[i]), best);
            return score;
          },
      .good = model->best_points(level, kGood),
      .fitted = to_json(model->fit()),
      .num_rows = model->num_rows()};
}

}  // namespace

ResourceAcquisition resource_acquisition_from_string(std::string_view name) {
  if (name == "bohb") return ResourceAcquisition::Bohb;
  if (name == "first") return ResourceAcquisition::First;
  if (name == "final") return ResourceAcquisition::Final;
  throw Error(ErrorCode::InvalidArgument, "there is no resource_acq '" + std::string(name) + "'",
              "one of: bohb, first, final");
}

std::unique_ptr<Searcher> make_mobster_search(MobsterOptions options) {
  if (options.bohb_threshold < 1)
    throw Error(ErrorCode::InvalidArgument,
                "bohb_threshold = " + std::to_string(options.bohb_threshold) + " must be >= 1");
  auto log = std::make_shared<LevelLog>(options.space, options.metric, options.levels);
  auto kept = std::make_shared<Kept>();
  const auto shared = std::make_shared<const MobsterOptions>(options);
  return make_acquisition_search({.space = std::move(options.space),
                                  .metric = std::move(options.metric),
                                  .seed = options.seed,
                                  .num_initial = options.num_initial,
                                  .make = [shared, log, kept](const AcquisitionQuestion& question) {
                                    return make_acquisition(*shared, *log, question, *kept);
                                  }});
}

}  // namespace skipjack
