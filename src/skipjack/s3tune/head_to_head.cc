#include "skipjack/s3tune/head_to_head.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"

namespace skipjack::s3tune {

VerdictPlan plan_of(const Trial& trial) {
  VerdictPlan plan;
  plan.num_blocks = static_cast<int>(trial.tag.at("blocks").as_int());
  for (const Json& arm : trial.tag.at("arms").as_array()) plan.arms.push_back(arm.as_string());
  plan.winner = trial.tag.at("winner");
  if (plan.num_blocks < 1 || plan.arms.empty())
    throw Error(ErrorCode::Corrupted, "the journal plans a verdict without rows or blocks");
  return plan;
}

std::optional<VerdictPlan> verdict_plan(const History& history) {
  for (const Trial& trial : history.trials())
    if (phase_of(trial) == kVerdictPhase) return plan_of(trial);
  return std::nullopt;
}

VerdictTimings verdict_timings(const History& history, const VerdictPlan& plan) {
  VerdictTimings timings{.seconds = std::vector<std::vector<double>>(plan.arms.size()),
                         .reports = std::vector<std::vector<Json>>(plan.arms.size())};
  std::map<std::int64_t, std::map<std::string_view, const Trial*>> blocks;
  for (const Trial& trial : history.trials())
    if (phase_of(trial) == kVerdictPhase)
      blocks[trial.tag.at("block").as_int()][tag_text(trial, "arm")] = &trial;
  for (const auto& [number, block] : blocks) {
    bool complete = true;
    for (const std::string& arm : plan.arms) {
      const auto trial = block.find(arm);
      complete = complete && trial != block.end() && has_value(*trial->second);
    }
    if (!complete) {
      ++timings.num_incomplete_blocks;
      continue;
    }
    for (std::size_t i = 0; i < plan.arms.size(); ++i) {
      const Trial& trial = *block.at(plan.arms[i]);
      timings.seconds[i].push_back(download_seconds(trial).front());
      timings.reports[i].push_back(trial.reports.back().metrics);
    }
  }
  timings.num_incomplete_blocks += plan.num_blocks - static_cast<int>(blocks.size());
  return timings;
}

Json::Object verdict_tag(const VerdictPlan& plan, std::int64_t block) {
  Json::Array arms(plan.arms.begin(), plan.arms.end());
  return {{"phase", kVerdictPhase},
          {"block", block},
          {"blocks", plan.num_blocks},
          {"arms", std::move(arms)},
          {"winner", plan.winner}};
}

std::vector<std::string> block_order(const VerdictPlan& plan, std::uint64_t seed,
                                     std::int64_t block) {
  std::vector<std::string> order = plan.arms;
  Rng rng(seed, "verdict order", static_cast<std::uint64_t>(block));
  rng.shuffle(order);
  return order;
}

Configuration arm_configuration(const S3SchedulerOptions& options, const VerdictPlan& plan,
                                const std::string& name) {
  if (name == kWinnerArm) return options.space.complete(plan.winner);
  for (const Arm& arm : options.arms)
    if (arm.name == name) return arm.configuration;
  throw Error(ErrorCode::Corrupted, "the journal plans a verdict with '" + name +
                                        "', a row that this experiment does not have");
}

std::int64_t verdict_downloads(const S3SchedulerOptions& options, int blocks) {
  return static_cast<std::int64_t>(options.arms.size() + 1) * blocks;
}

int reserved_blocks(const S3SchedulerOptions& options) {
  if (!options.max_bytes) return options.wanted_blocks;
  const std::int64_t downloads = *options.max_bytes / options.object_size;
  const double most = options.most_verdict_share * static_cast<double>(downloads) /
                      static_cast<double>(verdict_downloads(options, 1));
  return static_cast<int>(std::min(most, static_cast<double>(options.wanted_blocks)));
}

bool affordable(const S3SchedulerOptions& options, std::int64_t downloads) {
  return !options.max_bytes || downloads <= *options.max_bytes / options.object_size;
}

}  // namespace skipjack::s3tune
