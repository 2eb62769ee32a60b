// A suggestion is made in two steps, each a function of the history alone. prepare() takes what was
// known when the newest trial started: it fits the process, believes the running trials, and looks
// for good candidates; it runs in a thread of its own while that trial does. answer() puts in what
// has become known since, which changes means and no variance, and chooses: no more than O(n m).
#include "skipjack/search/bayesopt.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/model/acquisition.h"
#include "skipjack/model/box_ascent.h"
#include "skipjack/search/candidates.h"
#include "skipjack/search/random.h"
#include "skipjack/search/sobol.h"
#include "skipjack/search/surrogate.h"
#include "skipjack/search/transfer.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Noise below this variance, where targets have variance 1, or below this share of the signal's, is
// none.
constexpr double kNegligibleNoise = 1e-3;
// Before that many repetitions of configurations nothing is concluded from them.
constexpr int kMinRepetitions = 3;
// The candidates gather around that many of the best points.
constexpr std::size_t kBestMeans = 5;
constexpr std::size_t kStarts = 6;
// Evaluations of an ascent over the continuous parameters, beside the trials and in an answer.
constexpr int kRefineEvaluations = 25, kAnswerEvaluations = 10;
// Multiplications allowed for scoring a whole space at once; about 10 ms.
constexpr double kEnumerationCost = 1.5e7;
// The same for climbing in an answer; about 1 ms.
constexpr double kAnswerCost = 2e6;
// Fresh points and measured ones that the last choice is between.
constexpr std::size_t kShortlist = 16, kContenders = 12;
// Measuring again must promise e^(kPatience * remaining share of the budget) times as much as
// measuring something new.
constexpr double kPatience = 1.0;
// From that many trials on a leader measured once is measured again.
constexpr std::size_t kConfirmFrom = 10;
// A model is made of no fewer.
constexpr std::size_t kMinValues = 3;
// Of the sources, measured before they are judged.
constexpr std::size_t kTrialsOfSources = 2;
// What they are chosen from, should some be started already.
constexpr std::size_t kNumTransferPoints = 5;

/// What prepare() leaves for answer().
struct Prepared {
  /// What it was made from.
  Observations seen;
  std::optional<SurrogateFit> previous;

  SurrogateModel model;
  TrackedCandidates candidates;
  /// Whether the candidates are all there are.
  enum class Coverage { Part, Whole } coverage;
};

class BayesOpt final : public Searcher {
 public:
  explicit BayesOpt(BayesOptOptions options)
      : options_(std::move(options)),
        unit_space_(options_.space),
        log_(options_.space, options_.metric, options_.constraints),
        initial_(make_sobol_search({.space = options_.space, .seed = options_.seed})),
        random_(make_random_search({.space = options_.space, .seed = options_.seed})),
        num_initial_(num_initial_points(options_.num_initial, unit_space_.dimension())) {
    if (!options_.sources.empty()) {
      sources_ = std::make_shared<const SourceModels>(unit_space_, options_.sources);
      transfer_configurations_ =
          choose_first_points(*sources_, options_.space, options_.sources, kNumTransferPoints);
      for (const Configuration& configuration : transfer_configurations_)
        transfer_points_.insert(options_.space.encode(configuration));
    }
    if (options_.max_repeats < 1)
      throw Error(ErrorCode::InvalidArgument,
                  "max_repeats = " + std::to_string(options_.max_repeats) + " must be >= 1");
  }

  Suggestion suggest(const History& history, const SuggestContext& context) override {
    log_.update(history);
    Suggestion suggestion = decide(history, context);
    if (const auto* proposal = std::get_if<Proposal>(&suggestion))
      prepare_beside(proposal->configuration);
    return suggestion;
  }

  void restore(const Json& fitted) override {
    if (auto fit = surrogate_fit_from_json(fitted, unit_space_.model_kinds().size()))
      fit_ = std::move(fit);
  }

  std::vector<double> score(const History& history, std::span<const Configuration> configurations,
                            std::optional<std::int64_t>) override {
    log_.update(history);
    const Observations seen = all_observations(log_.records());
    if (seen.values.empty()) return {};
    std::vector<UnitPoint> points;
    for (const Configuration& c : configurations) points.push_back(options_.space.encode(c));
    if (points.empty()) return {};
    const SurrogateModel model = make_model(seen, fit_);
    const VectorXd scores = log_acquisition(model, points);
    return {scores.begin(), scores.end()};
  }

 private:
  /// What the model of the next suggestion is made from: what was known when the newest trial
  /// started, or all there is where that was too little to prepare a model beside it.
  Observations basis() const {
    const auto& records = log_.records();
    if (records.empty()) return {};
    Observations seen = observations_as_of(records, static_cast<TrialId>(records.size()) - 1);
    return seen.values.size() < kMinValues ? all_observations(records) : seen;
  }

  Suggestion decide(const History& history, const SuggestContext& context) {
    Observations seen = basis();
    const auto num_trials = static_cast<std::int64_t>(log_.records().size());
    std::unique_ptr<Prepared> prepared;
    if (!is_blind(num_trials, seen)) prepared = take_prepared(seen);
    if (!prepared || (num_trials < num_initial_ && !prepared->model.has_prior())) {
      if (auto point = next_transfer_point()) return Proposal{.configuration = *std::move(point)};
      Suggestion first = initial_->suggest(history, context);
      if (!std::holds_alternative<Exhausted>(first)) return first;
      if (seen.values.empty())
        return seen.pending.empty() ? Suggestion(Exhausted{}) : Suggestion(WaitForResults{});
    }
    spent_ = prepared ? std::move(prepared) : take_prepared(seen);
    return answer(*spent_, history, context);
  }

  /// The first trials look at no model: evenly spread ones, and of the sources' best as many as it
  /// takes to judge the sources. Where sources are believed, that is enough.
  bool is_blind(std::int64_t num_trials, const Observations& seen) const {
    if (seen.values.size() < kMinValues) return true;
    if (num_trials >= num_initial_) return false;
    return !sources_ || next_transfer_point() || seen.values.size() < 2 * kTrialsOfSources;
  }

  /// While few of them were measured, the sources' best points take turns with others, for as long
  /// as they are not behind those.
  std::optional<Configuration> next_transfer_point() const {
    const auto& records = log_.records();
    PointSet started;
    double best_of_sources = std::numeric_limits<double>::infinity();
    double best_of_others = best_of_sources;
    bool is_source_ended = false;
    for (const TrialRecord& record : records) {
      const bool is_of_source = transfer_points_.contains(record.point);
      if (is_of_source) started.insert(record.point);
      if (is_of_source && record.ended) is_source_ended = true;
      if (record.kind != TrialRecord::Kind::Value) continue;
      double& best = is_of_source ? best_of_sources : best_of_others;
      best = std::min(best, options_.metric.mode == Mode::Min ? record.value : -record.value);
    }
    if (started.size() >= std::min(kTrialsOfSources, transfer_points_.size())) return std::nullopt;
    if (!records.empty() && transfer_points_.contains(records.back().point)) return std::nullopt;
    if (is_source_ended && best_of_others < best_of_sources) return std::nullopt;
    const auto next = std::find_if(
        transfer_configurations_.begin(), transfer_configurations_.end(),
        [&](const Configuration& c) { return !started.contains(options_.space.encode(c)); });
    return *next;
  }

  // Beside what runs ----------------------------------------------------------------------------

  void prepare_beside(const Configuration& proposed) {
    Observations seen = all_observations(log_.records());
    const auto next = static_cast<TrialId>(log_.records().size());
    if (seen.values.size() < kMinValues || (next + 1 < num_initial_ && !sources_)) return;
    seen.pending.push_back(options_.space.encode(proposed));
    seen.pending_trials.push_back(next);
    beside_ = std::async(std::launch::async, [this, seen = std::move(seen), previous = fit_,
                                              num_trials = log_.records().size() + 1,
                                              spent = std::exchange(spent_, nullptr)]() mutable {
      spent.reset();
      return prepare(std::move(seen), std::move(previous), num_trials);
    });
  }

  std::unique_ptr<Prepared> take_prepared(const Observations& seen) {
    if (beside_.valid()) {
      auto prepared = std::make_unique<Prepared>(beside_.get());
      if (prepared->seen == seen && prepared->previous == fit_) return prepared;
    }
    return std::make_unique<Prepared>(prepare(seen, fit_, log_.records().size()));
  }

  /// With what the sources say as the prior mean while they are trusted. Its fit then begins anew
  /// each time, so that nothing of it is left when they no longer are.
  SurrogateModel make_model(const Observations& seen,
                            const std::optional<SurrogateFit>& previous) const {
    PriorMean prior = choose_prior_mean(sources_, unit_space_, seen, options_.metric);
    const bool is_trusted = !prior.empty();
    return SurrogateModel({.space = unit_space_,
                           .seen = seen,
                           .metric = options_.metric,
                           .constraints = options_.constraints,
                           .previous = is_trusted ? std::nullopt : previous,
                           .prior = std::move(prior)});
  }

  /// num_trials: those that were started by then; each suggestion draws its own candidates.
  Prepared prepare(Observations seen, std::optional<SurrogateFit> previous,
                   std::size_t num_trials) const {
    SurrogateModel model = make_model(seen, previous);
    for (const UnitPoint& pending : seen.pending) model.believe(pending);
    Rng rng(options_.seed, "suggest", num_trials);
    auto [points, coverage] = make_candidates(model, seen, rng);
    TrackedCandidates candidates = model.track(std::move(points));
    return {std::move(seen), std::move(previous), std::move(model), std::move(candidates),
            coverage};
  }

  std::pair<std::vector<UnitPoint>, Prepared::Coverage> make_candidates(const SurrogateModel& model,
                                                                        const Observations& seen,
                                                                        Rng& rng) const {
    const std::vector<UnitPoint>* all = unit_space_.enumerate();
    if (all && static_cast<double>(all->size()) * model.cost_of_prediction() <= kEnumerationCost)
      return {*all, Prepared::Coverage::Whole};
    std::vector<UnitPoint> good = model.best_points(kBestMeans);
    // The newest trial may turn out to be the best.
    if (!seen.pending.empty()) good.push_back(seen.pending.back());
    const std::size_t affordable = affordable_points(
        static_cast<double>(model.num_rows()),
        static_cast<double>(unit_space_.model_kinds().size()), 1 + options_.constraints.size());
    std::vector<UnitPoint> points = skipjack::make_candidates(unit_space_, good, rng, affordable);
    PointSet tabu(seen.invalid.begin(), seen.invalid.end());
    tabu.insert(seen.pending.begin(), seen.pending.end());
    const auto score = [&](std::span<const UnitPoint> p) { return log_acquisition(model, p); };
    if (auto top =
            climb(unit_space_, score, points, score(points), tabu, {.max_scored = affordable})) {
      points.insert(points.end(), top->found.begin(), top->found.end());
      for (const UnitPoint& found : top->tops)
        if (UnitPoint refined = refine(model, found, tabu, kRefineEvaluations); refined != found)
          points.push_back(std::move(refined));
    }
    return {std::move(points), Prepared::Coverage::Part};
  }

  // Once results are there ----------------------------------------------------------------------

  Suggestion answer(Prepared& prepared, const History& history, const SuggestContext& context) {
    SurrogateModel& model = prepared.model;
    if (!model.has_prior()) fit_ = model.fit();
    put_in_results(prepared);
    const Measured measured = measured_points(model);
    const std::vector<UnitPoint> fresh = promising(prepared, measured.tabu);
    std::optional<UnitPoint> chosen;
    if (model.best_mean()) {
      chosen = to_confirm(model, measured);
      if (!chosen) chosen = choose(model, fresh, measured, context);
    } else if (!fresh.empty()) {
      // Nothing to improve on: what is likeliest to be allowed.
      chosen = fresh.front();
    }
    if (!chosen) return suggest_without_candidates(measured, history, context);
    Proposal proposal{.configuration = options_.space.decode(*chosen)};
    if (model.refitted() && !model.has_prior()) proposal.fitted = to_json(*fit_);
    return proposal;
  }

  /// Points not measured yet, the one of largest expected improvement first.
  std::vector<UnitPoint> promising(Prepared& prepared, const PointSet& tabu) const {
    const SurrogateModel& model = prepared.model;
    TrackedCandidates& candidates = prepared.candidates;
    const std::vector<std::size_t> order =
        best_first(candidates.points, log_acquisition(model, candidates), tabu);
    std::vector<UnitPoint> result;
    if (prepared.coverage == Prepared::Coverage::Part && !order.empty()) {
      std::vector<UnitPoint> starts;
      for (std::size_t i = 0; i < std::min(order.size(), kStarts); ++i)
        starts.push_back(candidates.points[order[i]]);
      // The result that has just come in may have made another point the best.
      for (UnitPoint& good : model.best_points(1))
        for (UnitPoint& neighbor : unit_space_.neighbors(good))
          if (starts.size() < 2 * kStarts && !tabu.contains(neighbor) &&
              unit_space_.satisfies_constraints(neighbor))
            starts.push_back(std::move(neighbor));
      const auto score = [&](std::span<const UnitPoint> p) { return log_acquisition(model, p); };
      const auto max_scored = static_cast<std::size_t>(kAnswerCost / model.cost_of_prediction());
      if (const auto top =
              climb(unit_space_, score, starts, score(starts), tabu, {.max_scored = max_scored}))
        result.push_back(refine(model, top->best, tabu, kAnswerEvaluations));
    }
    for (const std::size_t i : order) {
      if (result.size() >= kShortlist) break;
      if (result.empty() || candidates.points[i] != result.front())
        result.push_back(candidates.points[i]);
    }
    return result;
  }

  void put_in_results(Prepared& prepared) const {
    using Kind = TrialRecord::Kind;
    for (std::size_t i = 0; i < prepared.seen.pending_trials.size(); ++i) {
      const TrialRecord& record =
          log_.records()[static_cast<std::size_t>(prepared.seen.pending_trials[i])];
      if (record.kind == Kind::Value || record.kind == Kind::Bound)
        prepared.model.believed_gave(i, record.value, record.kind == Kind::Bound, record.beside);
      if (record.kind == Kind::Invalid) prepared.model.believed_failed(i);
    }
  }

  struct Known {
    int times = 0;
    double sum = 0, squares = 0;  // of the targets measured
    bool bounded = false;         ///< was stopped because it can't win, and not measured since
    bool closed = false;          ///< runs or failed
    bool may_be_measured() const { return !bounded && !closed; }
  };
  struct Measured {
    std::map<UnitPoint, Known> points;
    PointSet tabu;  // all of them
    /// How often a configuration may be measured: 1 where there is no noise.
    int limit = 1;
    bool is_open(const UnitPoint& point) const {
      const Known& known = points.at(point);
      return known.may_be_measured() && known.times < limit;
    }
  };

  Measured measured_points(const SurrogateModel& model) const {
    using Kind = TrialRecord::Kind;
    Measured result;
    for (const TrialRecord& record : log_.records()) {
      if (record.kind == Kind::Nothing) continue;
      Known& known = result.points[record.point];
      if (record.kind == Kind::Value) {
        const double target = model.transform().to_target(record.value);
        ++known.times;
        known.sum += target;
        known.squares += target * target;
        known.bounded = false;
      } else if (record.kind == Kind::Bound) {
        known.bounded = true;
      } else {
        known.closed = true;
      }
    }
    for (const auto& [point, known] : result.points) result.tabu.insert(result.tabu.end(), point);
    result.limit = is_noisy(result.points, model) ? options_.max_repeats : 1;
    return result;
  }

  /// The process takes for noise what it can't follow, a rough function included; repetitions tell
  /// real noise from roughness.
  static bool is_noisy(const std::map<UnitPoint, Known>& points, const SurrogateModel& model) {
    const GpHyperparameters& h = model.fit().objective;
    // What a prior mean explains is signal too, and targets have variance 1.
    const double signal = model.has_prior() ? std::max(1.0, h.outputscale) : h.outputscale;
    if (h.noise_variance < kNegligibleNoise * signal) return false;
    double squares = 0;
    int degrees_of_freedom = 0;
    for (const auto& [point, known] : points) {
      if (known.times < 2) continue;
      squares += std::max(0.0, known.squares - known.sum * known.sum / known.times);
      degrees_of_freedom += known.times - 1;
    }
    return degrees_of_freedom < kMinRepetitions || squares > kNegligibleNoise * degrees_of_freedom;
  }

  /// The leader, while it owes its place to a single noisy value.
  std::optional<UnitPoint> to_confirm(const SurrogateModel& model, const Measured& measured) const {
    if (measured.limit == 1 || log_.records().size() < kConfirmFrom) return std::nullopt;
    const std::vector<UnitPoint> leader = model.best_points(1);
    if (leader.empty()) return std::nullopt;
    const Known& known = measured.points.at(leader.front());
    return known.may_be_measured() && known.times == 1 ? std::optional(leader.front())
                                                       : std::nullopt;
  }

  static VectorXd log_acquisition(const GpPrediction& p, VectorXd log_feasibility,
                                  std::optional<double> best_mean) {
    for (Index i = 0; best_mean && i < log_feasibility.size(); ++i)
      log_feasibility[i] +=
          log_expected_improvement(p.mean[i], std::sqrt(p.variance[i]), *best_mean);
    return log_feasibility;
  }
  static VectorXd log_acquisition(const SurrogateModel& model, std::span<const UnitPoint> points) {
    return log_acquisition(model.predict(points), model.log_feasibility(points), model.best_mean());
  }
  static VectorXd log_acquisition(const SurrogateModel& model, TrackedCandidates& candidates) {
    return log_acquisition(model.predict(candidates), model.log_feasibility(candidates),
                           model.best_mean());
  }

  /// The continuous parameters moved uphill from a point, to a top of their own; the point itself
  /// where that is no better or not allowed.
  UnitPoint refine(const SurrogateModel& model, const UnitPoint& from, const PointSet& tabu,
                   int max_evaluations) const {
    const std::vector<bool> is_active = unit_space_.active(from);
    std::vector<std::size_t> free = unit_space_.continuous();
    std::erase_if(free, [&](std::size_t k) { return !is_active[k]; });
    if (free.empty()) return from;
    const auto num_free = static_cast<Index>(free.size());
    const std::optional<double> best_mean = model.best_mean();
    UnitPoint at = from;
    const auto function = [&](const VectorXd& x, VectorXd* gradient) {
      for (Index k = 0; k < num_free; ++k) at[free[static_cast<std::size_t>(k)]] = x[k];
      VectorXd slope;
      const double value = model.acquisition_with_gradient(at, best_mean, slope);
      if (gradient)
        for (Index k = 0; k < num_free; ++k)
          (*gradient)[k] = slope[static_cast<Index>(free[static_cast<std::size_t>(k)])];
      return value;
    };
    VectorXd start(num_free);
    for (Index k = 0; k < num_free; ++k) start[k] = from[free[static_cast<std::size_t>(k)]];
    const BoxAscentResult top =
        maximize_in_box(function, start,
                        {.lower = VectorXd::Constant(num_free, kEndMargin),
                         .upper = VectorXd::Constant(num_free, 1 - kEndMargin),
                         .max_evaluations = max_evaluations});
    UnitPoint refined = from;
    for (Index k = 0; k < num_free; ++k) refined[free[static_cast<std::size_t>(k)]] = top.x[k];
    refined = unit_space_.snap(std::move(refined));
    if (tabu.contains(refined) || !unit_space_.satisfies_constraints(refined)) return from;
    const std::vector<UnitPoint> both = {from, refined};
    const VectorXd scores = log_acquisition(model, both);
    return scores[1] > scores[0] ? refined : from;
  }

  /// Of the fresh points and of the best measured ones, the one whose measurement is expected to
  /// take most off the smallest posterior mean, which is what will be recommended.
  std::optional<UnitPoint> choose(const SurrogateModel& model, const std::vector<UnitPoint>& fresh,
                                  const Measured& measured, const SuggestContext& context) const {
    std::vector<UnitPoint> points = model.best_points(kContenders);
    const auto num_known = static_cast<Index>(points.size());
    points.insert(points.end(), fresh.begin(), fresh.end());
    const auto [mean, covariance] = model.predict_jointly(points);
    const VectorXd log_works = model.log_feasibility(fresh);
    const GpHyperparameters& h = model.fit().objective;
    const double noise = h.noise_variance * (1 - h.persistent_share);
    // The leaders can still be told apart later; what was never tried can't.
    const double patience = kPatience * context.remaining_fraction.value_or(0.5);

    std::optional<std::size_t> best;
    double best_score = 0;
    std::vector<double> means, slopes;
    for (Index c = 0; c < covariance.rows(); ++c) {
      const auto i = static_cast<std::size_t>(c);
      const bool is_known = c < num_known;
      if (is_known && !measured.is_open(points[i])) continue;
      const double deviation = std::sqrt(std::max(covariance(c, c), 1e-14) + noise);
      means.assign(mean.begin(), mean.begin() + num_known);
      slopes.clear();
      for (Index a = 0; a < num_known; ++a) slopes.push_back(covariance(a, c) / deviation);
      if (!is_known) {
        means.push_back(mean[c]);
        slopes.push_back(covariance(c, c) / deviation);
      }
      const double score =
          log_knowledge_gradient(means, slopes) + (is_known ? -patience : log_works[c - num_known]);
      if (!best || score > best_score) best = i, best_score = score;
    }
    if (!best) return std::nullopt;
    return points[*best];
  }

  Suggestion suggest_without_candidates(const Measured& measured, const History& history,
                                        const SuggestContext& context) {
    if (const auto* all = unit_space_.enumerate()) {
      // Some candidate that was not looked at may be left.
      for (const UnitPoint& point : *all)
        if (!measured.tabu.contains(point))
          return Proposal{.configuration = options_.space.decode(point)};
      const auto& records = log_.records();
      const bool waiting = std::any_of(records.begin(), records.end(), [](const TrialRecord& r) {
        return r.kind == TrialRecord::Kind::Pending;
      });
      return waiting ? Suggestion(WaitForResults{}) : Suggestion(Exhausted{});
    }
    return random_->suggest(history, context);
  }

  BayesOptOptions options_;
  UnitSpace unit_space_;
  TrialLog log_;
  std::unique_ptr<Searcher> initial_, random_;
  std::int64_t num_initial_;
  std::optional<SurrogateFit> fit_;
  /// Null if there are none.
  std::shared_ptr<const SourceModels> sources_;
  /// The sources' best, most promising first; and as points.
  std::vector<Configuration> transfer_configurations_;
  PointSet transfer_points_;
  /// Of the last answer: megabytes, given back by the thread beside, since that takes its time.
  std::unique_ptr<Prepared> spent_;
  /// Last: it uses the others until it has ended.
  std::future<Prepared> beside_;
};

}  // namespace

std::unique_ptr<Searcher> make_bayesopt_search(BayesOptOptions options) {
  return std::make_unique<BayesOpt>(std::move(options));
}

}  // namespace skipjack
