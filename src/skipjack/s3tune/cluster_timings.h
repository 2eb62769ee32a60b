// What the trials of a tuning over many machines measured, read from their reports: download times
// by row, blocks of the verdict by kind of machine.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/s3tune/s3_scheduler.h"

namespace skipjack::s3tune {

/// Step of a search trial beside the baseline.
inline constexpr std::string_view kCandidateArm = "candidate";

/// Seconds of a report's download; nullopt if it has none that counts.
std::optional<double> download_seconds(const Report& report);
/// Download times of one row in a trial, in order.
std::vector<double> download_seconds(const Trial& trial, std::string_view arm);

/// Blocks of the verdict that were completed on machines of one kind, in order.
struct KindTimings {
  std::string kind;
  /// Names of the machines.
  std::set<std::string> nodes;
  VerdictTimings timings;
};
/// The kind with the most blocks first.
std::vector<KindTimings> timings_by_kind(const History& history, const VerdictPlan& plan);
/// Machines that any trial ran on, by kind. A machine that once told what it is counts as that.
std::map<std::string, std::set<std::string>> nodes_by_kind(const History& history);
/// Standard deviation of the logarithm of one download, from candidates' repeats; 0 if unknown.
double cluster_noise(const History& history);

}  // namespace skipjack::s3tune
