// Jobs may be many, so what decisions go by is kept up to date event by event; a decision looks at
// the running trials, and at all of them only after one has ended, or to propose another. What the
// search is told of is the ratio of a trial's time to the baseline's: its trial 0, the baseline,
// has 1.
#include "skipjack/s3tune/cluster_scheduler.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/s3tune/cluster_timings.h"
#include "skipjack/s3tune/head_to_head.h"
#include "skipjack/s3tune/method_search.h"
#include "skipjack/s3tune/search_jobs.h"
#include "skipjack/s3tune/steps.h"
#include "skipjack/s3tune/time_limits.h"
#include "skipjack/s3tune/trial_beliefs.h"

namespace skipjack::s3tune {
namespace {

/// Planned times are stretched by this: jobs start when Slurm likes.
constexpr double kTimeMargin = 1.15;
/// Starting a step's process, and a report that is seen up to 2 s late on a shared file system.
constexpr double kSlack = 3;

class ClusterScheduler final : public Scheduler {
 public:
  ClusterScheduler(S3SchedulerOptions options, int workers)
      : options_(std::move(options)),
        workers_(workers),
        baseline_(options_.arms.at(options_.baseline_arm)),
        search_(options_),
        jobs_(baseline_.name),
        object_({options_.object_size, options_.etag}) {}

  void apply(const Event& event, const History& history) override {
    limits_.apply(event);
    if (const auto* started = std::get_if<TrialStarted>(&event.body))
      return take_start(event, *started, *history.find(started->trial));
    if (const auto* resumed = std::get_if<TrialResumed>(&event.body))
      num_downloads_ += num_downloads(history.find(resumed->id.trial)->configuration);
    const Trial* trial = trial_of(event, history);
    if (const auto* reported = std::get_if<Reported>(&event.body))
      object_.take(reported->id.trial, reported->metrics);
    if (trial) jobs_.update(*trial);
    if (trial && trial->id == first_block_) return take_first_block(event, *trial);
    pass_on(event, trial);
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
    return nullptr;
  }

  void take_start(const Event& event, TrialStarted started, const Trial& trial) {
    num_downloads_ += num_downloads(trial.configuration);
    const std::string_view phase = phase_of(trial);
    if (phase == kBaselinePhase && !first_block_) first_block_ = trial.id;
    if (phase == kVerdictPhase && num_blocks_++ == 0) plan_ = plan_of(trial);
    if (phase != kSearchPhase) return;
    started.configuration = without_steps(started.configuration);
    search_.begin(event, std::move(started));
  }

  /// Once it has ended, the search knows the baseline.
  void take_first_block(const Event& event, const Trial& trial) {
    if (!has_ended(trial) || search_.has_baseline() || !jobs_.baseline(trial.id)) return;
    search_.begin(event, TrialStarted{.trial = trial.id});
    Json metrics;
    metrics.set(kMeanDownloadTime, 1.0);
    search_.pass_on(event, Reported{{trial.id, 0}, std::move(metrics)});
    search_.pass_on(event, AttemptEnded{{trial.id, 0}, {}});
  }

  void pass_on(const Event& event, const Trial* trial) {
    EventBody body = event.body;
    if (auto* reported = std::get_if<Reported>(&body)) {
      const std::optional<double> ratio = own_ratio(*trial);
      if (!ratio) return;
      reported->metrics = Json();
      reported->metrics.set(kMeanDownloadTime, *ratio);
    }
    search_.pass_on(event, std::move(body));
  }

  /// By the one download of the baseline in its job.
  std::optional<double> own_ratio(const Trial& trial) const {
    const std::vector<double> candidate = download_seconds(trial, kCandidateArm);
    const std::vector<double> baseline = download_seconds(trial, baseline_.name);
    if (candidate.empty() || baseline.empty()) return std::nullopt;
    return mean_of(candidate) / mean_of(baseline);
  }

  Belief belief_of(const Trial& trial) const {
    if (trial.id == first_block_) return {.value = 1.0};
    if (trial.bound) return {.bound = trial.bound};
    return {.value = jobs_.value(trial.id)};
  }
  Believe beliefs() const {
    return [this](const Trial& trial) { return belief_of(trial); };
  }

  /// Search trials that run and of which more downloads would only tell how bad they are.
  std::vector<Command> watch(const SchedulerView& view) const {
    std::vector<Command> commands;
    for (const TrialId id : view.history.running()) {
      const Trial& trial = *view.history.find(id);
      if (trial.ending || phase_of(trial) != kSearchPhase) continue;
      const std::size_t downloads = download_seconds(trial, kCandidateArm).size();
      const bool has_more = downloads < static_cast<std::size_t>(options_.repeats);
      const double best = jobs_.best_ratio();
      if (limits_.is_overdue(id)) {
        commands.push_back(Stop{id, "slower than its time limit, set by the best so far",
                                downloads == 0 ? bound_of(trial, view.now) : std::nullopt});
      } else if (has_more &&
                 jobs_.ratio(id).value_or(0) > best * (kHopeless + 3 * jobs_.noise().value_or(0))) {
        commands.push_back(Stop{id, "clearly slower than the best so far"});
      } else if (has_more && limits_.is_wanted(id)) {
        Duration deadline = end_of_search(view);
        if (const auto baseline = jobs_.baseline(id))
          deadline =
              std::min(deadline, view.now + from_seconds(kSlack + kDownloadCap * best * *baseline));
        commands.push_back(SetDeadline{id, deadline});
      }
    }
    return commands;
  }

  /// What the ratio of a candidate without a download is at least, if that is enough to rule it
  /// out: the end of the search may have come too early to say anything.
  std::optional<double> bound_of(const Trial& trial, Duration now) const {
    const std::optional<double> baseline = jobs_.baseline(trial.id);
    if (!baseline) return std::nullopt;
    const double elapsed = to_seconds(now - trial.reports.back().time) - kSlack;
    const double ratio = elapsed / *baseline;
    return ratio >= kHopeless * jobs_.best_ratio() ? std::optional(ratio) : std::nullopt;
  }

  Duration end_of_search(const SchedulerView& view) const {
    if (!view.remaining_time) return Duration::max();
    const Duration left = *view.remaining_time - from_seconds(verdict_reserve(view));
    return view.now + std::max(left, Duration::zero());
  }

  /// What a free worker does; nullopt: it waits.
  std::optional<Command> choose(const SchedulerView& view) {
    if (object_.changed()) return Finished{"the object changed"};
    if (object_.conflict()) return Finished{"the bytes differ"};
    if (plan_) return next_block(*plan_);
    if (!first_block_) return start_first_block();
    const Trial& first = *view.history.find(*first_block_);
    if (!has_ended(first)) return std::nullopt;
    if (!jobs_.baseline(first.id))
      return Finished{"the baseline failed: " + (first.end ? first.end->reason : std::string())};
    if (auto command = go_on_with_search(view)) return command;
    // What still runs may yet lead.
    if (!view.history.running().empty()) return std::nullopt;
    return begin_verdict(view);
  }

  Start job(Configuration own, const std::vector<MeasuringStep>& steps, Json::Object tag) const {
    own.set(kSteps, steps_json(steps));
    return Start{.configuration = std::move(own), .tag = Json(std::move(tag))};
  }

  Command start_first_block() const {
    if (!can_fetch(std::ssize(options_.arms))) return Finished{"max_bytes"};
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
    if (options_.max_search_trials && search_.num_candidates() >= *options_.max_search_trials)
      return std::nullopt;
    std::optional<Duration> deadline;
    if (view.remaining_time) {
      deadline = end_of_search(view);
      if (to_seconds(*deadline - view.now) < search_duration(view.history)) return std::nullopt;
    }
    if (!can_fetch(options_.repeats + 1 + verdict_downloads(options_, reserved_blocks(options_))))
      return std::nullopt;
    std::optional<Command> command = search_.ask(view, beliefs(), search_fraction(view, deadline));
    if (!command) return std::nullopt;
    if (auto* start = std::get_if<Start>(&*command)) {
      start->configuration.set(kRepeats, options_.repeats);
      start->configuration.set(kVerify, options_.verify);
      start->configuration.set(kSteps, steps_json({{baseline_.name, once(baseline_.configuration)},
                                                   {std::string(kCandidateArm)}}));
      start->tag = Json(Json::Object{{"phase", kSearchPhase}});
      start->deadline = deadline;
    }
    return command;
  }

  Command begin_verdict(const SchedulerView& view) {
    VerdictPlan plan;
    const Trial& first = *view.history.find(*first_block_);
    for (const Arm& arm : options_.arms)
      if (!download_seconds(first, arm.name).empty()) plan.arms.push_back(arm.name);
    plan.winner = search_.leader(view.history, beliefs());
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
    while (plan.num_blocks > 0 && !can_fetch(std::ssize(plan.arms) * plan.num_blocks))
      --plan.num_blocks;
    if (plan.num_blocks == 0) return Finished{"no time or bytes left for a verdict"};
    return next_block(plan);
  }

  Command next_block(const VerdictPlan& plan) const {
    if (num_blocks_ >= plan.num_blocks) return Finished{"finished"};
    if (!can_fetch(std::ssize(plan.arms))) return Finished{"max_bytes"};
    // The trial's own step is the winner's, if there is one.
    const std::string own(plan.winner.is_null() ? baseline_.name : std::string(kWinnerArm));
    std::vector<MeasuringStep> steps;
    for (const std::string& name : block_order(plan, options_.seed, num_blocks_)) {
      MeasuringStep& step = steps.emplace_back(MeasuringStep{name});
      if (name != own) step.configuration = once(arm_configuration(options_, plan, name));
    }
    return job(once(arm_configuration(options_, plan, own)), steps, verdict_tag(plan, num_blocks_));
  }

  /// Seconds that a job takes beside its downloads: of the first block, or the median of the search
  /// trials if that is more.
  double overhead(const History& history) const {
    return std::max(overhead_of(*history.find(*first_block_)), jobs_.median_overhead().value_or(0));
  }

  double block_duration(const History& history) const {
    double seconds = overhead(history) + jobs_.best_ratio() * *jobs_.baseline(*first_block_);
    for (const double s : download_seconds(*history.find(*first_block_))) seconds += s;
    return seconds;
  }

  /// Median seconds of a search trial so far; before the first, by the baseline.
  double search_duration(const History& history) const {
    return jobs_.median_seconds().value_or(overhead(history) +
                                           (options_.repeats + 1) * *jobs_.baseline(*first_block_));
  }

  /// Seconds kept back from the search.
  double verdict_reserve(const SchedulerView& view) const {
    const double rounds = std::ceil(static_cast<double>(options_.wanted_blocks) / workers_);
    return std::min(rounds * block_duration(view.history) * kTimeMargin,
                    options_.most_verdict_share * to_seconds(view.now + *view.remaining_time));
  }

  std::optional<double> search_fraction(const SchedulerView& view,
                                        const std::optional<Duration>& end) const {
    if (end) return std::clamp(1 - to_seconds(view.now) / to_seconds(*end), 0.0, 1.0);
    if (options_.max_search_trials)
      return 1 - static_cast<double>(search_.num_candidates()) /
                     static_cast<double>(*options_.max_search_trials);
    return view.remaining_fraction;
  }

  /// Whether so many more downloads stay within max_bytes. Every attempt is taken to have fetched
  /// all that it was started for.
  bool can_fetch(std::int64_t downloads) const {
    return affordable(options_, num_downloads_ + downloads);
  }

  const S3SchedulerOptions options_;
  const int workers_;
  const Arm baseline_;
  MethodSearch search_;
  SearchJobs jobs_;
  ObjectWatch object_;
  TimeLimits limits_;
  /// Every row once.
  std::optional<TrialId> first_block_;
  /// Of the verdict, once it has begun, and blocks that were started.
  std::optional<VerdictPlan> plan_;
  std::int64_t num_blocks_ = 0;
  /// Of all attempts.
  std::int64_t num_downloads_ = 0;
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
