// Each event changes a handful of counters, so asking is O(1) whatever the length of the
// experiment.
#include "skipjack/tuner/stopping.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/json_field.h"

namespace skipjack {
namespace {

std::optional<double> finite_number(const Json& metrics, std::string_view name) {
  const Json* value = metrics.find(name);
  if (!value || !value->is_number() || !std::isfinite(value->as_double())) return std::nullopt;
  return value->as_double();
}

[[noreturn]] void out_of_range(const std::string& field, const std::string& value,
                               const std::string& bound) {
  throw Error(ErrorCode::InvalidArgument, field + " = " + value + " must be " + bound);
}

void require_count(const char* field, const std::optional<std::int64_t>& count) {
  if (count && *count < 1) out_of_range(field, std::to_string(*count), ">= 1");
}

void require_bounds(const char* field, const std::vector<std::pair<std::string, double>>& bounds) {
  for (const auto& [name, bound] : bounds) {
    if (name.empty()) out_of_range(field, "''", "the name of a metric");
    if (!std::isfinite(bound))
      out_of_range(std::string(field) + "." + name, shortest_decimal(bound), "finite");
  }
}

double standard_deviation(const std::vector<double>& values) {
  double mean = 0, sum = 0;
  for (double value : values) mean += value / static_cast<double>(values.size());
  for (double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

Json bounds_to_json(const std::vector<std::pair<std::string, double>>& bounds) {
  Json json{Json::Object{}};
  for (const auto& [name, bound] : bounds) json.set(name, bound);
  return json;
}

std::vector<std::pair<std::string, double>> bounds_from_json(const Json& json) {
  std::vector<std::pair<std::string, double>> bounds;
  for (const auto& [name, bound] : json.as_object()) {
    const Json& value = bound;
    bounds.emplace_back(name, read_field(name, [&] { return value.as_double(); }));
  }
  return bounds;
}

PlateauCriterion plateau_from_json(const Json& json) {
  PlateauCriterion plateau;
  for (const auto& [key, field] : read_field("plateau", [&] { return json.as_object(); })) {
    const Json& value = field;
    const auto read = [&name = key](const auto& get) { return read_field("plateau." + name, get); };
    const auto text = [&value] { return value.as_string(); };
    const auto number = [&value] { return value.as_double(); };
    const auto count = [&value] {
      return static_cast<int>(std::clamp<std::int64_t>(value.as_int(), -1, 1 << 30));
    };
    if (key == "metric")
      plateau.metric = read(text);
    else if (key == "mode" && (value == Json("min") || value == Json("max")))
      plateau.mode = value == Json("min") ? Mode::Min : Mode::Max;
    else if (key == "num_trials")
      plateau.num_trials = read(count);
    else if (key == "standard_deviation")
      plateau.standard_deviation = read(number);
    else if (key == "patience")
      plateau.patience = read(count);
    else
      throw Error(ErrorCode::InvalidArgument,
                  "plateau." + key + " = " + to_json_text(value) + " is not understood",
                  "metric, mode (min or max), num_trials, standard_deviation, patience");
  }
  return plateau;
}

}  // namespace

void validate(const StoppingCriterion& criterion) {
  if (criterion.max_time && *criterion.max_time <= Duration::zero())
    out_of_range("max_time", format_duration(*criterion.max_time), "more than 0 s");
  require_count("max_reports", criterion.max_reports);
  require_count("max_trials_started", criterion.max_trials_started);
  require_count("max_trials_completed", criterion.max_trials_completed);
  require_count("max_trials_finished", criterion.max_trials_finished);
  if (criterion.max_cost && !(*criterion.max_cost > 0 && std::isfinite(*criterion.max_cost)))
    out_of_range("max_cost", shortest_decimal(*criterion.max_cost), "more than 0");
  if (criterion.max_cost && criterion.cost_metric.empty())
    out_of_range("cost_metric", "''", "the name of a metric");
  require_bounds("min_metric_value", criterion.min_metric_value);
  require_bounds("max_metric_value", criterion.max_metric_value);
  if (criterion.plateau) {
    const PlateauCriterion& plateau = *criterion.plateau;
    if (plateau.metric.empty()) out_of_range("plateau.metric", "''", "the name of a metric");
    if (plateau.num_trials < 2)
      out_of_range("plateau.num_trials", std::to_string(plateau.num_trials), ">= 2");
    if (!(plateau.standard_deviation >= 0))
      out_of_range("plateau.standard_deviation", shortest_decimal(plateau.standard_deviation),
                   ">= 0");
    if (plateau.patience < 0)
      out_of_range("plateau.patience", std::to_string(plateau.patience), ">= 0");
  }
}

Json to_json(const StoppingCriterion& criterion) {
  Json json{Json::Object{}};
  if (criterion.max_time) json.set("max_time", to_seconds(*criterion.max_time));
  if (criterion.max_reports) json.set("max_reports", *criterion.max_reports);
  if (criterion.max_trials_started) json.set("max_trials_started", *criterion.max_trials_started);
  if (criterion.max_trials_completed)
    json.set("max_trials_completed", *criterion.max_trials_completed);
  if (criterion.max_trials_finished)
    json.set("max_trials_finished", *criterion.max_trials_finished);
  if (criterion.max_cost) {
    json.set("max_cost", *criterion.max_cost);
    json.set("cost_metric", criterion.cost_metric);
  }
  if (!criterion.min_metric_value.empty())
    json.set("min_metric_value", bounds_to_json(criterion.min_metric_value));
  if (!criterion.max_metric_value.empty())
    json.set("max_metric_value", bounds_to_json(criterion.max_metric_value));
  if (const auto& plateau = criterion.plateau)
    json.set("plateau", Json::Object{{"metric", plateau->metric},
                                     {"mode", plateau->mode == Mode::Min ? "min" : "max"},
                                     {"num_trials", plateau->num_trials},
                                     {"standard_deviation", plateau->standard_deviation},
                                     {"patience", plateau->patience}});
  return json;
}

StoppingCriterion stopping_criterion_from_json(const Json& json) {
  StoppingCriterion criterion;
  for (const auto& [key, field] : read_field("stop", [&] { return json.as_object(); })) {
    const Json& value = field;
    const auto count = [&value] { return value.as_int(); };
    if (key == "max_time") {
      // 200 years: beyond it the nanoseconds would overflow.
      const double seconds = read_field(key, [&] { return value.as_double(); });
      if (!(seconds > 0 && seconds < 6.3e9))
        out_of_range("max_time", shortest_decimal(seconds), "in (0, 6.3e9) seconds");
      criterion.max_time = from_seconds(seconds);
    } else if (key == "max_reports") {
      criterion.max_reports = read_field(key, count);
    } else if (key == "max_trials_started") {
      criterion.max_trials_started = read_field(key, count);
    } else if (key == "max_trials_completed") {
      criterion.max_trials_completed = read_field(key, count);
    } else if (key == "max_trials_finished") {
      criterion.max_trials_finished = read_field(key, count);
    } else if (key == "max_cost") {
      criterion.max_cost = read_field(key, [&] { return value.as_double(); });
    } else if (key == "cost_metric") {
      criterion.cost_metric = read_field(key, [&] { return value.as_string(); });
    } else if (key == "min_metric_value") {
      criterion.min_metric_value = read_field(key, [&] { return bounds_from_json(value); });
    } else if (key == "max_metric_value") {
      criterion.max_metric_value = read_field(key, [&] { return bounds_from_json(value); });
    } else if (key == "plateau") {
      criterion.plateau = plateau_from_json(value);
    } else {
      throw Error(ErrorCode::InvalidArgument, "stopping criterion '" + key + "' is not known",
                  "max_time, max_reports, max_trials_started, max_trials_completed, "
                  "max_trials_finished, max_cost, min_metric_value, max_metric_value or plateau");
    }
  }
  validate(criterion);
  return criterion;
}

Progress::Progress(StoppingCriterion criterion) : criterion_(std::move(criterion)) {
  validate(criterion_);
}

void Progress::apply(const Event& event, const History& history) {
  if (std::holds_alternative<TrialStarted>(event.body)) {
    ++num_started_;
  } else if (const auto* resumed = std::get_if<TrialResumed>(&event.body)) {
    // A failed trial that is tried again has not failed yet.
    if (const auto it = finished_.find(resumed->id.trial); it != finished_.end()) {
      --count_of(it->second);
      finished_.erase(it);
    }
  } else if (const auto* reported = std::get_if<Reported>(&event.body)) {
    apply_report(*reported);
  } else if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
    finish(ended->id.trial, ended->end.outcome, history);
  } else if (const auto* ordered = std::get_if<StopOrdered>(&event.body)) {
    // A paused trial has no attempt whose end would tell.
    const Trial* trial = history.find(ordered->trial);
    if (trial && trial->status == TrialStatus::Stopped)
      finish(ordered->trial, Outcome::Stopped, history);
  }
}

void Progress::apply_report(const Reported& reported) {
  ++num_reports_;
  if (criterion_.max_cost) {
    const std::optional<double> cost = finite_number(reported.metrics, criterion_.cost_metric);
    if (cost && *cost >= 0) {
      double& last = attempt_cost_[reported.id];
      cost_ += *cost - last;
      last = *cost;
    }
  }
  for (const auto& [name, bound] : criterion_.min_metric_value)
    if (const auto value = finite_number(reported.metrics, name); value && *value <= bound)
      metric_reached_ = "min_metric_value";
  for (const auto& [name, bound] : criterion_.max_metric_value)
    if (const auto value = finite_number(reported.metrics, name); value && *value >= bound)
      metric_reached_ = "max_metric_value";
}

std::int64_t& Progress::count_of(Outcome outcome) {
  return outcome == Outcome::Completed ? num_completed_
         : outcome == Outcome::Stopped ? num_stopped_
                                       : num_failed_;
}

void Progress::finish(TrialId trial, Outcome outcome, const History& history) {
  if (outcome == Outcome::Paused || outcome == Outcome::Lost) return;
  if (!finished_.emplace(trial, outcome).second) return;
  ++count_of(outcome);
  if (criterion_.plateau && outcome != Outcome::Failed) apply_plateau(trial, history);
}

void Progress::apply_plateau(TrialId id, const History& history) {
  const PlateauCriterion& plateau = *criterion_.plateau;
  const Trial* trial = history.find(id);
  const std::optional<double> value =
      trial ? last_value(*trial, plateau.metric) : std::optional<double>{};
  if (!value) return;
  const double loss = plateau.mode == Mode::Min ? *value : -*value;
  best_.insert(std::upper_bound(best_.begin(), best_.end(), loss), loss);
  const auto limit = static_cast<std::size_t>(plateau.num_trials);
  if (best_.size() > limit) best_.pop_back();
  if (best_.size() < limit || standard_deviation(best_) > plateau.standard_deviation)
    num_on_plateau_ = 0;
  else if (++num_on_plateau_ > plateau.patience)
    plateau_reached_ = true;
}

std::optional<std::string> Progress::fired(Duration now) const {
  const StoppingCriterion& c = criterion_;
  if (metric_reached_) return metric_reached_;
  if (plateau_reached_) return "plateau";
  if (c.max_reports && num_reports_ >= *c.max_reports) return "max_reports";
  if (c.max_trials_completed && num_completed_ >= *c.max_trials_completed)
    return "max_trials_completed";
  if (c.max_trials_finished && num_finished() >= *c.max_trials_finished)
    return "max_trials_finished";
  if (c.max_cost && cost_ >= *c.max_cost) return "max_cost";
  if (c.max_time && now >= *c.max_time) return "max_time";
  return std::nullopt;
}

bool Progress::starts_full() const {
  return criterion_.max_trials_started && num_started_ >= *criterion_.max_trials_started;
}

bool Progress::reports_full() const {
  return criterion_.max_reports && num_reports_ >= *criterion_.max_reports;
}

std::int64_t Progress::allowed_attempts(std::int64_t num_running) const {
  std::int64_t allowed = std::numeric_limits<std::int64_t>::max();
  if (criterion_.max_trials_completed)
    allowed = std::min(allowed, *criterion_.max_trials_completed - num_completed_ - num_running);
  if (criterion_.max_trials_finished)
    allowed = std::min(allowed, *criterion_.max_trials_finished - num_finished() - num_running);
  return std::max<std::int64_t>(allowed, 0);
}

std::optional<double> Progress::remaining_fraction(Duration now) const {
  std::optional<double> smallest;
  const auto take = [&](double used, double budget) {
    smallest = std::min(smallest.value_or(1.0), std::clamp(1 - used / budget, 0.0, 1.0));
  };
  const auto count = [&](std::int64_t used, const std::optional<std::int64_t>& budget) {
    if (budget) take(static_cast<double>(used), static_cast<double>(*budget));
  };
  if (criterion_.max_time) take(to_seconds(now), to_seconds(*criterion_.max_time));
  count(num_reports_, criterion_.max_reports);
  count(num_started_, criterion_.max_trials_started);
  count(num_completed_, criterion_.max_trials_completed);
  count(num_finished(), criterion_.max_trials_finished);
  if (criterion_.max_cost) take(cost_, *criterion_.max_cost);
  return smallest;
}

}  // namespace skipjack
