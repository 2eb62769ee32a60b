#include "skipjack/schedule/capping.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/schedule/best_time.h"

namespace skipjack {
namespace {

// A deadline is moved once it would come earlier by this fraction of the cap.
constexpr double kDeadlineStep = 0.01;

class Capping final : public Scheduler {
 public:
  explicit Capping(CappingOptions options) : options_(std::move(options)) {
    if (!options_.inner)
      throw Error(ErrorCode::InvalidArgument, "inner = null: capping needs a scheduler to cap");
    if (options_.metric.kind != MetricKind::Time || options_.metric.mode != Mode::Min)
      throw Error(
          ErrorCode::InvalidArgument,
          "metric '" + options_.metric.name + "' can't be capped: it is no time to minimise",
          "declare it as a time, or leave capping off");
    if (!(options_.slack >= 1))
      throw Error(ErrorCode::InvalidArgument,
                  "slack = " + std::to_string(options_.slack) + " must be >= 1");
    if (options_.progress) progress_.emplace(*options_.progress, options_.metric);
  }

  void apply(const Event& event, const History& history) override {
    if (const auto* started = std::get_if<TrialStarted>(&event.body)) {
      run(started->trial, {.begun = event.time, .deadline = started->deadline});
    } else if (const auto* resumed = std::get_if<TrialResumed>(&event.body)) {
      run(resumed->id.trial, {.begun = event.time});
    } else if (const auto* set = std::get_if<DeadlineSet>(&event.body)) {
      if (is_watched(set->trial))
        run(set->trial, {.begun = running_.at(set->trial).begun, .deadline = set->deadline});
    } else if (const auto* reached = std::get_if<DeadlineReached>(&event.body)) {
      if (is_watched(reached->trial)) overdue_.insert(reached->trial);
    } else if (const auto* stop = std::get_if<StopOrdered>(&event.body)) {
      leave_alone(stop->trial);
    } else if (const auto* pause = std::get_if<PauseOrdered>(&event.body)) {
      leave_alone(pause->trial);
    } else if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
      if (const auto at = running_.find(ended->id.trial); at != running_.end()) {
        take_in(*history.find(ended->id.trial), event.time - at->second.begun);
        leave_alone(ended->id.trial);
        running_.erase(at);
      }
    } else if (const auto* reported = std::get_if<Reported>(&event.body)) {
      if (progress_) progress_->take(*reported, history);
    }
    options_.inner->apply(event, history);
  }

  double checkpoint_worth(const Trial& trial) const override {
    return options_.inner->checkpoint_worth(trial);
  }

  std::optional<double> expected_of(TrialId trial) const override {
    return progress_ ? progress_->expected(trial) : options_.inner->expected_of(trial);
  }

  std::vector<Command> decide(const SchedulerView& view) override {
    if (progress_) progress_->require_sense();
    std::vector<Command> commands;
    std::optional<double> cap;
    if (const auto best = best_.upper()) {
      cap = options_.slack * std::exp(*best + 2 * best_.deviation());
      const std::set<TrialId> hopeless = stop_hopeless(*best, commands);
      watch(view, *cap, hopeless, commands);
    }
    for (Command& command : options_.inner->decide(view)) {
      if (auto* start = std::get_if<Start>(&command); start && cap && !start->deadline)
        start->deadline = view.now + from_seconds(*cap + overhead_);
      commands.push_back(std::move(command));
    }
    return commands;
  }

 private:
  struct Running {
    Duration begun{0};
    std::optional<Duration> deadline = std::nullopt;
    /// How long it may run; without a deadline, for ever.
    Duration allowed() const { return deadline ? *deadline - begun : Duration::max(); }
  };

  /// It runs, and has not been told to end.
  bool is_watched(TrialId trial) const {
    const auto at = running_.find(trial);
    return at != running_.end() && allowed_.contains({at->second.allowed(), trial});
  }
  void run(TrialId trial, Running running) {
    leave_alone(trial);
    allowed_.emplace(running.allowed(), trial);
    running_[trial] = running;
  }
  /// It is to have no more deadlines, and not to be stopped for them.
  void leave_alone(TrialId trial) {
    overdue_.erase(trial);
    if (const auto at = running_.find(trial); at != running_.end())
      allowed_.erase({at->second.allowed(), trial});
  }

  void take_in(const Trial& trial, Duration lasted) {
    if (progress_) progress_->end(trial);
    const auto seconds = last_value(trial, options_.metric.name);
    if (trial.status != TrialStatus::Completed || !seconds || !(*seconds > 0)) return;
    best_.add(options_.space.key(trial.configuration), std::log(*seconds));
    // What starting and ending a trial takes beyond the work: the largest seen, so that a slow
    // start is not taken for a slow configuration.
    overhead_ = std::max(overhead_, to_seconds(lasted) - *seconds);
  }

  /// Those that are unlikely to take less than the best, whose logarithm is given.
  std::set<TrialId> stop_hopeless(double best, std::vector<Command>& commands) const {
    std::set<TrialId> hopeless;
    if (!progress_) return hopeless;
    for (const auto& [allowed, id] : allowed_) {
      const auto forecast = progress_->forecast(id);
      if (!forecast || forecast->probability_below(best, best_.deviation()) >=
                           progress_->options().min_probability)
        continue;
      hopeless.insert(id);
      commands.push_back(Stop{.trial = id,
                              .reason = "its progress shows that it is slower than the best",
                              .bound = std::exp(forecast->center)});
    }
    return hopeless;
  }

  void watch(const SchedulerView& view, double cap, const std::set<TrialId>& hopeless,
             std::vector<Command>& commands) const {
    const Duration most = from_seconds(cap + overhead_);
    std::set<TrialId> trials = overdue_;
    for (auto each = allowed_.rbegin();
         each != allowed_.rend() && most + from_seconds(kDeadlineStep * cap) < each->first; ++each)
      trials.insert(each->second);
    for (const TrialId id : trials) {
      if (hopeless.contains(id)) continue;
      const Duration begun = running_.at(id).begun, due = begun + most;
      if (!overdue_.contains(id) || due > view.now) {
        commands.push_back(SetDeadline{id, std::max(due, view.now)});
        continue;
      }
      const double least = to_seconds(view.now - begun) - overhead_;
      commands.push_back(Stop{.trial = id,
                              .reason = "slower than the best so far allows",
                              .bound = least > 0 ? std::optional(least) : std::nullopt});
    }
  }

  CappingOptions options_;
  BestTime best_;
  std::optional<ProgressLog> progress_;
  double overhead_ = 0;
  std::unordered_map<TrialId, Running> running_;
  /// Those that are watched, by how long they may run, and those of them past it.
  std::set<std::pair<Duration, TrialId>> allowed_;
  std::set<TrialId> overdue_;
};

}  // namespace

std::unique_ptr<Scheduler> make_capping(CappingOptions options) {
  return std::make_unique<Capping>(std::move(options));
}

}  // namespace skipjack
