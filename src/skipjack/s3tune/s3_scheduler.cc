// Everything is recomputed from the history at each decision (some hundred trials: microseconds),
// so there is next to no state to restore. The method's own scheduler runs inside on a history of
// its own: trial 0 is the baseline, then the search trials, with values corrected for drift as far
// as it is known by now.
#include "skipjack/s3tune/s3_scheduler.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/method/method.h"
#include "skipjack/s3tune/steps.h"
#include "skipjack/s3tune/transfer_space.h"
#include "skipjack/search/recommend.h"

namespace skipjack::s3tune {
namespace {

/// A search trial is stopped once its running mean is this many times the best (and three times the
/// noise beyond it): more downloads would only tell how bad it is. Stopping such runs is what
/// adaptive capping does [Hutter2013].
constexpr double kHopeless = 1.3;
/// A download gets this many times the best before its trial is stopped: a single slow answer may
/// double one.
constexpr double kDownloadCap = 2.0;
/// Seconds that starting and ending a trial's process may take beyond what was seen of it.
constexpr double kProcessSlack = 0.3;
/// Planned times are stretched by this before they are held against what is left.
constexpr double kTimeMargin = 1.05;

Metric download_time_metric() {
  return {.name = std::string(kMeanDownloadTime), .mode = Mode::Min, .kind = MetricKind::Time};
}

std::string_view tag_text(const Trial& trial, std::string_view key) {
  const Json* value = trial.tag.find(key);
  return value && value->is_string() ? std::string_view(value->as_string()) : std::string_view();
}

/// Single download times of a trial, in order.
std::vector<double> downloads_of(const Trial& trial) {
  std::vector<double> seconds;
  for (const Report& report : trial.reports) {
    const Json* value = report.metrics.find(kDownloadTime);
    if (value && value->is_number() && std::isfinite(value->as_double()) && value->as_double() > 0)
      seconds.push_back(value->as_double());
  }
  return seconds;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

bool is_finished(const Trial& trial) { return trial.status != TrialStatus::Running && trial.ended; }

/// Ended with downloads that count: by itself, or stopped after some of them.
bool has_value(const Trial& trial) {
  return is_finished(trial) && trial.status != TrialStatus::Failed && !downloads_of(trial).empty();
}

/// Running time of the experiment at the middle of the trial.
double middle_of(const Trial& trial) {
  return to_seconds(trial.started + (trial.ended.value_or(trial.started) - trial.started) / 2);
}

/// What one more trial of one download would take.
struct TrialCost {
  double download = 0;
  double overhead = 0;
  double total() const { return download + overhead; }
};

std::optional<TrialCost> cost_of(const Trial& trial) {
  if (!has_value(trial)) return std::nullopt;
  const std::vector<double> downloads = downloads_of(trial);
  double sum = 0;
  for (double s : downloads) sum += s;
  return TrialCost{sum / static_cast<double>(downloads.size()),
                   std::max(0.0, to_seconds(*trial.ended - trial.started) - sum)};
}

class S3Scheduler final : public Scheduler {
 public:
  explicit S3Scheduler(S3SchedulerOptions options) : options_(std::move(options)) {
    search_ = make_search(options_);
  }

  void apply(const Event& event, const History& history) override {
    if (const auto* started = std::get_if<TrialStarted>(&event.body)) {
      const Trial& trial = *history.find(started->trial);
      const bool first_baseline = searched_.empty() && is_baseline(trial);
      if (!first_baseline && phase_of(trial) != kSearchPhase) return;
      inner_ids_[started->trial] = static_cast<TrialId>(searched_.size());
      searched_.push_back(started->trial);
      TrialStarted body = *started;
      body.trial = inner_ids_[started->trial];
      if (first_baseline) body.configuration = options_.baseline_point;
      forward(event, std::move(body));
    } else if (const auto* reported = std::get_if<Reported>(&event.body)) {
      // The next download of the trial gets a time limit of its own.
      without_deadline_.insert(reported->id.trial);
      overdue_.erase(reported->id.trial);
      if (const auto id = inner_ids_.find(reported->id.trial); id != inner_ids_.end())
        forward(event, Reported{{id->second, reported->id.attempt}, reported->metrics});
    } else if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
      overdue_.erase(ended->id.trial);
      without_deadline_.erase(ended->id.trial);
      if (const auto id = inner_ids_.find(ended->id.trial); id != inner_ids_.end())
        forward(event, AttemptEnded{{id->second, ended->id.attempt}, ended->end});
    } else if (const auto* resumed = std::get_if<TrialResumed>(&event.body)) {
      overdue_.erase(resumed->id.trial);
      if (const auto id = inner_ids_.find(resumed->id.trial); id != inner_ids_.end())
        forward(event, TrialResumed{{id->second, resumed->id.attempt}, resumed->max_resource});
      without_deadline_.insert(resumed->id.trial);
    } else if (const auto* deadline = std::get_if<DeadlineReached>(&event.body)) {
      overdue_.insert(deadline->trial);
    } else if (const auto* set = std::get_if<DeadlineSet>(&event.body)) {
      without_deadline_.erase(set->trial);
    } else if (std::holds_alternative<ModelFitted>(event.body)) {
      forward(event, event.body);
    }
  }

  std::vector<Command> decide(const SchedulerView& view) override {
    const std::vector<TrialId> running = view.history.running();
    if (!running.empty()) return watch(view, *view.history.find(running.front()));
    if (view.free_workers <= 0) return {};
    if (changed_object(view.history, {options_.object_size, options_.etag}))
      return {Finished{"the object changed"}};
    if (content_conflict(view.history)) return {Finished{"the bytes differ"}};
    if (const auto plan = verdict_plan(view.history)) return go_on_with_verdict(view, *plan);
    if (auto command = measure_first(view)) return {std::move(*command)};
    if (auto command = go_on_with_search(view)) return {std::move(*command)};
    return begin_verdict(view);
  }

 private:
  bool is_baseline(const Trial& trial) const {
    return phase_of(trial) == kBaselinePhase &&
           tag_text(trial, "arm") == options_.arms[options_.baseline_arm].name;
  }

  void forward(const Event& event, EventBody body) {
    const Event inner{inner_history_.num_events(), event.time, event.unix_time, std::move(body)};
    inner_history_.apply(inner);
    search_->apply(inner, inner_history_);
  }

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
    if (overdue_.contains(trial.id))
      return {Stop{trial.id, "slower than its time limit, set by the best so far"}};
    const DriftModel drift = drift_of(view.history);
    const auto best = best_mean(view.history, drift);
    if (!best) return {Wait{}};
    const std::vector<double> downloads = downloads_of(trial);
    const double limit = *best * (kHopeless + 3 * drift.noise());
    if (!downloads.empty() && downloads.size() < static_cast<std::size_t>(options_.repeats) &&
        mean_of(downloads) / drift.factor(to_seconds(view.now)) > limit)
      return {Stop{trial.id, "clearly slower than the best so far"}};
    if (without_deadline_.contains(trial.id) &&
        downloads.size() < static_cast<std::size_t>(options_.repeats)) {
      Duration deadline = view.now + from_seconds(download_cap(view.history, *best));
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
        if (!affordable(view.history, downloads)) return Finished{"max_bytes"};
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
    if (search_over_) return std::nullopt;
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
    if (!affordable(view.history, downloads + verdict_downloads(reserved_blocks())))
      return std::nullopt;
    if (baseline_due)
      return start_trial(
          options_.arms[options_.baseline_arm].configuration, downloads,
          {{"phase", kBaselinePhase}, {"arm", options_.arms[options_.baseline_arm].name}});

    const DriftModel drift = drift_of(view.history);
    const History corrected = corrected_history(view.history, drift);
    std::vector<Command> commands =
        search_->decide({.history = corrected,
                         .now = view.now,
                         .free_workers = 1,
                         .remaining_fraction = search_fraction(view, reserve)});
    if (commands.empty()) commands.push_back(Wait{});
    if (std::holds_alternative<Finished>(commands.front())) {
      search_over_ = true;
      return std::nullopt;
    }
    if (auto* start = std::get_if<Start>(&commands.front())) {
      start->configuration.set(kRepeats, options_.repeats);
      start->configuration.set(kVerify, options_.verify);
      start->tag = Json(Json::Object{{"phase", kSearchPhase}});
      if (const auto best = best_mean(view.history, drift)) {
        const Duration cap = view.now + from_seconds(download_cap(view.history, *best));
        deadline = deadline ? std::min(*deadline, cap) : cap;
      }
      start->deadline = deadline;
    }
    return std::move(commands.front());
  }

  std::vector<Command> begin_verdict(const SchedulerView& view) const {
    VerdictPlan plan;
    for (const Arm& arm : options_.arms) {
      const Trial* trial = first_of_arm(view.history, arm.name);
      if (trial && has_value(*trial)) plan.arms.push_back(arm.name);
    }
    plan.winner = leader(view.history);
    if (!plan.winner.is_null()) plan.arms.emplace_back(kWinnerArm);
    const Winner with_winner = plan.winner.is_null() ? Winner::None : Winner::Included;
    plan.num_blocks = options_.wanted_blocks;
    if (view.remaining_time)
      plan.num_blocks = static_cast<int>(std::clamp(
          to_seconds(*view.remaining_time) / (block_cost(view.history, with_winner) * kTimeMargin),
          0.0, static_cast<double>(options_.most_blocks)));
    while (plan.num_blocks > 0 &&
           !affordable(view.history, static_cast<std::int64_t>(plan.arms.size()) * plan.num_blocks))
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
    if (!affordable(view.history, 1)) return {Finished{"max_bytes"}};
    std::vector<std::string> order = plan.arms;
    Rng rng(options_.seed, "verdict order", block);
    rng.shuffle(order);
    const std::string& name = order[num_started % plan.arms.size()];
    Json::Array arms(plan.arms.begin(), plan.arms.end());
    return {start_trial(arm_configuration(name, plan), 1,
                        {{"phase", kVerdictPhase},
                         {"arm", name},
                         {"block", static_cast<std::int64_t>(block)},
                         {"blocks", plan.num_blocks},
                         {"arms", std::move(arms)},
                         {"winner", plan.winner}})};
  }

  Configuration arm_configuration(const std::string& name, const VerdictPlan& plan) const {
    if (name == kWinnerArm) return options_.space.complete(plan.winner);
    for (const Arm& arm : options_.arms)
      if (arm.name == name) return arm.configuration;
    throw Error(ErrorCode::Corrupted, "the journal plans a verdict with '" + name +
                                          "', a row that this experiment does not have");
  }

  /// Best by posterior mean, as the winner's parameters; null if that is the baseline.
  Json leader(const History& history) const {
    const History corrected = corrected_history(history, drift_of(history));
    const auto recommended = recommend(options_.space, corrected, download_time_metric());
    if (!recommended || options_.space.key(recommended->configuration) ==
                            options_.space.key(options_.baseline_point))
      return Json();
    Json winner;
    for (const auto& [name, domain] : options_.space.searched())
      if (const Json* value = recommended->configuration.find(name)) winner.set(name, *value);
    return winner;
  }

  std::vector<const Trial*> search_trials(const History& history) const {
    std::vector<const Trial*> trials;
    for (const Trial& trial : history.trials())
      if (phase_of(trial) == kSearchPhase) trials.push_back(&trial);
    return trials;
  }

  const Trial* first_of_arm(const History& history, const std::string& name) const {
    for (const Trial& trial : history.trials())
      if (phase_of(trial) == kBaselinePhase && tag_text(trial, "arm") == name) return &trial;
    return nullptr;
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

  /// What the method and the recommendation see: values corrected for drift, trial 0 the baseline
  /// with the mean of all its downloads. Trials that were stopped before their first report count
  /// with the time they had, if that is enough to rule them out, and with nothing otherwise.
  History corrected_history(const History& history, const DriftModel& drift) const {
    History corrected;
    const auto add = [&](const Trial& trial, EventBody body) {
      corrected.apply(
          Event{corrected.num_events(), trial.ended.value_or(trial.started), 0, std::move(body)});
    };
    const auto best = best_mean(history, drift);
    for (std::size_t i = 0; i < searched_.size(); ++i) {
      const Trial& trial = *history.find(searched_[i]);
      const AttemptId id{static_cast<TrialId>(i), 0};
      add(trial,
          TrialStarted{.trial = id.trial,
                       .configuration = i == 0 ? options_.baseline_point : trial.configuration,
                       .tag = trial.tag});
      if (!is_finished(trial)) continue;
      std::optional<double> value;
      if (i == 0) {
        value = baseline_mean(history, drift);
      } else if (has_value(trial)) {
        value = mean_of(downloads_of(trial)) / drift.factor(middle_of(trial));
      } else if (trial.status == TrialStatus::Stopped && best) {
        const double elapsed =
            to_seconds(*trial.ended - trial.started) - overhead(history) - kProcessSlack;
        if (elapsed >= kHopeless * *best)
          add(trial,
              StopOrdered{.trial = id.trial, .bound = elapsed / drift.factor(middle_of(trial))});
      }
      AttemptEnd end = trial.end.value_or(AttemptEnd{});
      if (value) {
        Json metrics;
        metrics.set(kMeanDownloadTime, *value);
        add(trial, Reported{id, std::move(metrics)});
        end.outcome = Outcome::Completed;
      }
      add(trial, AttemptEnded{id, std::move(end)});
    }
    return corrected;
  }

  std::optional<double> baseline_mean(const History& history, const DriftModel& drift) const {
    std::vector<double> values;
    for (const Trial& trial : history.trials())
      if (is_baseline(trial) && has_value(trial))
        for (double seconds : downloads_of(trial))
          values.push_back(seconds / drift.factor(middle_of(trial)));
    if (values.empty()) return std::nullopt;
    return mean_of(values);
  }

  /// Smallest corrected mean of a trial of the search or of the baseline.
  std::optional<double> best_mean(const History& history, const DriftModel& drift) const {
    std::optional<double> best = baseline_mean(history, drift);
    for (const Trial* trial : search_trials(history)) {
      if (!has_value(*trial)) continue;
      const double mean = mean_of(downloads_of(*trial)) / drift.factor(middle_of(*trial));
      if (!best || mean < *best) best = mean;
    }
    return best;
  }

  /// Median of what starting and ending a trial of the tuned client took.
  double overhead(const History& history) const {
    std::vector<double> values;
    for (const Trial& trial : history.trials())
      if (is_baseline(trial) || phase_of(trial) == kSearchPhase)
        if (const auto cost = cost_of(trial); cost && trial.status == TrialStatus::Completed)
          values.push_back(cost->overhead);
    if (values.empty()) return 0;
    std::nth_element(values.begin(),
                     values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    return values[values.size() / 2];
  }

  /// Seconds after which a search trial is given up that is about to start, or to go on with, a
  /// download.
  double download_cap(const History& history, double best) const {
    return overhead(history) + kProcessSlack + best * kDownloadCap;
  }

  /// Seconds of one more measurement of the baseline.
  double baseline_duration(const History& history) const {
    const Trial* baseline = first_of_arm(history, options_.arms[options_.baseline_arm].name);
    const auto cost = baseline ? cost_of(*baseline) : std::nullopt;
    return cost ? cost->overhead + baseline_downloads() * cost->download : 0;
  }

  /// Median seconds of a search trial so far; the baseline's before the first.
  double search_duration(const History& history) const {
    std::vector<double> durations;
    for (const Trial* trial : search_trials(history))
      if (is_finished(*trial)) durations.push_back(to_seconds(*trial->ended - trial->started));
    if (durations.empty()) return baseline_duration(history);
    std::sort(durations.begin(), durations.end());
    return durations[durations.size() / 2];
  }

  /// Seconds of one block of the verdict.
  enum class Winner { Included, None };
  double block_cost(const History& history, Winner with_winner) const {
    double sum = 0;
    for (const Arm& arm : options_.arms)
      if (const Trial* trial = first_of_arm(history, arm.name))
        if (const auto cost = cost_of(*trial)) sum += cost->total();
    if (with_winner == Winner::None) return sum;
    std::optional<double> winner;
    for (const Trial* trial : search_trials(history))
      if (const auto cost = cost_of(*trial); cost && (!winner || cost->total() < *winner))
        winner = cost->total();
    const Trial* baseline = first_of_arm(history, options_.arms[options_.baseline_arm].name);
    const auto cost = baseline ? cost_of(*baseline) : std::nullopt;
    return sum + winner.value_or(cost ? cost->total() : 0);
  }

  /// Seconds kept back from the search.
  double verdict_reserve(const SchedulerView& view) const {
    if (!view.remaining_time) return 0;
    return std::min(
        options_.wanted_blocks * block_cost(view.history, Winner::Included) * kTimeMargin,
        options_.most_verdict_share * to_seconds(view.now + *view.remaining_time));
  }

  /// Blocks whose bytes are kept back from the search: as with time, no more than their share.
  int reserved_blocks() const {
    if (!options_.max_bytes) return options_.wanted_blocks;
    const std::int64_t downloads = *options_.max_bytes / options_.object_size;
    const double most = options_.most_verdict_share * static_cast<double>(downloads) /
                        static_cast<double>(verdict_downloads(1));
    return static_cast<int>(std::min(most, static_cast<double>(options_.wanted_blocks)));
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

  std::int64_t verdict_downloads(int blocks) const {
    return static_cast<std::int64_t>(options_.arms.size() + 1) * blocks;
  }

  /// Whether so many more downloads stay within max_bytes. Trials that did not end by themselves
  /// are taken to have fetched all they were started for.
  bool affordable(const History& history, std::int64_t downloads) const {
    if (!options_.max_bytes) return true;
    std::int64_t used = 0;
    for (const Trial& trial : history.trials()) {
      const Json* repeats = trial.configuration.find(kRepeats);
      const std::int64_t planned = repeats && repeats->is_int() ? repeats->as_int() : 1;
      used += planned * (trial.attempt + 1);
    }
    return used + downloads <= *options_.max_bytes / options_.object_size;
  }

  S3SchedulerOptions options_;
  std::unique_ptr<Scheduler> search_;
  /// Of the search's scheduler, with the values as they were reported.
  History inner_history_;
  /// Trials that the search knows of, by its numbers: the baseline, then the search trials.
  std::vector<TrialId> searched_;
  std::map<TrialId, TrialId> inner_ids_;
  std::set<TrialId> overdue_, without_deadline_;
  /// The method has nothing more to propose. Not an event's doing: asked again, it says so again.
  bool search_over_ = false;
};

}  // namespace

std::unique_ptr<Scheduler> make_search(const S3SchedulerOptions& options) {
  validate(options);
  std::vector<Configuration> points = {options.baseline_point};
  for (const Configuration& point : options.start)
    if (options.space.key(point) != options.space.key(options.baseline_point))
      points.push_back(point);
  return make_scheduler(options.method,
                        {.space = options.space,
                         .metrics = {download_time_metric()},
                         .seed = options.seed,
                         .points_to_evaluate = std::move(points),
                         .sources = options.sources,
                         .options = Json(Json::Object{{std::string(kCapOption), false}})});
}

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

std::optional<ObjectState> changed_object(const History& history, const ObjectState& first) {
  for (const Trial& trial : history.trials())
    for (const Report& report : trial.reports) {
      ObjectState found = first;
      if (const Json* bytes = report.metrics.find(kBytes); bytes && bytes->is_int())
        found.size = bytes->as_int();
      if (const Json* etag = report.metrics.find(kEtag);
          etag && etag->is_string() && !first.etag.empty() && !etag->as_string().empty())
        found.etag = etag->as_string();
      if (found.size != first.size || found.etag != first.etag) return found;
    }
  return std::nullopt;
}

std::optional<ContentConflict> content_conflict(const History& history) {
  std::optional<ContentConflict> seen;
  std::string content;
  for (const Trial& trial : history.trials())
    for (const Report& report : trial.reports) {
      const Json* found = report.metrics.find(kContent);
      if (!found || !found->is_string()) continue;
      const Json* step = report.metrics.find(kArm);
      const std::string arm = step && step->is_string() ? step->as_string() : std::string();
      if (!seen) {
        seen = ContentConflict{.first = trial.id, .first_arm = arm};
        content = found->as_string();
      } else if (found->as_string() != content) {
        seen->other = trial.id;
        seen->other_arm = arm;
        return seen;
      }
    }
  return std::nullopt;
}

std::string_view phase_of(const Trial& trial) { return tag_text(trial, "phase"); }

DriftModel drift_of(const History& history) {
  // The baseline's arm is the first that the experiment measured.
  std::string_view baseline;
  std::vector<BaselineMeasurement> measurements;
  std::vector<Repeats> repeats;
  for (const Trial& trial : history.trials()) {
    if (!has_value(trial)) continue;
    std::vector<double> downloads = downloads_of(trial);
    if (phase_of(trial) == kSearchPhase) {
      repeats.push_back(std::move(downloads));
    } else if (phase_of(trial) == kBaselinePhase) {
      if (baseline.empty()) baseline = tag_text(trial, "arm");
      if (tag_text(trial, "arm") == baseline)
        measurements.push_back({middle_of(trial), std::move(downloads)});
    }
  }
  return DriftModel(measurements, repeats);
}

std::optional<VerdictPlan> verdict_plan(const History& history) {
  for (const Trial& trial : history.trials()) {
    if (phase_of(trial) != kVerdictPhase) continue;
    VerdictPlan plan;
    plan.num_blocks = static_cast<int>(trial.tag.at("blocks").as_int());
    for (const Json& arm : trial.tag.at("arms").as_array()) plan.arms.push_back(arm.as_string());
    plan.winner = trial.tag.at("winner");
    if (plan.num_blocks < 1 || plan.arms.empty())
      throw Error(ErrorCode::Corrupted, "the journal plans a verdict without rows or blocks");
    return plan;
  }
  return std::nullopt;
}

VerdictTimings verdict_timings(const History& history, const VerdictPlan& plan) {
  VerdictTimings timings{.seconds = std::vector<std::vector<double>>(plan.arms.size()),
                         .reports = std::vector<std::vector<Json>>(plan.arms.size())};
  std::map<std::int64_t, std::map<std::string_view, const Trial*>> blocks;
  for (const Trial& trial : history.trials())
    if (phase_of(trial) == kVerdictPhase)
      blocks[trial.tag.at("block").as_int()][tag_text(trial, "arm")] = &trial;
  for (const auto& [number, block] : blocks) {
    bool complete = true;
    for (const std::string& arm : plan.arms) {
      const auto trial = block.find(arm);
      complete = complete && trial != block.end() && has_value(*trial->second);
    }
    if (!complete) {
      ++timings.num_incomplete_blocks;
      continue;
    }
    for (std::size_t i = 0; i < plan.arms.size(); ++i) {
      const Trial& trial = *block.at(plan.arms[i]);
      timings.seconds[i].push_back(downloads_of(trial).front());
      timings.reports[i].push_back(trial.reports.back().metrics);
    }
  }
  timings.num_incomplete_blocks += plan.num_blocks - static_cast<int>(blocks.size());
  return timings;
}

}  // namespace skipjack::s3tune
