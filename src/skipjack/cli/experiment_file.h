// An experiment as people write it: flags and experiment.yaml have the same keys and meet in one
// JSON object, from which the definition of the tuning is made. Paths in a file are relative to the
// file.
//
//   entry_point: train.py            # program of a trial; "program:" is the same
//   interpreter: python3 -u          # text or list; default python3 for .py
//   template: --lr {lr} --act {act}  # how it gets its values; or pass_by: arguments | json_file
//   space: space.yaml                # or the parameters themselves
//   metric: loss
//   mode: min
//   objectives: [loss, accuracy max] # several, instead of metric and mode
//   constraints: [memory <= 512]     # of metrics that every trial reports
//   method: bayesopt
//   method_options: {...}
//   workers: 4
//   seed: 1
//   warm_start_from: [eu, us]        # earlier experiments to learn from
//   max_time: 10min ... (docs/cli.md lists all)
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/base/json.h"
#include "skipjack/study/tuning.h"

namespace skipjack::cli {

/// The keys of a YAML experiment as an object. Relative paths are made absolute by folder; the
/// value of "space" is {"file": PATH} or {"text": YAML}. Throws InvalidArgument with the line for
/// text that is no YAML, with the name for unknown keys.
Json experiment_from_yaml(std::string_view text, const std::filesystem::path& folder);

/// A list of configurations, JSON or YAML. Throws InvalidArgument.
Json points_from_text(std::string_view text);

struct Experiment {
  /// Empty if none is given.
  std::string name;
  /// Names of experiments to begin from; the definition's sources are still to be read.
  std::vector<std::string> warm_start_from;
  TuningDefinition definition;
};
/// Reads the files that it names. Throws InvalidArgument naming the key, its value and what would
/// do; NotFound for missing files.
Experiment experiment_from_json(const Json& experiment);

/// What a trial asks of Slurm, by the keys backend and slurm_...; nullopt for trials on this
/// machine. Throws InvalidArgument.
std::optional<SlurmJob> slurm_job_from_json(const Json& experiment);

}  // namespace skipjack::cli
