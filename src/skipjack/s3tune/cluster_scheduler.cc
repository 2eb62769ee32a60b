// As in s3_scheduler.cc everything is recomputed from the history at each decision. The method's
// own scheduler runs inside on a history of its own: trial 0 is the baseline with the value 1, then
// the search trials with the ratio of their time to the baseline's of the same job.
#include "skipjack/s3tune/cluster_scheduler.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/method/method.h"
#include "skipjack/s3tune/cluster_timings.h"
#include "skipjack/s3tune/steps.h"
#include "skipjack/search/recommend.h"

namespace skipjack::s3tune {
namespace {

/// As in s3_scheduler.cc: when a trial is clearly slower than the best, how long a download may
/// take.
constexpr double kHopeless = 1.3, kDownloadCap = 2.0;
/// Planned times are stretched by this: jobs start when Slurm likes.
constexpr double kTimeMargin = 1.15;
/// Starting a step's process, and a report that is seen up to 2 s late on a shared file system.
constexpr double kSlack = 3;

Metric download_time_metric() {
  return {.name = std::string(kMeanDownloadTime), .mode = Mode::Min, .kind = MetricKind::Time};
}

double sum_of_downloads(const Trial& trial) {
  double sum = 0;
  for (const Report& report : trial.reports) sum += download_seconds(report).value_or(0);
  return sum;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

bool has_ended(const Trial& trial) { return trial.status != TrialStatus::Running && trial.ended; }

class ClusterScheduler final : public Scheduler {
 public:
  ClusterScheduler(S3SchedulerOptions options, int workers)
      : options_(std::move(options)),
        workers_(workers),
        baseline_(options_.arms.at(options_.baseline_arm)),
        search_(make_search(options_)) {}

  void apply(const Event& event, const History& history) override {
    if (const auto* fitted = std::get_if<ModelFitted>(&event.body)) return forward(event, *fitted);
    if (const auto* started = std::get_if<TrialStarted>(&event.body)) {
      if (phase_of(*history.find(started->trial)) != kSearchPhase) return;
      inner_ids_[started->trial] = static_cast<TrialId>(inner_ids_.size()) + 1;
      TrialStarted body = *started;
      body.trial = inner_ids_[started->trial];
      body.configuration = without_steps(started->configuration);
      return forward(event, std::move(body));
    }
    const Trial* trial = trial_of(event, history);
    if (!trial) return;
    const auto inner = inner_ids_.find(trial->id);
    if (inner == inner_ids_.end()) return take_first_block(event, *trial);
    take_search_event(event, *trial, inner->second);
  }

  std::vector<Command> decide(const SchedulerView& view) override {
    std::vector<Command> commands = watch(view);
    if (view.free_workers <= 0) return commands;
    std::optional<Command> next = choose(view);
    if (next) commands.push_back(std::move(*next));
    return commands;
  }

 private:
  static const Trial* trial_of(const Event& event, const History& history) {
    if (const auto* e = std::get_if<Reported>(&event.body)) return history.find(e->id.trial);
    if (const auto* e = std::get_if<AttemptEnded>(&event.body)) return history.find(e->id.trial);
    if (const auto* e = std::get_if<TrialResumed>(&event.body)) return history.find(e->id.trial);
    if (const auto* e = std::get_if<StopOrdered>(&event.body)) return history.find(e->trial);
    if (const auto* e = std::get_if<DeadlineReached>(&event.body)) return history.find(e->trial);
    if (const auto* e = std::get_if<DeadlineSet>(&event.body)) return history.find(e->trial);
    return nullptr;
  }

  void forward(const Event& event, EventBody body) {
    const Event inner{inner_history_.num_events(), event.time, event.unix_time, std::move(body)};
    inner_history_.apply(inner);
    search_->apply(inner, inner_history_);
  }

  /// The search knows the baseline as its trial 0.
  void take_first_block(const Event& event, const Trial& trial) {
    if (phase_of(trial) != kBaselinePhase || !has_ended(trial) || inner_history_.num_events() > 0 ||
        download_seconds(trial, baseline_.name).empty())
      return;
    forward(event, TrialStarted{.trial = 0, .configuration = options_.baseline_point});
    Json metrics;
    metrics.set(kMeanDownloadTime, 1.0);
    forward(event, Reported{{0, 0}, std::move(metrics)});
    forward(event, AttemptEnded{{0, 0}, {}});
  }

  void take_search_event(const Event& event, const Trial& trial, TrialId inner) {
    if (const auto* reported = std::get_if<Reported>(&event.body)) {
      // The next download of the trial gets a time limit of its own.
      without_deadline_.insert(trial.id);
      overdue_.erase(trial.id);
      Json metrics;
      if (const auto ratio = ratio_of(trial)) {
        metrics.set(kMeanDownloadTime, *ratio);
        forward(event, Reported{{inner, reported->id.attempt}, std::move(metrics)});
      }
    } else if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
      overdue_.erase(trial.id);
      without_deadline_.erase(trial.id);
      forward(event, AttemptEnded{{inner, ended->id.attempt}, ended->end});
    } else if (const auto* resumed = std::get_if<TrialResumed>(&event.body)) {
      // The limit of the attempt that was lost is none for this one.
      without_deadline_.insert(trial.id);
      overdue_.erase(trial.id);
      forward(event, TrialResumed{{inner, resumed->id.attempt}, resumed->max_resource});
    } else if (const auto* stopped = std::get_if<StopOrdered>(&event.body)) {
      forward(event, StopOrdered{inner, stopped->reason, stopped->bound});
    } else if (std::holds_alternative<DeadlineReached>(event.body)) {
      overdue_.insert(trial.id);
    } else if (std::holds_alternative<DeadlineSet>(event.body)) {
      without_deadline_.erase(trial.id);
    }
  }

  /// The candidate's mean over the baseline's, of one job.
  std::optional<double> ratio_of(const Trial& trial) const {
    const std::vector<double> candidate = download_seconds(trial, kCandidateArm);
    const std::vector<double> baseline = download_seconds(trial, baseline_.name);
    if (candidate.empty() || baseline.empty()) return std::nullopt;
    return mean_of(candidate) / mean_of(baseline);
  }

  /// Search trials that run and of which more downloads would only tell how bad they are.
  std::vector<Command> watch(const SchedulerView& view) const {
    std::vector<Command> commands;
    const std::optional<double> best = best_ratio();
    if (!best) return commands;
    const double limit = *best * (kHopeless + 3 * cluster_noise(view.history));
    for (const TrialId id : view.history.running()) {
      const Trial& trial = *view.history.find(id);
      if (trial.ending || phase_of(trial) != kSearchPhase) continue;
      const std::vector<double> baseline = download_seconds(trial, baseline_.name);
      const auto downloads = static_cast<int>(download_seconds(trial, kCandidateArm).size());
      const std::optional<double> ratio = ratio_of(trial);
      const bool has_more = downloads < options_.repeats;
      if (overdue_.contains(id)) {
        commands.push_back(Stop{id, "slower than its time limit, set by the best so far",
                                bound_of(trial, view.now, *best)});
      } else if (has_more && ratio && *ratio > limit) {
        commands.push_back(Stop{id, "clearly slower than the best so far"});
      } else if (has_more && without_deadline_.contains(id)) {
        Duration deadline = end_of_search(view);
        if (!baseline.empty())
          deadline = std::min(
              deadline, view.now + from_seconds(kSlack + kDownloadCap * *best * mean_of(baseline)));
        commands.push_back(SetDeadline{id, deadline});
      }
    }
    return commands;
  }

  /// What the ratio of a candidate without a download is at least, if that is enough to rule it
  /// out: the end of the search may have come too early to say anything.
  std::optional<double> bound_of(const Trial& trial, Duration now, double best) const {
    const std::vector<double> baseline = download_seconds(trial, baseline_.name);
    if (baseline.empty() || !download_seconds(trial, kCandidateArm).empty()) return std::nullopt;
    const double elapsed = to_seconds(now - trial.reports.back().time) - kSlack;
    const double ratio = elapsed / mean_of(baseline);
    return ratio >= kHopeless * best ? std::optional(ratio) : std::nullopt;
  }

  Duration end_of_search(const SchedulerView& view) const {
    if (!view.remaining_time) return Duration::max();
    const Duration left = *view.remaining_time - from_seconds(verdict_reserve(view));
    return view.now + std::max(left, Duration::zero());
  }

  /// What a free worker does; nullopt: it waits.
  std::optional<Command> choose(const SchedulerView& view) {
    if (changed_object(view.history, {options_.object_size, options_.etag}))
      return Finished{"the object changed"};
    if (content_conflict(view.history)) return Finished{"the bytes differ"};
    if (const auto plan = verdict_plan(view.history)) return next_block(view, *plan);
    const Trial* first = first_block(view.history);
    if (!first) return start_first_block(view);
    if (!has_ended(*first)) return std::nullopt;
    if (download_seconds(*first, baseline_.name).empty())
      return Finished{"the baseline failed: " + (first->end ? first->end->reason : std::string())};
    if (auto command = go_on_with_search(view)) return command;
    // What still runs may yet lead.
    if (!view.history.running().empty()) return std::nullopt;
    return begin_verdict(view);
  }

  static const Trial* first_block(const History& history) {
    for (const Trial& trial : history.trials())
      if (phase_of(trial) == kBaselinePhase) return &trial;
    return nullptr;
  }

  Start job(Configuration own, const std::vector<MeasuringStep>& steps, Json::Object tag) const {
    own.set(kSteps, steps_json(steps));
    return Start{.configuration = std::move(own), .tag = Json(std::move(tag))};
  }

  Command start_first_block(const SchedulerView& view) const {
    if (!affordable(view.history, static_cast<std::int64_t>(options_.arms.size())))
      return Finished{"max_bytes"};
    std::vector<MeasuringStep> steps = {{baseline_.name}};
    for (const Arm& arm : options_.arms)
      if (arm.name != baseline_.name)
        steps.push_back({arm.name, verified(once(arm.configuration))});
    return job(verified(once(baseline_.configuration)), steps,
               {{"phase", kBaselinePhase}, {"arm", baseline_.name}});
  }

  static Configuration once(Configuration configuration) {
    configuration.set(kRepeats, 1);
    return configuration;
  }

  Configuration verified(Configuration configuration) const {
    configuration.set(kVerify, options_.verify);
    return configuration;
  }

  /// nullopt: nothing more to start. The method may wait, too.
  std::optional<Command> go_on_with_search(const SchedulerView& view) {
    const auto num_trials = static_cast<std::int64_t>(inner_ids_.size());
    if (search_over_ || (options_.max_search_trials && num_trials >= *options_.max_search_trials))
      return std::nullopt;
    std::optional<Duration> deadline;
    if (view.remaining_time) {
      deadline = end_of_search(view);
      if (to_seconds(*deadline - view.now) < search_duration(view.history)) return std::nullopt;
    }
    if (!affordable(view.history, options_.repeats + 1 + verdict_downloads(reserved_blocks())))
      return std::nullopt;
    std::vector<Command> commands =
        search_->decide({.history = inner_history_,
                         .now = view.now,
                         .free_workers = 1,
                         .remaining_fraction = search_fraction(view, deadline)});
    if (commands.empty()) commands.push_back(Wait{});
    if (std::holds_alternative<Finished>(commands.front())) {
      search_over_ = true;
      return std::nullopt;
    }
    if (auto* start = std::get_if<Start>(&commands.front())) {
      start->configuration.set(kRepeats, options_.repeats);
      start->configuration.set(kVerify, options_.verify);
      start->configuration.set(kSteps, steps_json({{baseline_.name, once(baseline_.configuration)},
                                                   {std::string(kCandidateArm)}}));
      start->tag = Json(Json::Object{{"phase", kSearchPhase}});
      start->deadline = deadline;
    }
    return std::move(commands.front());
  }

  Command begin_verdict(const SchedulerView& view) const {
    VerdictPlan plan;
    const Trial& first = *first_block(view.history);
    for (const Arm& arm : options_.arms)
      if (!download_seconds(first, arm.name).empty()) plan.arms.push_back(arm.name);
    plan.winner = leader();
    if (!plan.winner.is_null()) plan.arms.emplace_back(kWinnerArm);
    if (plan.arms.size() < 2)
      return Finished{"nothing to compare: no row but one could be measured"};
    plan.num_blocks = options_.wanted_blocks;
    if (view.remaining_time) {
      const double rounds = std::floor(to_seconds(*view.remaining_time) /
                                       (block_duration(view.history) * kTimeMargin));
      plan.num_blocks = static_cast<int>(
          std::clamp(rounds * workers_, 0.0, static_cast<double>(options_.most_blocks)));
    }
    const auto rows = static_cast<std::int64_t>(plan.arms.size());
    while (plan.num_blocks > 0 && !affordable(view.history, rows * plan.num_blocks))
      --plan.num_blocks;
    if (plan.num_blocks == 0) return Finished{"no time or bytes left for a verdict"};
    return next_block(view, plan);
  }

  Command next_block(const SchedulerView& view, const VerdictPlan& plan) const {
    std::int64_t block = 0;
    for (const Trial& trial : view.history.trials()) block += phase_of(trial) == kVerdictPhase;
    if (block >= plan.num_blocks) return Finished{"finished"};
    if (!affordable(view.history, static_cast<std::int64_t>(plan.arms.size())))
      return Finished{"max_bytes"};
    std::vector<std::string> order = plan.arms;
    Rng rng(options_.seed, "verdict order", static_cast<std::uint64_t>(block));
    rng.shuffle(order);
    const bool has_winner = !plan.winner.is_null();
    const std::string own(has_winner ? std::string(kWinnerArm) : baseline_.name);
    std::vector<MeasuringStep> steps;
    for (const std::string& name : order)
      steps.push_back(name == own ? MeasuringStep{name}
                                  : MeasuringStep{name, once(arm_named(name).configuration)});
    Json::Array arms(plan.arms.begin(), plan.arms.end());
    return job(once(has_winner ? options_.space.complete(plan.winner) : baseline_.configuration),
               steps,
               {{"phase", kVerdictPhase},
                {"block", block},
                {"blocks", plan.num_blocks},
                {"arms", std::move(arms)},
                {"winner", plan.winner}});
  }

  const Arm& arm_named(const std::string& name) const {
    for (const Arm& arm : options_.arms)
      if (arm.name == name) return arm;
    throw Error(ErrorCode::Corrupted, "the journal plans a verdict with '" + name +
                                          "', a row that this experiment does not have");
  }

  /// Best by posterior mean, as the winner's parameters; null if that is the baseline.
  Json leader() const {
    const auto recommended = recommend(options_.space, inner_history_, download_time_metric());
    if (!recommended || options_.space.key(recommended->configuration) ==
                            options_.space.key(options_.baseline_point))
      return Json();
    Json winner;
    for (const auto& [name, domain] : options_.space.searched())
      if (const Json* value = recommended->configuration.find(name)) winner.set(name, *value);
    return winner;
  }

  std::optional<double> best_ratio() const {
    std::optional<double> best;
    for (const Trial& trial : inner_history_.trials()) {
      const auto observation = observe(trial, download_time_metric());
      const auto* measured = observation ? std::get_if<Measured>(&*observation) : nullptr;
      if (measured && (!best || measured->value < *best)) best = measured->value;
    }
    return best;
  }

  /// Seconds that a job takes beside its downloads, waiting in the queue included: of the first
  /// block, or the median of the search trials if that is more.
  double overhead(const History& history) const {
    const auto of = [](const Trial& trial) {
      return std::max(0.0, to_seconds(*trial.ended - trial.started) - sum_of_downloads(trial));
    };
    std::vector<double> seconds;
    for (const Trial& trial : history.trials())
      if (phase_of(trial) == kSearchPhase && has_ended(trial)) seconds.push_back(of(trial));
    const double first = of(*first_block(history));
    return seconds.empty() ? first : std::max(first, median_of(std::move(seconds)));
  }

  double block_duration(const History& history) const {
    const Trial& first = *first_block(history);
    const double baseline = mean_of(download_seconds(first, baseline_.name));
    return overhead(history) + sum_of_downloads(first) + best_ratio().value_or(1) * baseline;
  }

  /// Median seconds of a search trial so far; before the first, by the baseline.
  double search_duration(const History& history) const {
    std::vector<double> seconds;
    for (const Trial& trial : history.trials())
      if (phase_of(trial) == kSearchPhase && has_ended(trial))
        seconds.push_back(to_seconds(*trial.ended - trial.started));
    if (!seconds.empty()) return median_of(std::move(seconds));
    const double baseline = mean_of(download_seconds(*first_block(history), baseline_.name));
    return overhead(history) + (options_.repeats + 1) * baseline;
  }

  /// Seconds kept back from the search.
  double verdict_reserve(const SchedulerView& view) const {
    const double rounds = std::ceil(static_cast<double>(options_.wanted_blocks) / workers_);
    return std::min(rounds * block_duration(view.history) * kTimeMargin,
                    options_.most_verdict_share * to_seconds(view.now + *view.remaining_time));
  }

  int reserved_blocks() const {
    if (!options_.max_bytes) return options_.wanted_blocks;
    const std::int64_t downloads = *options_.max_bytes / options_.object_size;
    const double most = options_.most_verdict_share * static_cast<double>(downloads) /
                        static_cast<double>(verdict_downloads(1));
    return static_cast<int>(std::min(most, static_cast<double>(options_.wanted_blocks)));
  }

  std::int64_t verdict_downloads(int blocks) const {
    return static_cast<std::int64_t>(options_.arms.size() + 1) * blocks;
  }

  std::optional<double> search_fraction(const SchedulerView& view,
                                        const std::optional<Duration>& end) const {
    if (end) return std::clamp(1 - to_seconds(view.now) / to_seconds(*end), 0.0, 1.0);
    if (options_.max_search_trials)
      return 1 - static_cast<double>(inner_ids_.size()) /
                     static_cast<double>(*options_.max_search_trials);
    return view.remaining_fraction;
  }

  /// Whether so many more downloads stay within max_bytes. Every attempt is taken to have fetched
  /// all that it was started for.
  bool affordable(const History& history, std::int64_t downloads) const {
    if (!options_.max_bytes) return true;
    std::int64_t used = 0;
    for (const Trial& trial : history.trials())
      used += num_downloads(trial.configuration) * (trial.attempt + 1);
    return used + downloads <= *options_.max_bytes / options_.object_size;
  }

  const S3SchedulerOptions options_;
  const int workers_;
  const Arm baseline_;
  std::unique_ptr<Scheduler> search_;
  /// Of the search's scheduler.
  History inner_history_;
  /// Search trials, and what the search calls them.
  std::map<TrialId, TrialId> inner_ids_;
  std::set<TrialId> overdue_, without_deadline_;
  /// The method has nothing more to propose. Not an event's doing: asked again, it says so again.
  bool search_over_ = false;
};

}  // namespace

std::unique_ptr<Scheduler> make_cluster_scheduler(S3SchedulerOptions options, int workers) {
  if (workers < 1)
    throw Error(ErrorCode::InvalidArgument,
                "workers = " + std::to_string(workers) + " must be >= 1");
  validate(options);
  return std::make_unique<ClusterScheduler>(std::move(options), workers);
}

}  // namespace skipjack::s3tune
