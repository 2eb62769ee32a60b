// The front door: a tuning as data, started, resumed, kept. The command line, the S3 tool and the
// Python binding all come in here. A program that runs elsewhere is described by ProgramDefinition;
// a C++ function is tuned by tune() in three lines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/backend/backend.h"
#include "skipjack/backend/slurm_job.h"
#include "skipjack/base/log.h"
#include "skipjack/journal/experiment_store.h"
#include "skipjack/schedule/scheduler.h"
#include "skipjack/search/warm_start.h"
#include "skipjack/space/search_space.h"
#include "skipjack/study/snapshot.h"
#include "skipjack/tuner/tuner.h"

namespace skipjack {

/// How a trial's program gets its configuration.
enum class PassBy {
  Arguments,  ///< --name value ..., in the order of the space
  JsonFile,   ///< --st_config_json_filename FILE
  Template,   ///< ProgramDefinition::argument_template with {name} replaced
};

/// A trial's program, run by local processes or as jobs of a Slurm cluster.
struct ProgramDefinition {
  /// Made absolute when the tuning is started. Empty: there is no program (another backend is
  /// given).
  std::filesystem::path entry_point;
  /// Runs entry_point; empty: python3 for a .py, nothing for the rest, which must then be
  /// executable.
  std::vector<std::string> interpreter;
  PassBy pass_by = PassBy::Arguments;
  std::vector<std::string> argument_template;
  /// Name of the constant that holds the largest resource; resuming schedulers overwrite it. Empty:
  /// none.
  std::string max_resource_attr;
  /// Where it runs; empty: the tuner's working directory when it was started.
  std::filesystem::path working_directory;
  /// Added to the tuner's own environment.
  std::vector<std::pair<std::string, std::string>> environment;
  /// Between the request to end and the kill. Range [0, inf).
  Duration grace = std::chrono::seconds(5);
  /// GPU ids to hand out, gpus_per_trial to each; empty: GPUs are not managed.
  std::vector<std::string> gpus;
  int gpus_per_trial = 1;
  /// Processors to hand out, by number, cpus_per_trial to each trial, which is bound to them:
  /// trials that run side by side then don't take time from each other. Needs workers *
  /// cpus_per_trial <= cpus.size(), no number twice. Empty, the default: trials run wherever the
  /// tuner may.
  std::vector<int> cpus;
  /// Range [1, cpus.size()]; default 1.
  int cpus_per_trial = 1;
  /// Set: each trial is a job of a Slurm cluster that asks for this; experiments must then be kept
  /// on a file system that its nodes share (backend/slurm.h). gpus and cpus above are a local
  /// machine's and must be empty then. Unset, the default: processes of this machine.
  std::optional<SlurmJob> slurm;
};

/// Everything that makes an experiment what it is; stored in its journal.
struct TuningDefinition {
  SearchSpace space;
  /// The first objective is what the method looks at. Kept with the objectives first.
  std::vector<Metric> metrics;
  /// See method/method.h.
  std::string method = "bayesopt";
  Json method_options;
  std::uint64_t seed = 0;
  /// Range [1, inf).
  int workers = 1;
  StoppingCriterion stop;
  AtEnd at_end = AtEnd::StopRunning;
  std::optional<std::int64_t> max_failures;
  std::optional<Duration> trial_time_limit;
  CheckpointOptions checkpoints;
  /// Partial configurations are filled by midpoints. Unset: the midpoint of the space, if it
  /// satisfies the constraints and there are no sources. Empty: none.
  std::optional<std::vector<Configuration>> points_to_evaluate;
  /// Earlier experiments to begin from (study/sources.h); they are kept with the experiment, which
  /// needs nothing else of them.
  std::vector<SourceExperiment> sources;
  ProgramDefinition program;
  /// For whoever builds on this: what kind of experiment it is and what that needs to go on.
  Json extra;
};

/// The objectives before other metrics, each kind in its order: the first metric is what people are
/// shown. Definitions that are read or started have them so.
void put_objectives_first(std::vector<Metric>& metrics);

/// Throws InvalidArgument naming what is wrong; NotFound, PermissionDenied for a program that can't
/// be run.
void validate(const TuningDefinition& definition);
Json to_json(const TuningDefinition& definition);
/// Throws InvalidArgument.
TuningDefinition tuning_definition_from_json(const Json& json);
/// Of a stored experiment. Throws Corrupted.
TuningDefinition read_definition(const JournalHeader& header);

using SchedulerFactory = std::function<std::unique_ptr<Scheduler>(const TuningDefinition&)>;
/// folder: the experiment's; trials belong under folder / "trials".
using BackendFactory = std::function<std::unique_ptr<Backend>(const TuningDefinition&,
                                                              const std::filesystem::path& folder)>;

struct RunOptions {
  /// Empty: the method named in the definition.
  SchedulerFactory make_scheduler;
  /// Empty: make_program_backend.
  BackendFactory make_backend;
  /// May be null.
  Interrupt* interrupt = nullptr;
  /// See TunerOptions.
  std::function<bool(const Turn&)> stop_when;
  std::function<void(const Turn&)> on_turn;
  std::optional<Duration> turn_interval;
  /// What the snapshot names as the best so far. Empty: best_single_value().
  BestOf best;
  LogSink log;
  /// Recorded with each run: host, cores, kernel, versions. Null: environment_record().
  Json environment;
  Durability durability = Durability::Kill;
  /// See TunerOptions.
  std::optional<int> max_initial_failures = 5;
  /// Of local processes, see LocalProcessOptions.
  std::optional<std::filesystem::path> supervisor;
  const Clock* clock = &system_clock();
};

struct ResumeOptions {
  RunOptions run;
  /// Replaces the stored criterion.
  std::optional<StoppingCriterion> stop;
  /// Beyond what has been used so far: max_time becomes the larger of its old value and used time,
  /// plus this.
  std::optional<Duration> add_time;
  /// The same for max_trials_started.
  std::optional<std::int64_t> add_trials;
};

/// What runs when RunOptions::make_backend is empty: definition.program as local processes or Slurm
/// jobs under folder / "trials". For backends that wrap it. Throws as make_local_process_backend
/// and make_slurm_backend do.
std::unique_ptr<Backend> make_program_backend(const TuningDefinition& definition,
                                              const std::filesystem::path& folder,
                                              const RunOptions& run = {});

/// What decides when RunOptions::make_scheduler is empty: the method named in the definition. For
/// schedulers that wrap it. Throws as skipjack::make_scheduler does.
std::unique_ptr<Scheduler> make_method_scheduler(const TuningDefinition& definition);

/// Creates the experiment and runs it. Throws AlreadyExists for a name that is taken, before
/// anything runs; what validate, the store and run_tuner throw.
TuningResult start_tuning(const ExperimentStore& store, const std::string& name,
                          const TuningDefinition& definition, const RunOptions& options = {});

/// Goes on with it where its journal ends. An experiment that has ended, and was given nothing
/// more (time, trials, or a stop_when of the caller's own), is not started: reason "already
/// finished". Throws NotFound, AlreadyExists (it is running), Corrupted, Unsupported, and what
/// run_tuner throws.
TuningResult resume_tuning(const ExperimentStore& store, const std::string& name,
                           const ResumeOptions& options = {});

/// reason of a TuningResult for which nothing had to be done.
inline constexpr const char* kAlreadyFinished = "already finished";

/// How an experiment stands, from its events alone: "running" is only known to the lease.
enum class ExperimentStatus {
  Empty,       ///< nothing happened yet
  Unfinished,  ///< the last run neither ended nor was interrupted: it runs, or its tuner was killed
  Interrupted,  ///< ended by an interrupt; resume goes on
  Failed,       ///< ended by an error; resume tries again
  Finished,
};
ExperimentStatus experiment_status(const std::vector<Event>& events);
std::string_view to_string(ExperimentStatus status);

/// {"host", "cores", "kernel", "machine", "skipjack"}.
Json environment_record();

/// The folded history of events.
History fold(const std::vector<Event>& events);

/// A C++ function as the program. Called from several threads if workers > 1; what it throws makes
/// the trial fail. It returns the values of the metrics.
using Objective = std::function<std::vector<std::pair<std::string, double>>(const Configuration&)>;

/// A tuning in three lines, kept in memory only:
///   TuningDefinition definition{.space = space, .metrics = {{"loss"}}};
///   definition.stop.max_trials_started = 30;
///   TuningResult result = tune(definition, [](const Configuration& c) { return ...; });
TuningResult tune(const TuningDefinition& definition, const Objective& objective,
                  const RunOptions& options = {});

}  // namespace skipjack
