#include "skipjack/search/curve_model.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/search/process_fit.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr std::size_t kMaxRows = 400, kMaxFitRows = 200, kMinPerTrial = 4, kMaxFailures = 100;
constexpr Index kTwoStarts = 30;
// Cubed rows times evaluations of a warm fit; some ten milliseconds.
constexpr double kFitCost = 3e7;

// The first and the last, and between them even steps of the logarithm of the level.
std::vector<LevelValue> thinned(const std::vector<LevelValue>& values, std::size_t number) {
  if (values.size() <= number) return values;
  std::vector<LevelValue> result;
  const double first = std::log(static_cast<double>(values.front().resource)),
               last = std::log(static_cast<double>(values.back().resource));
  for (std::size_t k = 0; k < number; ++k) {
    const double goal =
        first + (last - first) * static_cast<double>(k) / static_cast<double>(number - 1);
    const auto at = std::lower_bound(
        values.begin(), values.end(), goal, [](const LevelValue& value, double wanted) {
          return std::log(static_cast<double>(value.resource)) < wanted - 1e-9;
        });
    const LevelValue& chosen = at == values.end() ? values.back() : *at;
    if (result.empty() || result.back().resource < chosen.resource) result.push_back(chosen);
  }
  return result;
}

/// A trial that enters, with the measurements that do.
struct Entry {
  std::size_t trial = 0;
  std::vector<LevelValue> values;
};

std::vector<Entry> entries_of(const std::vector<LevelRecord>& records) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < records.size(); ++i)
    if (!records[i].values.empty()) entries.push_back({i, {}});
  const std::size_t per_trial =
      std::max(kMinPerTrial, kMaxRows / std::max<std::size_t>(1, entries.size()));
  std::size_t num_rows = 0;
  for (Entry& entry : entries) {
    entry.values = thinned(records[entry.trial].values, per_trial);
    num_rows += entry.values.size();
  }
  if (num_rows <= kMaxRows) return entries;
  std::stable_sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    const auto key = [&](const Entry& e) { return std::pair(records[e.trial].reached(), e.trial); };
    return key(a) > key(b);
  });
  std::vector<Entry> kept;
  num_rows = 0;
  for (Entry& entry : entries) {
    num_rows += entry.values.size();
    if (num_rows > kMaxRows) break;
    kept.push_back(std::move(entry));
  }
  std::sort(kept.begin(), kept.end(),
            [](const Entry& a, const Entry& b) { return a.trial < b.trial; });
  return kept;
}

// What has gone wrong, the latest: failed, or no longer finite.
std::vector<std::size_t> bad_trials(const std::vector<LevelRecord>& records) {
  std::vector<std::size_t> bad;
  for (std::size_t i = records.size(); i-- > 0 && bad.size() < kMaxFailures;)
    if (records[i].is_bad()) bad.push_back(i);
  std::reverse(bad.begin(), bad.end());
  return bad;
}

// Whole curves, so that the fit sees how levels hang together.
CurveData part_for_fit(const CurveData& data) {
  const auto n = static_cast<std::size_t>(data.y.size());
  if (n <= kMaxFitRows) return data;
  const std::size_t step = (n + kMaxFitRows - 1) / kMaxFitRows;
  CurveData part = data;
  part.rows.clear();
  std::map<Index, Index> chosen;
  std::map<Index, std::size_t> order;
  std::vector<double> y;
  for (std::size_t i = 0; i < n; ++i) {
    const CurveRow& row = data.rows[i];
    const std::size_t position = order.try_emplace(row.trial, order.size()).first->second;
    if (position % step != 0) continue;
    const Index trial =
        chosen.try_emplace(row.trial, static_cast<Index>(chosen.size())).first->second;
    part.rows.push_back({trial, row.level});
    y.push_back(data.y[static_cast<Index>(i)]);
    if (y.size() == kMaxFitRows) break;
  }
  part.x.resize(static_cast<Index>(chosen.size()), data.x.cols());
  for (const auto& [from, to] : chosen) part.x.row(to) = data.x.row(from);
  part.y = Eigen::Map<const VectorXd>(y.data(), static_cast<Index>(y.size()));
  return part;
}

CurveHyperparameters fit_to(const CurveData& data,
                            const std::optional<CurveHyperparameters>& warm) {
  const CurveData part = part_for_fit(data);
  const Index n = part.y.size();
  CurveFitOptions options;
  if (warm) {
    const auto size = static_cast<double>(n);
    options.starts.push_back(*warm);
    options.max_evaluations = static_cast<int>(
        std::clamp(kFitCost / (size * size * size), 4.0, 1.0 * options.max_evaluations));
  }
  if (!warm || n < kTwoStarts)
    options.starts.push_back(default_curve_hyperparameters(part.kernel, part.kinds));
  return fit_curve_hyperparameters(part, options);
}

}  // namespace

Json to_json(const CurveFit& fit) {
  Json curves = to_json(
      GpHyperparameters{.inverse_squared_lengthscales = fit.curves.inverse_squared_lengthscales,
                        .outputscale = fit.curves.outputscale,
                        .noise_variance = fit.curves.noise_variance});
  Json::Array resource;
  for (const double value : fit.curves.resource) resource.emplace_back(value);
  curves.set("resource", std::move(resource));
  Json json;
  json.set("curves", std::move(curves));
  if (fit.feasibility.works) json.set("feasibility", to_json(*fit.feasibility.works));
  json.set("num_measurements", static_cast<std::int64_t>(fit.num_measurements));
  return json;
}

std::optional<CurveFit> curve_fit_from_json(const Json& json, ResourceKernel kernel,
                                            const UnitSpace& space) {
  const std::size_t d = space.model_kinds().size(),
                    num_parameters = resource_parameters(kernel).size();
  const Json* curves = json.find("curves");
  const Json* number = json.find("num_measurements");
  if (!curves || !number || !number->is_int() || number->as_int() < 0) return std::nullopt;
  const Json* resource = curves->find("resource");
  const auto base = hyperparameters_from_json(*curves, d);
  if (!base || !resource || !resource->is_array() || resource->as_array().size() != num_parameters)
    return std::nullopt;
  CurveFit fit{.curves = {.inverse_squared_lengthscales = base->inverse_squared_lengthscales,
                          .outputscale = base->outputscale,
                          .noise_variance = base->noise_variance,
                          .resource = VectorXd(static_cast<Index>(num_parameters))},
               .num_measurements = static_cast<std::size_t>(number->as_int())};
  for (std::size_t k = 0; k < num_parameters; ++k) {
    const Json& value = resource->as_array()[k];
    if (!value.is_number() || !(value.as_double() > 0) || !std::isfinite(value.as_double()))
      return std::nullopt;
    fit.curves.resource[static_cast<Index>(k)] = value.as_double();
  }
  if (const Json* works = json.find("feasibility"))
    fit.feasibility.works = hyperparameters_from_json(*works, d);
  return fit;
}

CurveModel::CurveModel(const CurveModelOptions& options) : space_(&options.space) {
  choose_rows(options);
  fit_process(options);
}

Index CurveModel::row_of(const LevelLog& log, std::size_t trial) {
  const auto [at, is_new] = rows_of_trials_.try_emplace(trial, static_cast<Index>(points_.size()));
  if (is_new) {
    const LevelRecord& record = log.records()[trial];
    points_.push_back(record.point);
    reached_.push_back(record.is_bad() ? 0 : record.reached());
  }
  return at->second;
}

void CurveModel::choose_rows(const CurveModelOptions& options) {
  const LevelLog& log = options.log;
  const auto& records = log.records();
  const std::vector<Entry> entries = entries_of(records);
  SKIPJACK_CHECK(!entries.empty());
  std::vector<double> values;
  for (const Entry& entry : entries)
    for (const LevelValue& value : entry.values) values.push_back(value.value);
  const TargetTransform transform(values, options.metric);

  // Trial by row of x, and level.
  std::vector<std::pair<Index, std::int64_t>> rows;
  std::vector<double> targets;
  for (const Entry& entry : entries)
    for (const LevelValue& value : entry.values) {
      rows.emplace_back(row_of(log, entry.trial), value.resource);
      targets.push_back(transform.to_target(value.value));
    }
  const auto is_done = [&](std::size_t trial) {
    return records[trial].reached() >= log.milestones().back();
  };
  const auto next_level = [&](std::size_t trial) {
    return log.milestone_after(records[trial].reached());
  };
  const double worst = *std::max_element(targets.begin(), targets.end());
  for (const std::size_t trial : bad_trials(records)) {
    if (is_done(trial)) continue;
    rows.emplace_back(row_of(log, trial), next_level(trial));
    targets.push_back(worst);
  }
  for (std::size_t i = 0; i < records.size(); ++i)
    if (records[i].state == LevelRecord::State::Running && !records[i].is_bad() && !is_done(i))
      rows.emplace_back(row_of(log, i), next_level(i));

  std::map<std::int64_t, Index> levels;
  for (const auto& [trial, level] : rows) levels[level];
  data_ = {.kernel = options.kernel,
           .kinds = space_->model_kinds(),
           .x = space_->model_matrix(points_),
           .levels = VectorXd(static_cast<Index>(levels.size())),
           .max_resource = static_cast<double>(log.levels().max_resource),
           .rows = {},
           .y = Eigen::Map<const VectorXd>(targets.data(), static_cast<Index>(targets.size()))};
  Index next = 0;
  for (auto& [level, index] : levels) {
    data_.levels[next] = static_cast<double>(level);
    index = next++;
  }
  for (const auto& [trial, level] : rows) data_.rows.push_back({trial, levels.at(level)});
}

void CurveModel::fit_process(const CurveModelOptions& options) {
  for (const LevelRecord& record : options.log.records())
    fit_.num_measurements += record.values.size() + (record.is_bad() ? 1 : 0);
  const auto& previous = options.previous;
  const bool is_known = previous && previous->num_measurements == fit_.num_measurements;
  feasibility_ =
      feasibility_of(*space_, options.log, previous ? previous->feasibility : FeasibilityFit{},
                     is_known ? Fit::Keep : Fit::Anew);
  fit_.feasibility = feasibility_->fit();
  fit_.curves = is_known ? previous->curves
                         : fit_to(data_, previous ? std::optional(previous->curves) : std::nullopt);
  process_.emplace(data_, fit_.curves);
}

GpPrediction CurveModel::predict(std::span<const UnitPoint> points, std::int64_t level) const {
  return process_->predict(space_->model_matrix(points), static_cast<double>(level));
}

GpPrediction CurveModel::predict_known(std::span<const UnitPoint> points,
                                       std::int64_t level) const {
  GpPrediction result = predict(points, level);
  std::vector<Index> known, at;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto found = std::find(points_.rbegin(), points_.rend(), points[i]);
    if (found == points_.rend()) continue;
    known.push_back(static_cast<Index>(points_.rend() - found) - 1);
    at.push_back(static_cast<Index>(i));
  }
  if (known.empty()) return result;
  const GpPrediction own = process_->predict(known, static_cast<double>(level));
  for (std::size_t k = 0; k < at.size(); ++k) {
    result.mean[at[k]] = own.mean[static_cast<Index>(k)];
    result.variance[at[k]] = own.variance[static_cast<Index>(k)];
  }
  return result;
}

VectorXd CurveModel::log_feasibility(std::span<const UnitPoint> points) const {
  return feasibility_->log_probability(points);
}

std::vector<std::pair<double, Index>> CurveModel::ranked(std::int64_t level) const {
  std::vector<Index> there, measured;
  for (std::size_t t = 0; t < reached_.size(); ++t) {
    if (reached_[t] > 0) measured.push_back(static_cast<Index>(t));
    if (reached_[t] >= level) there.push_back(static_cast<Index>(t));
  }
  if (measured.empty())
    for (std::size_t t = 0; t < reached_.size(); ++t) measured.push_back(static_cast<Index>(t));
  const std::vector<Index>& trials = there.empty() ? measured : there;
  const VectorXd means = process_->predict(trials, static_cast<double>(level)).mean;
  std::vector<std::pair<double, Index>> result;
  for (std::size_t i = 0; i < trials.size(); ++i)
    result.emplace_back(means[static_cast<Index>(i)], trials[i]);
  std::sort(result.begin(), result.end());
  return result;
}

double CurveModel::best_mean(std::int64_t level) const { return ranked(level).front().first; }

std::vector<UnitPoint> CurveModel::best_points(std::int64_t level, std::size_t number) const {
  std::vector<UnitPoint> result;
  for (const auto& [mean, trial] : ranked(level)) {
    if (result.size() == number) break;
    const UnitPoint& point = points_[static_cast<std::size_t>(trial)];
    if (std::find(result.begin(), result.end(), point) == result.end()) result.push_back(point);
  }
  return result;
}

}  // namespace skipjack
