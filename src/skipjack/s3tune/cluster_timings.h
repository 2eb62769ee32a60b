// What the trials of a tuning over many machines measured, read from their reports: download times
// by row, blocks of the verdict by kind of machine.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/s3tune/head_to_head.h"
#include "skipjack/s3tune/node.h"

namespace skipjack::s3tune {

/// Download times of one row in a trial, in order.
std::vector<double> download_seconds(const Trial& trial, std::string_view arm);
/// Seconds that a trial that has ended took beside its downloads, waiting in the queue included.
double overhead_of(const Trial& trial);

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
/// Adds a machine's kind, by its name, to those known: metadata that are slow once don't make
/// another kind. Returns whether that changed anything.
bool learn_kind(const Node& node, std::map<std::string, std::string>& kinds);

}  // namespace skipjack::s3tune
