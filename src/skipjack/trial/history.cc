// Folding events into what is known of every trial. Events come from the tuner or from a journal,
// so an impossible one (a trial out of turn, an attempt nobody started) is Corrupted, not a bug;
// what merely comes late (a report of an attempt that has ended) is passed over.
#include "skipjack/trial/history.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

[[noreturn]] void corrupted(const std::string& message) {
  throw Error(ErrorCode::Corrupted, message, "the journal is damaged or from another version");
}

TrialStatus status_after(Outcome outcome) {
  switch (outcome) {
    case Outcome::Completed:
      return TrialStatus::Completed;
    case Outcome::Failed:
      return TrialStatus::Failed;
    case Outcome::Stopped:
      return TrialStatus::Stopped;
    case Outcome::Paused:
      return TrialStatus::Paused;
    case Outcome::Lost:
      return TrialStatus::Running;  // it runs again as the next attempt
  }
  check_failed("a known outcome", __FILE__, __LINE__);
}

bool has_running_attempt(const Trial& trial) {
  return trial.status == TrialStatus::Running && !trial.end;
}

}  // namespace

std::string_view to_string(TrialStatus status) {
  switch (status) {
    case TrialStatus::Running:
      return "running";
    case TrialStatus::Paused:
      return "paused";
    case TrialStatus::Completed:
      return "completed";
    case TrialStatus::Stopped:
      return "stopped";
    case TrialStatus::Failed:
      return "failed";
  }
  check_failed("a known status", __FILE__, __LINE__);
}

/// One overload an event that changes a trial.
class History::Fold {
 public:
  Fold(History& history, const Event& event) : history_(history), event_(event) {}

  void operator()(const TrialStarted& body) {
    const std::size_t next = history_.trials_.size();
    if (body.trial != static_cast<TrialId>(next))
      corrupted("trial " + std::to_string(body.trial) + " started where trial " +
                std::to_string(next) + " comes next");
    Trial trial;
    trial.id = body.trial;
    trial.configuration = body.configuration;
    trial.checkpoint_from = body.checkpoint_from;
    trial.max_resource = body.max_resource;
    trial.deadline = body.deadline;
    trial.tag = body.tag;
    trial.started = event_.time;
    history_.trials_.push_back(std::move(trial));
    history_.running_.push_back(body.trial);
    ++num_with(TrialStatus::Running);
  }

  void operator()(const TrialResumed& body) {
    Trial& trial = require(body.id.trial);
    if (body.id.attempt != trial.attempt + 1 || has_running_attempt(trial))
      corrupted("attempt " + std::to_string(body.id.attempt) + " of trial " +
                std::to_string(trial.id) + " started while attempt " +
                std::to_string(trial.attempt) + " was the last one, " +
                (has_running_attempt(trial) ? "running" : "ended"));
    if (trial.end && (trial.end->outcome == Outcome::Lost || trial.end->outcome == Outcome::Failed))
      std::erase_if(trial.reports,
                    [&](const Report& report) { return report.attempt == trial.attempt; });
    trial.attempt = body.id.attempt;
    set_status(trial, TrialStatus::Running);
    trial.ended.reset();
    trial.end.reset();
    trial.ending = false;
    trial.bound.reset();
    trial.max_resource = body.max_resource;
  }

  void operator()(const StopOrdered& body) {
    Trial& trial = require(body.trial);
    trial.bound = body.bound;
    if (has_running_attempt(trial)) {
      trial.ending = true;
    } else if (trial.status == TrialStatus::Paused || trial.status == TrialStatus::Running) {
      set_status(trial, TrialStatus::Stopped);  // nothing runs whose end could say so
    }
  }

  void operator()(const PauseOrdered& body) {
    Trial& trial = require(body.trial);
    if (has_running_attempt(trial)) trial.ending = true;
  }

  void operator()(const DeadlineSet& body) { require(body.trial).deadline = body.deadline; }

  void operator()(const DeadlineReached& body) { require(body.trial); }

  void operator()(const CheckpointRemoved& body) { require(body.trial); }

  void operator()(const Reported& body) {
    Trial& trial = require_attempt(body.id);
    if (body.id.attempt != trial.attempt || !has_running_attempt(trial)) return;
    trial.reports.push_back({body.metrics, event_.time, event_.unix_time, body.id.attempt});
    ++history_.num_reports_;
  }

  void operator()(const AttemptEnded& body) {
    Trial& trial = require_attempt(body.id);
    if (body.id.attempt != trial.attempt || !has_running_attempt(trial)) return;
    set_status(trial, status_after(body.end.outcome));
    trial.end = body.end;
    trial.ended = event_.time;
    trial.ending = false;
  }

  void operator()(const RunStarted&) {}
  void operator()(const RunEnded&) {}
  void operator()(const ModelFitted&) {}

 private:
  void set_status(Trial& trial, TrialStatus status) {
    if (trial.status == status) return;
    std::vector<TrialId>& running = history_.running_;
    const auto place = std::lower_bound(running.begin(), running.end(), trial.id);
    if (status == TrialStatus::Running) {
      running.insert(place, trial.id);
    } else if (trial.status == TrialStatus::Running) {
      SKIPJACK_CHECK(place != running.end() && *place == trial.id);
      running.erase(place);
    }
    --num_with(trial.status);
    ++num_with(status);
    trial.status = status;
  }

  std::int64_t& num_with(TrialStatus status) {
    return history_.num_with_[static_cast<std::size_t>(status)];
  }

  Trial& require(TrialId id) {
    std::vector<Trial>& trials = history_.trials_;
    if (id < 0 || id >= static_cast<TrialId>(trials.size()))
      corrupted("event " + std::to_string(event_.number) + " speaks of trial " +
                std::to_string(id) + ", but only " + std::to_string(trials.size()) + " started");
    return trials[static_cast<std::size_t>(id)];
  }

  Trial& require_attempt(const AttemptId& id) {
    Trial& trial = require(id.trial);
    if (id.attempt < 0 || id.attempt > trial.attempt)
      corrupted("event " + std::to_string(event_.number) + " speaks of attempt " +
                std::to_string(id.attempt) + " of trial " + std::to_string(id.trial) +
                ", which never started");
    return trial;
  }

  History& history_;
  const Event& event_;
};

void History::apply(const Event& event) {
  std::visit(Fold(*this, event), event.body);
  if (std::holds_alternative<RunStarted>(event.body)) ++num_runs_;
  ++num_events_;
  time_ = std::max(time_, event.time);
}

void History::restate(TrialId trial, std::string_view metric, double value) {
  SKIPJACK_CHECK(find(trial) && !find(trial)->reports.empty());
  trials_[static_cast<std::size_t>(trial)].reports.back().metrics.set(metric, value);
}

const Trial* History::find(TrialId id) const {
  if (id < 0 || id >= static_cast<TrialId>(trials_.size())) return nullptr;
  return &trials_[static_cast<std::size_t>(id)];
}

std::vector<Metric> metrics_with(MetricRole role, std::span<const Metric> metrics) {
  std::vector<Metric> result;
  for (const Metric& metric : metrics)
    if (metric.role == role) result.push_back(metric);
  return result;
}

bool is_satisfied(const Metric& constraint, double value) {
  return constraint.mode == Mode::Min ? value <= constraint.bound : value >= constraint.bound;
}

bool is_better(double value, double than, Mode mode) {
  return mode == Mode::Min ? value < than : value > than;
}

std::optional<double> last_value(const Trial& trial, std::string_view metric) {
  for (auto report = trial.reports.rbegin(); report != trial.reports.rend(); ++report) {
    const Json* value = report->metrics.find(metric);
    if (value != nullptr && value->is_number() && std::isfinite(value->as_double()))
      return value->as_double();
  }
  return std::nullopt;
}

std::optional<Observation> observe(const Trial& trial, const Metric& metric) {
  if (trial.status == TrialStatus::Running) return std::nullopt;
  if (trial.status == TrialStatus::Failed) return Invalid{};
  if (trial.status == TrialStatus::Stopped && trial.bound) return Bounded{*trial.bound};
  if (const auto value = last_value(trial, metric.name)) return Measured{*value};
  if (trial.status == TrialStatus::Completed) return Invalid{};
  return std::nullopt;
}

std::optional<double> measured_value(const Trial& trial, const Metric& metric) {
  const std::optional<Observation> observation = observe(trial, metric);
  const Measured* measured = observation ? std::get_if<Measured>(&*observation) : nullptr;
  return measured ? std::optional(measured->value) : std::nullopt;
}

bool satisfies_constraints(const Trial& trial, std::span<const Metric> metrics) {
  return std::all_of(metrics.begin(), metrics.end(), [&](const Metric& metric) {
    if (metric.role != MetricRole::Constraint) return true;
    const auto value = last_value(trial, metric.name);
    return value && is_satisfied(metric, *value);
  });
}

std::optional<BestValue> best_value(
    const History& history, std::span<const Metric> metrics, Mode mode,
    const std::function<std::optional<double>(const Trial&)>& value_of) {
  std::optional<BestValue> best;
  for (const Trial& trial : history.trials()) {
    const std::optional<double> value = value_of(trial);
    if (value && (!best || is_better(*value, best->value, mode)) &&
        satisfies_constraints(trial, metrics))
      best = BestValue{trial.id, *value};
  }
  return best;
}

}  // namespace skipjack
