// Everything is recomputed from the history at each decision (some hundred trials: microseconds),
// so there is next to no state to restore.
#include "skipjack/s3tune/s3_scheduler.h"

#include <algorithm>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/s3tune/head_to_head.h"
#include "skipjack/s3tune/method_search.h"
#include "skipjack/s3tune/time_limits.h"
#include "skipjack/s3tune/trial_beliefs.h"

namespace skipjack::s3tune {
namespace {

/// Planned times are stretched by this before they are held against what is left.
constexpr double kTimeMargin = 1.05;

class S3Scheduler final : public Scheduler {
 public:
  explicit S3Scheduler(S3SchedulerOptions options)
      : options_(std::move(options)),
        search_(options_),
        object_({options_.object_size, options_.etag}) {}

  void apply(const Event& event, const History& history) override {
    if (const auto* started = std::get_if<TrialStarted>(&event.body)) {
      const Trial& trial = *history.find(started->trial);
      const bool is_first = !search_.has_baseline() && is_baseline(trial);
      if (is_first || phase_of(trial) == kSearchPhase) search_.begin(event, *started);
      return;
    }
    if (const auto* reported = std::get_if<Reported>(&event.body))
      object_.take(reported->id.trial, reported->metrics);
    limits_.apply(event);
    search_.pass_on(event, event.body);
  }

  std::vector<Command> decide(const SchedulerView& view) override {
    const std::vector<TrialId>& running = view.history.running();
    if (!running.empty()) return watch(view, *view.history.find(running.front()));
    if (view.free_workers <= 0) return {};
    if (object_.changed()) return {Finished{"the object changed"}};
    if (object_.conflict()) return {Finished{"the bytes differ"}};
    if (const auto plan = verdict_plan(view.history)) return go_on_with_verdict(view, *plan);
    if (auto command = measure_first(view)) return {std::move(*command)};
    if (auto command = go_on_with_search(view)) return {std::move(*command)};
    return begin_verdict(view);
  }

 private:
  TrialBeliefs beliefs_of(const History& history) const { return {history, baseline().name}; }

  const Arm& baseline() const { return options_.arms[options_.baseline_arm]; }

  bool is_baseline(const Trial& trial) const { return is_of_arm(trial, baseline().name); }

  /// Starting a trial of `downloads` downloads of an arm or of a configuration of the space.
  Start start_trial(const Configuration& configuration, int downloads, Json::Object tag) const {
    Start start{.configuration = configuration, .tag = Json(std::move(tag))};
    start.configuration.set(kRepeats, downloads);
    start.configuration.set(kVerify, false);
    return start;
  }

  /// A trial is running: stop it where going on would only tell how bad it is.
  std::vector<Command> watch(const SchedulerView& view, const Trial& trial) const {
    if (trial.ending || phase_of(trial) != kSearchPhase) return {Wait{}};
    if (limits_.is_overdue(trial.id))
      return {Stop{trial.id, "slower than its time limit, set by the best so far"}};
    const TrialBeliefs beliefs = beliefs_of(view.history);
    if (!beliefs.best()) return {Wait{}};
    const std::vector<double> downloads = download_seconds(trial);
    const double limit = *beliefs.best() * (kHopeless + 3 * beliefs.drift().noise().value_or(0));
    if (!downloads.empty() && downloads.size() < static_cast<std::size_t>(options_.repeats) &&
        mean_of(downloads) / beliefs.drift().factor(to_seconds(view.now)) > limit)
      return {Stop{trial.id, "clearly slower than the best so far"}};
    if (limits_.is_wanted(trial.id) &&
        downloads.size() < static_cast<std::size_t>(options_.repeats)) {
      Duration deadline = view.now + download_cap(beliefs);
      if (view.remaining_time)
        deadline = std::min(deadline,
                            view.now + *view.remaining_time - from_seconds(verdict_reserve(view)));
      return {SetDeadline{trial.id, std::max(deadline, view.now)}};
    }
    return {Wait{}};
  }

  /// Each arm once, the baseline `repeats` times: what the verdict will cost, and whether it works
  /// at all.
  std::optional<Command> measure_first(const SchedulerView& view) const {
    for (std::size_t i = 0; i < options_.arms.size(); ++i) {
      // The baseline comes first, whatever its place in the table.
      const std::size_t arm = i == 0                       ? options_.baseline_arm
                              : i <= options_.baseline_arm ? i - 1
                                                           : i;
      const Trial* trial = first_of_arm(view.history, options_.arms[arm].name);
      if (!trial) {
        const int downloads = arm == options_.baseline_arm ? options_.repeats : 1;
        if (!can_fetch(view.history, downloads)) return Finished{"max_bytes"};
        Start start = start_trial(options_.arms[arm].configuration, downloads,
                                  {{"phase", kBaselinePhase}, {"arm", options_.arms[arm].name}});
        start.configuration.set(kVerify, options_.verify);
        return start;
      }
      if (arm == options_.baseline_arm && !has_value(*trial))
        return Finished{"the baseline failed: " +
                        (trial->end ? trial->end->reason : std::string())};
    }
    return std::nullopt;
  }

  /// nullopt: the search is over.
  std::optional<Command> go_on_with_search(const SchedulerView& view) {
    const std::vector<const Trial*> trials = search_trials(view.history);
    if (options_.max_search_trials &&
        static_cast<std::int64_t>(trials.size()) >= *options_.max_search_trials)
      return std::nullopt;
    bool baseline_due = since_baseline(view.history) >= options_.baseline_every;
    std::optional<Duration> deadline;
    const double reserve = verdict_reserve(view);
    if (view.remaining_time) {
      const double left = to_seconds(*view.remaining_time) - reserve;
      // Near the end a configuration more is worth more than a look at drift.
      baseline_due = baseline_due && left >= baseline_duration(view.history);
      if (!baseline_due && left < search_duration(view.history)) return std::nullopt;
      deadline = view.now + from_seconds(left);
    }
    const int downloads = baseline_due ? baseline_downloads() : options_.repeats;
    if (!can_fetch(view.history,
                   downloads + verdict_downloads(options_, reserved_blocks(options_))))
      return std::nullopt;
    if (baseline_due)
      return start_trial(baseline().configuration, downloads,
                         {{"phase", kBaselinePhase}, {"arm", baseline().name}});

    const TrialBeliefs beliefs = beliefs_of(view.history);
    std::optional<Command> command = search_.ask(
        view, [&](const Trial& trial) { return beliefs.of(trial); },
        search_fraction(view, reserve));
    if (!command) return std::nullopt;
    if (auto* start = std::get_if<Start>(&*command)) {
      start->configuration.set(kRepeats, options_.repeats);
      start->configuration.set(kVerify, options_.verify);
      start->tag = Json(Json::Object{{"phase", kSearchPhase}});
      if (beliefs.best()) {
        const Duration cap = view.now + download_cap(beliefs);
        deadline = deadline ? std::min(*deadline, cap) : cap;
      }
      start->deadline = deadline;
    }
    return command;
  }

  std::vector<Command> begin_verdict(const SchedulerView& view) {
    VerdictPlan plan;
    for (const Arm& arm : options_.arms) {
      const Trial* trial = first_of_arm(view.history, arm.name);
      if (trial && has_value(*trial)) plan.arms.push_back(arm.name);
    }
    const TrialBeliefs beliefs = beliefs_of(view.history);
    plan.winner =
        search_.leader(view.history, [&](const Trial& trial) { return beliefs.of(trial); });
    if (!plan.winner.is_null()) plan.arms.emplace_back(kWinnerArm);
    const Winner with_winner = plan.winner.is_null() ? Winner::None : Winner::Included;
    plan.num_blocks = options_.wanted_blocks;
    if (view.remaining_time)
      plan.num_blocks = static_cast<int>(std::clamp(
          to_seconds(*view.remaining_time) / (block_cost(view.history, with_winner) * kTimeMargin),
          0.0, static_cast<double>(options_.most_blocks)));
    while (plan.num_blocks > 0 &&
           !can_fetch(view.history, static_cast<std::int64_t>(plan.arms.size()) * plan.num_blocks))
      --plan.num_blocks;
    if (plan.arms.size() < 2)
      return {Finished{"nothing to compare: no row but one could be measured"}};
    if (plan.num_blocks == 0) return {Finished{"no time or bytes left for a verdict"}};
    return go_on_with_verdict(view, plan);
  }

  std::vector<Command> go_on_with_verdict(const SchedulerView& view,
                                          const VerdictPlan& plan) const {
    std::size_t num_started = 0;
    for (const Trial& trial : view.history.trials())
      num_started += phase_of(trial) == kVerdictPhase;
    const std::size_t block = num_started / plan.arms.size();
    if (block >= static_cast<std::size_t>(plan.num_blocks)) return {Finished{"finished"}};
    if (!can_fetch(view.history, 1)) return {Finished{"max_bytes"}};
    const auto number = static_cast<std::int64_t>(block);
    const std::string name =
        block_order(plan, options_.seed, number)[num_started % plan.arms.size()];
    Json::Object tag = verdict_tag(plan, number);
    tag.emplace_back("arm", name);
    return {start_trial(arm_configuration(options_, plan, name), 1, std::move(tag))};
  }

  std::vector<const Trial*> search_trials(const History& history) const {
    std::vector<const Trial*> trials;
    for (const Trial& trial : history.trials())
      if (phase_of(trial) == kSearchPhase) trials.push_back(&trial);
    return trials;
  }

  const Trial* first_of_arm(const History& history, const std::string& name) const {
    for (const Trial& trial : history.trials())
      if (is_of_arm(trial, name)) return &trial;
    return nullptr;
  }

  std::optional<TrialCost> cost_of_arm(const History& history, const Arm& arm) const {
    const Trial* trial = first_of_arm(history, arm.name);
    return trial ? cost_of(*trial) : std::nullopt;
  }

  /// Search trials since the baseline was measured last.
  int since_baseline(const History& history) const {
    int count = 0;
    for (const Trial& trial : history.trials()) {
      if (is_baseline(trial)) count = 0;
      if (phase_of(trial) == kSearchPhase) ++count;
    }
    return count;
  }

  int baseline_downloads() const { return std::min(options_.repeats, 2); }

  /// After which a search trial is given up that is about to start, or to go on with, a download.
  static Duration download_cap(const TrialBeliefs& beliefs) {
    return from_seconds(beliefs.overhead() + kProcessSlack + *beliefs.best() * kDownloadCap);
  }

  /// Seconds of one more measurement of the baseline.
  double baseline_duration(const History& history) const {
    const auto cost = cost_of_arm(history, baseline());
    return cost ? cost->overhead + baseline_downloads() * cost->download : 0;
  }

  /// Median seconds of a search trial so far; the baseline's before the first.
  double search_duration(const History& history) const {
    std::vector<double> durations;
    for (const Trial* trial : search_trials(history))
      if (has_ended(*trial)) durations.push_back(to_seconds(*trial->ended - trial->started));
    if (durations.empty()) return baseline_duration(history);
    return median_of(std::move(durations));
  }

  /// Seconds of one block of the verdict.
  enum class Winner { Included, None };
  double block_cost(const History& history, Winner with_winner) const {
    double sum = 0;
    for (const Arm& arm : options_.arms)
      if (const auto cost = cost_of_arm(history, arm)) sum += cost->total();
    if (with_winner == Winner::None) return sum;
    std::optional<double> winner;
    for (const Trial* trial : search_trials(history))
      if (const auto cost = cost_of(*trial); cost && (!winner || cost->total() < *winner))
        winner = cost->total();
    const auto cost = cost_of_arm(history, baseline());
    return sum + winner.value_or(cost ? cost->total() : 0);
  }

  /// Seconds kept back from the search.
  double verdict_reserve(const SchedulerView& view) const {
    if (!view.remaining_time) return 0;
    return std::min(
        options_.wanted_blocks * block_cost(view.history, Winner::Included) * kTimeMargin,
        options_.most_verdict_share * to_seconds(view.now + *view.remaining_time));
  }

  std::optional<double> search_fraction(const SchedulerView& view, double reserve) const {
    if (view.remaining_time) {
      const double left = to_seconds(*view.remaining_time) - reserve;
      return std::clamp(left / (left + to_seconds(view.now)), 0.0, 1.0);
    }
    if (options_.max_search_trials)
      return 1 - static_cast<double>(search_trials(view.history).size()) /
                     static_cast<double>(*options_.max_search_trials);
    return view.remaining_fraction;
  }

  /// Whether so many more downloads stay within max_bytes. Trials that did not end by themselves
  /// are taken to have fetched all they were started for.
  bool can_fetch(const History& history, std::int64_t downloads) const {
    std::int64_t used = 0;
    for (const Trial& trial : history.trials()) {
      const Json* repeats = trial.configuration.find(kRepeats);
      const std::int64_t planned = repeats && repeats->is_int() ? repeats->as_int() : 1;
      used += planned * (trial.attempt + 1);
    }
    return affordable(options_, used + downloads);
  }

  const S3SchedulerOptions options_;
  MethodSearch search_;
  ObjectWatch object_;
  TimeLimits limits_;
};

}  // namespace

void validate(const S3SchedulerOptions& options) {
  const auto require = [](bool holds, const std::string& what) {
    if (!holds) throw Error(ErrorCode::InvalidArgument, what);
  };
  require(options.repeats >= 1, "repeats = " + std::to_string(options.repeats) + " must be >= 1");
  require(options.baseline_every >= 1,
          "baseline_every = " + std::to_string(options.baseline_every) + " must be >= 1");
  require(options.object_size >= 1,
          "object_size = " + std::to_string(options.object_size) + " must be >= 1");
  require(options.baseline_arm < options.arms.size(),
          "baseline_arm = " + std::to_string(options.baseline_arm) +
              " must be below the number of arms, " + std::to_string(options.arms.size()));
  require(options.wanted_blocks >= 1 && options.most_blocks >= options.wanted_blocks,
          "wanted_blocks = " + std::to_string(options.wanted_blocks) +
              " must be in [1, most_blocks = " + std::to_string(options.most_blocks) + "]");
  require(
      options.most_verdict_share > 0 && options.most_verdict_share < 1,
      "most_verdict_share = " + std::to_string(options.most_verdict_share) + " must be in (0, 1)");
}

std::unique_ptr<Scheduler> make_s3_scheduler(S3SchedulerOptions options) {
  return std::make_unique<S3Scheduler>(std::move(options));
}

}  // namespace skipjack::s3tune
