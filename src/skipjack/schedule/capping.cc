#include "skipjack/schedule/capping.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

// A deadline is moved once it would come earlier by this fraction of the cap.
constexpr double kDeadlineStep = 0.01;

/// Of the measured times of one configuration, in logarithms.
struct Times {
  int number = 0;
  double sum = 0, squares = 0;
  void add(double logarithm) { ++number, sum += logarithm, squares += logarithm * logarithm; }
  double mean() const { return sum / number; }
  /// Sum of squared deviations from the mean.
  double scatter() const { return std::max(0.0, squares - sum * sum / number); }
};

std::optional<double> cap_of(const std::map<std::string, Times>& times, double slack) {
  if (times.empty()) return std::nullopt;
  double scatter = 0;
  int degrees_of_freedom = 0;
  for (const auto& [key, t] : times) scatter += t.scatter(), degrees_of_freedom += t.number - 1;
  const double s = degrees_of_freedom > 0 ? std::sqrt(scatter / degrees_of_freedom) : 0.0;
  double best = std::numeric_limits<double>::infinity();
  for (const auto& [key, t] : times) best = std::min(best, t.mean() + 2 * s / std::sqrt(t.number));
  return slack * std::exp(best + 2 * s);
}

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
  }

  void apply(const Event& event, const History& history) override {
    if (const auto* started = std::get_if<TrialStarted>(&event.body)) {
      running_[started->trial] = {.begun = event.time, .deadline = started->deadline};
    } else if (const auto* resumed = std::get_if<TrialResumed>(&event.body)) {
      running_[resumed->id.trial] = {.begun = event.time};
    } else if (const auto* set = std::get_if<DeadlineSet>(&event.body)) {
      if (const auto at = running_.find(set->trial); at != running_.end())
        at->second.deadline = set->deadline, at->second.overdue = false;
    } else if (const auto* reached = std::get_if<DeadlineReached>(&event.body)) {
      if (const auto at = running_.find(reached->trial); at != running_.end())
        at->second.overdue = true;
    } else if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
      if (const auto at = running_.find(ended->id.trial); at != running_.end()) {
        take_in(*history.find(ended->id.trial), event.time - at->second.begun);
        running_.erase(at);
      }
    }
    options_.inner->apply(event, history);
  }

  double checkpoint_worth(const Trial& trial) const override {
    return options_.inner->checkpoint_worth(trial);
  }

  std::vector<Command> decide(const SchedulerView& view) override {
    std::vector<Command> commands;
    const std::optional<double> cap = cap_of(times_, options_.slack);
    if (cap) watch(view, *cap, commands);
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
    bool overdue = false;
  };

  void take_in(const Trial& trial, Duration lasted) {
    const auto seconds = last_value(trial, options_.metric.name);
    if (trial.status != TrialStatus::Completed || !seconds || !(*seconds > 0)) return;
    times_[options_.space.key(trial.configuration)].add(std::log(*seconds));
    // What starting and ending a trial takes beyond the work: the largest seen, so that a slow
    // start is not taken for a slow configuration.
    overhead_ = std::max(overhead_, to_seconds(lasted) - *seconds);
  }

  void watch(const SchedulerView& view, double cap, std::vector<Command>& commands) const {
    for (const auto& [id, running] : running_) {
      if (view.history.find(id)->ending) continue;
      const Duration due = running.begun + from_seconds(cap + overhead_);
      if (running.overdue && due <= view.now) {
        const double least = to_seconds(view.now - running.begun) - overhead_;
        commands.push_back(Stop{.trial = id,
                                .reason = "slower than the best so far allows",
                                .bound = least > 0 ? std::optional(least) : std::nullopt});
      } else if (running.overdue || !running.deadline ||
                 due + from_seconds(kDeadlineStep * cap) < *running.deadline) {
        commands.push_back(SetDeadline{id, std::max(due, view.now)});
      }
    }
  }

  CappingOptions options_;
  /// By SearchSpace::key.
  std::map<std::string, Times> times_;
  double overhead_ = 0;
  std::map<TrialId, Running> running_;
};

}  // namespace

std::unique_ptr<Scheduler> make_capping(CappingOptions options) {
  return std::make_unique<Capping>(std::move(options));
}

}  // namespace skipjack
