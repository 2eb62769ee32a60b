#include "skipjack/s3tune/cluster_timings.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "skipjack/s3tune/node.h"
#include "skipjack/s3tune/steps.h"

namespace skipjack::s3tune {
namespace {

std::string_view arm_in(const Report& report) {
  const Json* arm = report.metrics.find(kArm);
  return arm && arm->is_string() ? std::string_view(arm->as_string()) : std::string_view();
}

/// Of machines that told what they are, by name: metadata that are slow once don't make another
/// kind.
std::map<std::string, std::string> kinds_by_name(const History& history) {
  std::map<std::string, std::string> kinds;
  for (const Trial& trial : history.trials())
    if (const auto node = node_of(trial);
        node && (!node->instance_type.empty() || !kinds.contains(node->name)))
      kinds[node->name] = kind_of(*node);
  return kinds;
}

}  // namespace

std::optional<double> download_seconds(const Report& report) {
  const Json* value = report.metrics.find(kDownloadTime);
  if (!value || !value->is_number()) return std::nullopt;
  const double seconds = value->as_double();
  return std::isfinite(seconds) && seconds > 0 ? std::optional(seconds) : std::nullopt;
}

std::vector<double> download_seconds(const Trial& trial, std::string_view arm) {
  std::vector<double> seconds;
  for (const Report& report : trial.reports)
    if (const auto s = download_seconds(report); s && arm_in(report) == arm) seconds.push_back(*s);
  return seconds;
}

std::vector<KindTimings> timings_by_kind(const History& history, const VerdictPlan& plan) {
  const std::map<std::string, std::string> kinds = kinds_by_name(history);
  std::map<std::string, KindTimings> found;
  for (const Trial& trial : history.trials()) {
    const auto node = node_of(trial);
    if (phase_of(trial) != kVerdictPhase || !node) continue;
    std::vector<std::pair<double, Json>> row;
    for (const std::string& arm : plan.arms)
      for (const Report& report : trial.reports)
        if (const auto seconds = download_seconds(report); seconds && arm_in(report) == arm) {
          row.emplace_back(*seconds, report.metrics);
          break;
        }
    if (row.size() != plan.arms.size()) continue;
    const std::string& kind = kinds.at(node->name);
    KindTimings& of_kind = found.try_emplace(kind, KindTimings{.kind = kind}).first->second;
    of_kind.nodes.insert(node->name);
    of_kind.timings.seconds.resize(row.size());
    of_kind.timings.reports.resize(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      of_kind.timings.seconds[i].push_back(row[i].first);
      of_kind.timings.reports[i].push_back(std::move(row[i].second));
    }
  }
  std::vector<KindTimings> result;
  for (auto& [kind, timings] : found) {
    const auto complete = static_cast<int>(timings.timings.seconds.front().size());
    timings.timings.num_incomplete_blocks = plan.num_blocks - complete;
    result.push_back(std::move(timings));
  }
  std::stable_sort(result.begin(), result.end(), [](const KindTimings& a, const KindTimings& b) {
    return a.timings.num_incomplete_blocks < b.timings.num_incomplete_blocks;
  });
  return result;
}

std::map<std::string, std::set<std::string>> nodes_by_kind(const History& history) {
  std::map<std::string, std::set<std::string>> nodes;
  for (const auto& [name, kind] : kinds_by_name(history)) nodes[kind].insert(name);
  return nodes;
}

double cluster_noise(const History& history) {
  double squares = 0, degrees = 0;
  for (const Trial& trial : history.trials()) {
    if (!trial.ended) continue;
    std::vector<double> logs = download_seconds(trial, kCandidateArm);
    if (logs.size() < 2) continue;
    double mean = 0;
    for (double& value : logs) {
      value = std::log(value);
      mean += value / static_cast<double>(logs.size());
    }
    for (const double value : logs) squares += (value - mean) * (value - mean);
    degrees += static_cast<double>(logs.size() - 1);
  }
  return degrees > 0 ? std::sqrt(squares / degrees) : 0;
}

}  // namespace skipjack::s3tune
