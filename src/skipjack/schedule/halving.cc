// Events move each trial along its course: running towards a rung, told to pause there, resting,
// over. What the events call for (a stop, a pause) stays on a list until the event that says it was
// ordered; decide() reads the list, and starts or resumes one trial a call.
#include "skipjack/schedule/halving.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/base/invalid.h"
#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

constexpr const char* kBracketTag = "bracket";

/// What a trial has cost, over its attempts.
class CostMeter {
 public:
  void begin_attempt(Duration time) { begun_ = time, before_ = total_, is_new_ = true; }
  /// starts_over: the report is of a level that the trial had reached before. If that is so at the
  /// beginning of an attempt, it does everything again, and that is not counted twice.
  void take(double attempt_cost, bool starts_over) {
    if (is_new_ && starts_over) before_ = 0;
    is_new_ = false;
    if (std::isfinite(attempt_cost)) total_ = before_ + std::max(0.0, attempt_cost);
  }
  Duration begun() const { return begun_; }
  double total() const { return total_; }

 private:
  Duration begun_{0};
  double before_ = 0, total_ = 0;
  bool is_new_ = true;
};

enum class State {
  Running,
  Pausing,  ///< at a rung, its attempt has not ended yet
  Resting,  ///< at a rung, may be resumed
  Over,
};

struct Course {
  State state = State::Running;
  int bracket = 0;
  /// The lowest rung that it may come to; while Pausing or Resting the one behind its own.
  std::size_t next_rung = 0;
  CostMeter cost;
};

std::size_t draw(const std::vector<double>& weights, Rng& rng) {
  double sum = 0;
  for (const double weight : weights) sum += weight;
  double left = rng.uniform() * sum;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    left -= weights[i];
    if (left < 0) return i;
  }
  return weights.size() - 1;
}

class Halving final : public Scheduler {
 public:
  explicit Halving(HalvingOptions options);
  void apply(const Event& event, const History& history) override;
  std::vector<Command> decide(const SchedulerView& view) override;
  double checkpoint_worth(const Trial& trial) const override;

 private:
  /// An order that is to be given.
  struct Order {
    bool is_stop = false;
    std::string reason;
  };
  using Choice = std::optional<Resume>;

  void check() const;
  void take(const TrialStarted& started, Duration time);
  void take(const TrialResumed& resumed, Duration time);
  void take(const Reported& reported, Duration time, const History& history);
  void take(const AttemptEnded& ended, const History& history);
  void take_stop(TrialId trial, const History& history);
  void measure_cost(Course& course, const Reported& reported, Duration time);
  void come_to(std::size_t rung, const Trial& trial, const Reported& reported);

  std::optional<Command> next(const SchedulerView& view);
  int draw_bracket(const History& history) const;
  Choice by_rule(const RungRule& rule) const;
  /// The best of what rests and of the proposal; nullopt if the searcher gives no scores.
  std::optional<Command> by_score(const RungRule& rule, const History& history,
                                  const Proposal& proposal, int bracket);
  Suggestion suggest(const SchedulerView& view, int bracket);
  Start start(Proposal proposal, int bracket) const;
  Command when_exhausted() const;

  RungRule& rule_of(int bracket) const {
    return *rules_[rules_.size() > 1 ? static_cast<std::size_t>(bracket) : 0];
  }
  /// Of a rung; behind the last one max_t.
  std::int64_t level(std::size_t rung) const {
    return rung < levels_.size() ? levels_[rung] : options_.resource.max_t;
  }
  Course& course(TrialId trial) { return courses_[static_cast<std::size_t>(trial)]; }

  HalvingOptions options_;
  std::vector<std::int64_t> levels_;
  std::vector<Metric> objectives_;
  /// One, or one a bracket.
  std::vector<std::unique_ptr<RungRule>> rules_;
  ResourceLog log_;
  /// By trial.
  std::vector<Course> courses_;
  std::map<TrialId, Order> orders_;
  /// In the queues of rungs, since the last event: all checkpoints are asked about in a row.
  mutable std::map<std::pair<const RungRule*, std::size_t>,
                   std::unordered_map<TrialId, std::size_t>>
      places_;
  /// Attempts that were started by this scheduler, the number of its draws.
  std::uint64_t num_launched_ = 0;
  std::int64_t num_running_ = 0;
};

Halving::Halving(HalvingOptions options)
    : options_(std::move(options)),
      levels_(rung_levels(options_.resource)),
      objectives_(metrics_with(MetricRole::Objective, options_.metrics)),
      log_(options_.resource.resource_attr, objectives_) {
  check();
  const std::vector<double> quantiles = rung_quantiles(levels_, options_.resource.max_t);
  if (!options_.make_rule)
    options_.make_rule = [quantiles] { return make_quantile_rule(quantiles); };
  if (!options_.bracket_weights) {
    std::vector<std::int64_t> levels = levels_;
    levels.push_back(options_.resource.max_t);
    options_.bracket_weights = [weights = hyperband_weights(levels, options_.num_brackets)](
                                   const History&) { return weights; };
  }
  const int num_rules =
      options_.bracket_rungs == BracketRungs::PerBracket ? options_.num_brackets : 1;
  for (int i = 0; i < num_rules; ++i) rules_.push_back(options_.make_rule());
}

void Halving::check() const {
  if (!options_.searcher) invalid("searcher = null: successive halving needs a searcher");
  if (objectives_.empty()) invalid("successive halving needs an objective");
  const auto most = static_cast<int>(levels_.size()) + 1;
  if (options_.num_brackets < 1 || options_.num_brackets > most)
    invalid("brackets = " + std::to_string(options_.num_brackets) + " must be in [1, " +
                std::to_string(most) + "]",
            "there is one bracket for each of the " + std::to_string(levels_.size()) +
                " rungs, and one without");
  if (!(options_.rule_probability >= 0 && options_.rule_probability <= 1))
    invalid("rule_probability = " + shortest_decimal(options_.rule_probability) +
            " must be in [0, 1]");
}

void Halving::apply(const Event& event, const History& history) {
  places_.clear();
  if (const auto* started = std::get_if<TrialStarted>(&event.body)) {
    take(*started, event.time);
  } else if (const auto* resumed = std::get_if<TrialResumed>(&event.body)) {
    take(*resumed, event.time);
  } else if (const auto* reported = std::get_if<Reported>(&event.body)) {
    take(*reported, event.time, history);
  } else if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
    take(*ended, history);
  } else if (const auto* stop = std::get_if<StopOrdered>(&event.body)) {
    take_stop(stop->trial, history);
  } else if (const auto* pause = std::get_if<PauseOrdered>(&event.body)) {
    orders_.erase(pause->trial);
  } else if (const auto* fitted = std::get_if<ModelFitted>(&event.body)) {
    options_.searcher->restore(fitted->parameters);
  }
}

void Halving::take(const TrialStarted& started, Duration time) {
  Course course;
  if (const Json* bracket = started.tag.find(kBracketTag))
    course.bracket =
        static_cast<int>(std::clamp<std::int64_t>(bracket->as_int(), 0, options_.num_brackets - 1));
  course.next_rung = static_cast<std::size_t>(course.bracket);
  course.cost.begin_attempt(time);
  courses_.push_back(course);
  ++num_launched_, ++num_running_;
}

void Halving::take(const TrialResumed& resumed, Duration time) {
  Course& its = course(resumed.id.trial);
  its.cost.begin_attempt(time);
  if (its.state != State::Resting) return;  // lost, and run again
  rule_of(its.bracket).withdraw(its.next_rung - 1, resumed.id.trial);
  its.state = State::Running;
  ++num_launched_, ++num_running_;
}

void Halving::take(const Reported& reported, Duration time, const History& history) {
  const Trial& trial = *history.find(reported.id.trial);
  Course& its = course(trial.id);
  if (reported.id.attempt == trial.attempt) measure_cost(its, reported, time);
  const auto step = log_.take(reported, history);
  // What comes with the report that it is stopped for is as if it had not run on.
  if (!step || its.state != State::Running || orders_.contains(trial.id)) return;
  if (step->to > options_.resource.max_t)
    orders_[trial.id] = {true, "went on beyond " + options_.resource.resource_attr + " = " +
                                   std::to_string(options_.resource.max_t)};
  if (step->to >= options_.resource.max_t) {
    its.next_rung = levels_.size();
    return;
  }
  const auto above = std::upper_bound(levels_.begin(), levels_.end(), step->to);
  const auto reached = static_cast<std::size_t>(above - levels_.begin());
  if (reached > its.next_rung) come_to(reached - 1, trial, reported);
}

void Halving::measure_cost(Course& its, const Reported& reported, Duration time) {
  const auto resource = resource_of(reported.metrics, options_.resource.resource_attr);
  if (!resource) return;
  const bool starts_over = *resource <= log_.reached(reported.id.trial);
  const Json* cost = reported.metrics.find(options_.cost_metric);
  if (options_.cost_metric.empty())
    its.cost.take(to_seconds(time - its.cost.begun()), starts_over);
  else if (cost && cost->is_number())
    its.cost.take(cost->as_double(), starts_over);
}

void Halving::come_to(std::size_t rung, const Trial& trial, const Reported& reported) {
  Course& its = course(trial.id);
  RungEntry entry{.trial = trial, .cost = its.cost.total()};
  for (const Metric& metric : objectives_)
    entry.scores.push_back(score_of(reported.metrics, metric).value());
  RungRule& rule = rule_of(its.bracket);
  rule.enter(rung, entry);
  its.next_rung = rung + 1;
  if (options_.type == HalvingType::Promotion) {
    its.state = State::Pausing;
    orders_[trial.id] = {};
  } else if (!rule.goes_on(rung, trial.id)) {
    orders_[trial.id] = {true, "not among the better ones at " + options_.resource.resource_attr +
                                   " = " + std::to_string(levels_[rung])};
  }
}

void Halving::take(const AttemptEnded& ended, const History& history) {
  log_.take(ended);
  const TrialId trial = ended.id.trial;
  Course& its = course(trial);
  const bool is_running = its.state == State::Running || its.state == State::Pausing;
  if (ended.id.attempt != history.find(trial)->attempt || !is_running) return;
  if (ended.end.outcome == Outcome::Lost) return;
  orders_.erase(trial);
  --num_running_;
  const bool can_go_on =
      ended.end.outcome == Outcome::Paused || ended.end.outcome == Outcome::Completed;
  if (its.state == State::Pausing && can_go_on) {
    its.state = State::Resting;
    rule_of(its.bracket).offer(its.next_rung - 1, trial);
  } else {
    its.state = State::Over;
  }
}

void Halving::take_stop(TrialId trial, const History& history) {
  orders_.erase(trial);
  if (history.find(trial)->status != TrialStatus::Stopped) return;  // its end is still to come
  Course& its = course(trial);
  if (its.state == State::Resting) rule_of(its.bracket).withdraw(its.next_rung - 1, trial);
  if (its.state == State::Running || its.state == State::Pausing) --num_running_;
  its.state = State::Over;
}

std::vector<Command> Halving::decide(const SchedulerView& view) {
  log_.require_sense();
  std::vector<Command> commands;
  for (const auto& [trial, order] : orders_) {
    if (order.is_stop)
      commands.push_back(Stop{.trial = trial, .reason = order.reason});
    else
      commands.push_back(Pause{trial});
  }
  if (view.free_workers > 0)
    if (auto command = next(view)) commands.push_back(*std::move(command));
  return commands;
}

/// Whoever is n-th in the queue of rung k goes on after about n eta^(k+1) further starts, and
/// without its checkpoint does work in proportion to eta^k again: so the place in the queue alone
/// says what is to be lost.
double Halving::checkpoint_worth(const Trial& trial) const {
  const Course& its = courses_[static_cast<std::size_t>(trial.id)];
  if (its.state != State::Resting) return 0;
  const RungRule& rule = rule_of(its.bracket);
  auto& places = places_[{&rule, its.next_rung - 1}];
  if (places.empty())
    for (const TrialId offered : rule.offered(its.next_rung - 1))
      places.emplace(offered, places.size());
  // A rung that is not open yet (PASHA) offers nothing: those that wait there have their turn last.
  const auto place = places.find(trial.id);
  return 1 / (1 + static_cast<double>(place != places.end() ? place->second : places.size()));
}

std::optional<Command> Halving::next(const SchedulerView& view) {
  const int bracket = draw_bracket(view.history);
  const RungRule& rule = rule_of(bracket);
  const bool is_promotion = options_.type == HalvingType::Promotion;
  const bool rule_decides =
      options_.rule_probability >= 1 ||
      Rng(options_.seed, "mix", num_launched_).bernoulli(options_.rule_probability);
  if (is_promotion && rule_decides)
    if (const Choice choice = by_rule(rule)) return *choice;
  if (view.starts_full) return when_exhausted();
  if (courses_.size() < options_.points_to_evaluate.size())
    return start({.configuration = options_.points_to_evaluate[courses_.size()]}, bracket);
  Suggestion suggestion = suggest(view, bracket);
  if (auto* proposal = std::get_if<Proposal>(&suggestion)) {
    if (is_promotion && options_.rule_probability < 1)
      if (auto command = by_score(rule, view.history, *proposal, bracket)) return command;
    return start(std::move(*proposal), bracket);
  }
  if (std::holds_alternative<WaitForResults>(suggestion)) return Wait{};
  return when_exhausted();
}

int Halving::draw_bracket(const History& history) const {
  if (options_.num_brackets == 1) return 0;
  Rng rng(options_.seed, "bracket", num_launched_);
  const std::vector<double> weights = options_.bracket_weights(history);
  SKIPJACK_CHECK(weights.size() == static_cast<std::size_t>(options_.num_brackets));
  return static_cast<int>(draw(weights, rng));
}

Halving::Choice Halving::by_rule(const RungRule& rule) const {
  for (std::size_t rung = levels_.size(); rung-- > 0;)
    if (const auto trial = rule.promotable(rung))
      return Resume{.trial = *trial, .max_resource = level(rung + 1)};
  return std::nullopt;
}

std::optional<Command> Halving::by_score(const RungRule& rule, const History& history,
                                         const Proposal& proposal, int bracket) {
  const auto score = [&](const std::vector<Configuration>& configurations, std::size_t rung) {
    return options_.searcher->score(history, configurations, level(rung));
  };
  const std::vector<double> own =
      score({proposal.configuration}, static_cast<std::size_t>(bracket));
  if (own.empty()) {
    const Choice choice = by_rule(rule);
    return choice ? std::optional<Command>(*choice) : std::nullopt;
  }
  double best = own.front();
  Choice choice;
  for (std::size_t rung = levels_.size(); rung-- > 0;) {
    const std::vector<TrialId> offered = rule.offered(rung);
    std::vector<Configuration> configurations;
    for (const TrialId trial : offered)
      configurations.push_back(history.find(trial)->configuration);
    if (offered.empty()) continue;
    const std::vector<double> scores = score(configurations, rung + 1);
    for (std::size_t i = 0; i < scores.size(); ++i)
      if (scores[i] > best)
        best = scores[i], choice = Resume{.trial = offered[i], .max_resource = level(rung + 1)};
  }
  return choice ? std::optional<Command>(*choice) : start(proposal, bracket);
}

Suggestion Halving::suggest(const SchedulerView& view, int bracket) {
  return options_.searcher->suggest(
      view.history, SuggestContext{.resource = level(static_cast<std::size_t>(bracket)),
                                   .bracket = bracket,
                                   .remaining_fraction = view.remaining_fraction});
}

Start Halving::start(Proposal proposal, int bracket) const {
  const bool is_promotion = options_.type == HalvingType::Promotion;
  Start start{.configuration = std::move(proposal.configuration),
              .max_resource =
                  is_promotion ? level(static_cast<std::size_t>(bracket)) : options_.resource.max_t,
              .fitted = std::move(proposal.fitted)};
  if (options_.num_brackets > 1) start.tag = Json::Object{{kBracketTag, bracket}};
  return start;
}

/// There are no new trials any more.
Command Halving::when_exhausted() const {
  for (const auto& rule : rules_)
    if (const Choice choice = by_rule(*rule)) return *choice;
  // What still runs is judged at rungs, and may let a trial that rests go on.
  if (num_running_ > 0) return Wait{};
  return Finished{.reason = "search space exhausted"};
}

}  // namespace

std::vector<double> hyperband_weights(const std::vector<std::int64_t>& levels, int num_brackets) {
  const auto num_levels = static_cast<double>(levels.size());
  std::vector<double> weights;
  for (int s = 0; s < num_brackets; ++s)
    weights.push_back(
        num_levels / ((num_levels - s) * static_cast<double>(levels[static_cast<std::size_t>(s)])));
  return weights;
}

std::unique_ptr<Scheduler> make_halving(HalvingOptions options) {
  return std::make_unique<Halving>(std::move(options));
}

}  // namespace skipjack
