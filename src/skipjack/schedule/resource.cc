#include "skipjack/schedule/resource.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "skipjack/base/invalid.h"
#include "skipjack/base/json.h"

namespace skipjack {
namespace {

constexpr std::int64_t kLargestResource = std::int64_t{1} << 53;
constexpr std::size_t kMaxRungs = std::size_t{1} << 20;

const Json* constant(const SearchSpace& space, std::string_view name) {
  for (const Parameter& parameter : space.parameters())
    if (parameter.name == name) return std::get_if<Json>(&parameter.domain);
  return nullptr;
}

std::int64_t checked_largest(const std::string& name, const Json& value) {
  const auto number = resource_of(Json::Object{{name, value}}, name);
  if (!number || *number < 2)
    invalid(name + " = " + to_json_text(value) + " must be a whole number >= 2",
            "it is the resource, in epochs or the like, at which a trial is done");
  return *number;
}

void check_ascending(const std::vector<std::int64_t>& levels) {
  std::int64_t last = 0;
  for (const std::int64_t level : levels) {
    if (level <= last)
      invalid("rung_levels must ascend from 1 on, but " + std::to_string(level) + " follows " +
              std::to_string(last));
    last = level;
  }
}

}  // namespace

std::int64_t largest_resource(const SearchSpace& space, std::string_view max_resource_attr,
                              std::optional<std::int64_t> max_t) {
  if (max_t) return checked_largest("max_t", Json(*max_t));
  if (!max_resource_attr.empty()) {
    const std::string name(max_resource_attr);
    if (const Json* value = constant(space, name)) return checked_largest(name, *value);
    invalid("max_resource_attr = '" + name + "' is no constant of the search space",
            "add it with the largest resource as its value, or give max_t");
  }
  for (const char* name : {"epochs", "max_t", "max_epochs"})
    if (const Json* value = constant(space, name)) return checked_largest(name, *value);
  invalid(
      "the method looks at trials on the way, and nothing says where they end",
      "give max_t, or name the constant of the search space that holds it by max_resource_attr");
}

std::vector<std::int64_t> rung_levels(const ResourceOptions& options) {
  const std::int64_t max_t = checked_largest("max_t", Json(options.max_t));
  std::vector<std::int64_t> levels = options.rung_levels;
  if (!levels.empty()) {
    check_ascending(levels);
    if (levels.back() == max_t) levels.pop_back();
    if (levels.empty() || levels.back() >= max_t)
      invalid("rung_levels must lie below max_t = " + std::to_string(max_t) +
              ", and at least one of them must");
    return levels;
  }
  if (options.grace_period < 1 || options.grace_period >= max_t)
    invalid("grace_period = " + std::to_string(options.grace_period) +
            " must be in [1, max_t = " + std::to_string(max_t) + ")");
  if (options.rung_increment && *options.rung_increment < 1)
    invalid("rung_increment = " + std::to_string(*options.rung_increment) + " must be >= 1");
  const double eta = options.reduction_factor;
  if (!(eta >= 2 && std::isfinite(eta)))
    invalid("reduction_factor = " + shortest_decimal(eta) + " must be >= 2");
  const auto level = [&](std::size_t k) {
    const double first = static_cast<double>(options.grace_period), n = static_cast<double>(k);
    const double at = options.rung_increment
                          ? first + n * static_cast<double>(*options.rung_increment)
                          : std::round(first * std::pow(eta, n));
    return static_cast<std::int64_t>(std::min(at, static_cast<double>(kLargestResource)));
  };
  for (std::size_t k = 0; level(k) < max_t; ++k) {
    if (k == kMaxRungs) invalid("there are more than " + std::to_string(kMaxRungs) + " rungs");
    levels.push_back(level(k));
  }
  return levels;
}

std::vector<double> rung_quantiles(const std::vector<std::int64_t>& levels, std::int64_t max_t) {
  std::vector<double> quantiles;
  for (std::size_t j = 0; j < levels.size(); ++j) {
    const std::int64_t next = j + 1 < levels.size() ? levels[j + 1] : max_t;
    quantiles.push_back(static_cast<double>(levels[j]) / static_cast<double>(next));
  }
  return quantiles;
}

LevelOptions level_options(const ResourceOptions& options, SearcherData data) {
  return {.resource_attr = options.resource_attr,
          .rung_levels = rung_levels(options),
          .max_resource = options.max_t,
          .data = data};
}

std::optional<double> score_of(const Json& metrics, const Metric& metric) {
  const Json* value = metrics.find(metric.name);
  if (!value || !value->is_number()) return std::nullopt;
  const double number = value->as_double();
  if (!std::isfinite(number)) return std::numeric_limits<double>::infinity();
  return metric.mode == Mode::Min ? number : -number;
}

ResourceLog::ResourceLog(std::string resource_attr, std::vector<Metric> metrics)
    : resource_attr_(std::move(resource_attr)), metrics_(std::move(metrics)) {}

std::optional<ResourceLog::Step> ResourceLog::take(const Reported& report, const History& history) {
  const Trial& trial = *history.find(report.id.trial);
  if (report.id.attempt != trial.attempt || trial.status != TrialStatus::Running || trial.end ||
      trial.ending)
    return std::nullopt;
  Place& place = places_[trial.id];
  if (place.attempt != trial.attempt) place = {.reached = place.reached, .attempt = trial.attempt};
  const Json* level = report.metrics.find(resource_attr_);
  const bool is_zero = level && level->is_number() && level->as_double() == 0;
  if (is_zero && !std::exchange(place.was_at_zero, true)) return std::nullopt;
  const std::string lack = lack_of(report.metrics);
  if (!lack.empty()) {
    if (most_steps_ == 0 && problem_.empty())
      problem_ = "a report of trial " + std::to_string(trial.id) + " has " + lack;
    return std::nullopt;
  }
  const std::int64_t resource = *resource_of(report.metrics, resource_attr_);
  if (resource <= place.reached_in_attempt) {
    if (most_steps_ < 2 && problem_.empty())
      problem_ = "trial " + std::to_string(trial.id) + " reports " + resource_attr_ + " = " +
                 std::to_string(resource) + " after " + std::to_string(place.reached_in_attempt) +
                 ": it must grow from report to report";
    return std::nullopt;
  }
  most_steps_ = std::max(most_steps_, place.reached_in_attempt > 0 ? 2 : 1);
  place.reached_in_attempt = resource;
  if (resource <= place.reached) return std::nullopt;
  return Step{.from = std::exchange(place.reached, resource), .to = resource};
}

void ResourceLog::take(const AttemptEnded& ended) {
  const auto place = places_.find(ended.id.trial);
  if (place == places_.end() || ended.end.outcome != Outcome::Completed) return;
  if (most_steps_ == 0 && problem_.empty() && place->second.was_at_zero &&
      place->second.attempt == ended.id.attempt)
    problem_ = "trial " + std::to_string(ended.id.trial) + " completed with " + resource_attr_ +
               " = 0 alone: it counts from 0";
}

std::string ResourceLog::lack_of(const Json& metrics) const {
  if (!resource_of(metrics, resource_attr_)) {
    const Json* value = metrics.find(resource_attr_);
    return value ? resource_attr_ + " = " + to_json_text(*value) + ", which is no whole number >= 1"
                 : "no resource '" + resource_attr_ + "'";
  }
  for (const Metric& metric : metrics_) {
    if (score_of(metrics, metric)) continue;
    const Json* value = metrics.find(metric.name);
    return value ? metric.name + " = " + to_json_text(*value) + ", which is no number"
                 : "no metric '" + metric.name + "'";
  }
  return {};
}

void ResourceLog::require_sense() const {
  if (problem_.empty()) return;
  invalid(problem_,
          "every report must have the metrics and, under resource_attr, how far the trial "
          "has come: 1, 2, 3, ...");
}

std::int64_t ResourceLog::reached(TrialId trial) const {
  const auto at = places_.find(trial);
  return at == places_.end() ? 0 : at->second.reached;
}

}  // namespace skipjack
