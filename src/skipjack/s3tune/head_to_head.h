// The head-to-head that ends a tuning of downloads: rows measured in blocks, each row once a block
// in random order, the number of blocks fixed before the first. The plan lies in the tags of its
// trials, so that whoever reads the history knows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/s3tune/s3_scheduler.h"
#include "skipjack/s3tune/trial_reports.h"

namespace skipjack::s3tune {

/// The verdict as it was planned, read from the tags: nullopt before its first trial.
struct VerdictPlan {
  int num_blocks = 0;
  /// Names of the arms, the winner included if there is one, in the order of the table.
  std::vector<std::string> arms;
  /// Of the winner; null if the search found nothing better than the baseline.
  Json winner;
};
std::optional<VerdictPlan> verdict_plan(const History& history);
/// As a trial of the verdict has it in its tag. Throws Corrupted.
VerdictPlan plan_of(const Trial& trial);

/// Complete blocks of the verdict: seconds[arm][block], arms in the plan's order. Blocks in which
/// an arm failed or that were not finished are left out for all arms.
struct VerdictTimings {
  std::vector<std::vector<double>> seconds;
  /// Last report of each timing, same shape.
  std::vector<std::vector<Json>> reports;
  int num_incomplete_blocks = 0;
};
/// Of a tuning on one machine, a trial a timing.
VerdictTimings verdict_timings(const History& history, const VerdictPlan& plan);

/// The tag of a trial of it, without the arm.
Json::Object verdict_tag(const VerdictPlan& plan, std::int64_t block);
/// The arms in the order in which a block measures them.
std::vector<std::string> block_order(const VerdictPlan& plan, std::uint64_t seed,
                                     std::int64_t block);
/// What the arm's downloads are started with, but for their number. Throws Corrupted for an arm
/// that the options don't have.
Configuration arm_configuration(const S3SchedulerOptions& options, const VerdictPlan& plan,
                                const std::string& name);

/// Downloads of so many blocks with all rows.
std::int64_t verdict_downloads(const S3SchedulerOptions& options, int blocks);
/// Blocks whose bytes are kept back from the search: as with time, no more than their share.
int reserved_blocks(const S3SchedulerOptions& options);
/// Whether so many downloads stay within max_bytes.
bool affordable(const S3SchedulerOptions& options, std::int64_t downloads);

}  // namespace skipjack::s3tune
