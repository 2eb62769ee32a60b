#include "skipjack/s3tune/cluster_timings.h"

#include <algorithm>
#include <utility>

#include "skipjack/s3tune/steps.h"

namespace skipjack::s3tune {
namespace {

std::string_view arm_in(const Report& report) {
  const Json* arm = report.metrics.find(kArm);
  return arm && arm->is_string() ? std::string_view(arm->as_string()) : std::string_view();
}

/// By the machines' names.
std::map<std::string, std::string> kinds_by_name(const History& history) {
  std::map<std::string, std::string> kinds;
  for (const Trial& trial : history.trials())
    if (const auto node = node_of(trial)) learn_kind(*node, kinds);
  return kinds;
}

}  // namespace

bool learn_kind(const Node& node, std::map<std::string, std::string>& kinds) {
  const auto [known, is_new] = kinds.try_emplace(node.name);
  if (!is_new && node.instance_type.empty()) return false;
  const std::string before = std::exchange(known->second, kind_of(node));
  return is_new || known->second != before;
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

double overhead_of(const Trial& trial) {
  double downloads = 0;
  for (const double seconds : download_seconds(trial)) downloads += seconds;
  return std::max(0.0, to_seconds(*trial.ended - trial.started) - downloads);
}

}  // namespace skipjack::s3tune
