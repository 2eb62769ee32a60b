// Several measurements one after the other on the node that a trial runs on: a candidate beside the
// baseline, or all rows of the verdict. What is to be compared is measured in one job, so it shares
// the machine and the hour, wherever a cluster's scheduler puts it. Each step is a process of its
// own, `skipjack s3 measure` with a configuration of its own, as if it were a trial alone.
#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/s3tune/measure.h"
#include "skipjack/s3tune/node.h"

namespace skipjack::s3tune {

struct MeasuringStep {
  /// Which row it is; comes back in the reports.
  std::string arm;
  /// Unset: that of the trial.
  std::optional<Configuration> configuration = {};
};
/// Key of the steps in a trial's configuration, and of a report's arm.
inline constexpr std::string_view kSteps = "steps";
inline constexpr std::string_view kArm = "arm";

Json steps_json(const std::vector<MeasuringStep>& steps);
/// Empty for a trial without. Throws InvalidArgument.
std::vector<MeasuringStep> steps_of(const Configuration& configuration);
/// The configuration without its steps.
Configuration without_steps(const Configuration& configuration);
/// How many downloads all steps together make.
std::int64_t num_downloads(const Configuration& configuration);

struct StepsOptions {
  /// `skipjack`
  std::filesystem::path program;
  Configuration configuration;
  /// For the files that the steps read; on the node.
  std::filesystem::path folder;
  Node node;
  /// Ends the step that runs.
  std::stop_token stop;
};
/// Passes on what the steps report, with kArm and kNode; the mean that a tuning looks at is left to
/// the trial's own step. Files are downloaded into a folder of this node's own, which is gone
/// afterwards. Throws Exhausted if a step fails or reports nothing, after the other steps;
/// Cancelled.
void measure_steps(const StepsOptions& options, const ReportCallback& report);

}  // namespace skipjack::s3tune
