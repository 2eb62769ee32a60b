// skipjack tune and skipjack resume: flags and files to a definition, the tuning itself, what it
// found.
#include <algorithm>
#include <memory>
#include <ostream>

#include "skipjack/backend/slurm_submit.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/file.h"
#include "skipjack/cli/commands.h"
#include "skipjack/cli/experiment_file.h"
#include "skipjack/cli/flag_text.h"
#include "skipjack/cli/s3_access.h"
#include "skipjack/cli/s3_tune_command.h"
#include "skipjack/cli/signals.h"
#include "skipjack/cli/slurm_flags.h"
#include "skipjack/cli/summary.h"
#include "skipjack/cli/tuning_progress.h"
#include "skipjack/s3tune/s3_tuning.h"
#include "skipjack/s3tune/tuning_source.h"
#include "skipjack/study/lease_options.h"
#include "skipjack/study/sources.h"
#include "skipjack/tuner/interrupt.h"

namespace skipjack::cli {
namespace {

/// Flags that are keys of an experiment file too: (flag, key, what it is, help).
enum class Takes { Text, Path, Number, Words };
struct TuneFlag {
  const char* flag;
  const char* key;
  Takes takes;
  const char* type_name;
  const char* help;
};
constexpr TuneFlag kTuneFlags[] = {
    {"--entry-point", "entry_point", Takes::Path, "FILE",
     "program of a trial: a .py or anything executable"},
    {"--space", "space", Takes::Path, "FILE", "search space, YAML or JSON (docs/search-space.md)"},
    {"--metric", "metric", Takes::Text, "NAME", "what the program reports and the tuning looks at"},
    {"--mode", "mode", Takes::Text, "min|max", "which way is better; default min"},
    {"--metric-kind", "metric_kind", Takes::Text, "plain|time",
     "time: seconds of the thing measured; default plain"},
    {"--method", "method", Takes::Text, "NAME", "how to search; default bayesopt"},
    {"--workers", "workers", Takes::Number, "N", "trials at the same time; default 1"},
    {"--max-time", "max_time", Takes::Text, "DURATION",
     "end after this much running time, such as 30s or 2h"},
    {"--max-trials", "max_trials", Takes::Number, "N", "start no more trials than this"},
    {"--max-trials-completed", "max_trials_completed", Takes::Number, "N",
     "end after so many trials with exit code 0"},
    {"--max-trials-finished", "max_trials_finished", Takes::Number, "N",
     "end after so many trials, failed ones included"},
    {"--max-reports", "max_reports", Takes::Number, "N", "end after so many reports"},
    {"--max-cost", "max_cost", Takes::Number, "X", "end once the cost metric sums up to this"},
    {"--cost-metric", "cost_metric", Takes::Text, "NAME", "default st_worker_cost"},
    {"--target", "target", Takes::Number, "X", "end once the metric is this good"},
    {"--max-failures", "max_failures", Takes::Number, "N",
     "end once more trials than this failed; default: never, but if the first five all fail"},
    {"--at-end", "at_end", Takes::Text, "stop|wait",
     "what becomes of running trials at the end; default stop"},
    {"--trial-time-limit", "trial_time_limit", Takes::Text, "DURATION",
     "a trial that runs longer has failed"},
    {"--max-checkpoints", "max_checkpoints", Takes::Number, "N",
     "of trials that don't run; those least likely to be needed go; default: all are kept"},
    {"--points-to-evaluate", "points_to_evaluate", Takes::Path, "FILE",
     "configurations to begin with, a JSON or YAML list; default: the middle of the space"},
    {"--warm-start-from", "warm_start_from", Takes::Text, "NAME,...",
     "earlier experiments to begin from and to learn from (docs/transfer.md)"},
    {"--interpreter", "interpreter", Takes::Words, "COMMAND",
     "runs the entry point; default python3 for .py"},
    {"--template", "template", Takes::Words, "ARGUMENTS",
     "the program's arguments, such as '--lr={lr} {act}'"},
    {"--pass-by", "pass_by", Takes::Text, "HOW",
     "arguments (--name value, the default), json_file or template"},
    {"--max-resource-attr", "max_resource_attr", Takes::Text, "NAME",
     "constant of the space with the most resource"},
    {"--working-directory", "working_directory", Takes::Path, "DIR",
     "where trials run; default: here"},
    {"--grace", "grace", Takes::Text, "DURATION",
     "from the request to end to the kill; default 5s"},
    {"--gpus", "gpus", Takes::Words, "IDS", "GPUs to hand out, such as '0 1 2 3'"},
    {"--gpus-per-trial", "gpus_per_trial", Takes::Number, "N", "default 1"},
    {"--cpus", "cpus", Takes::Words, "LIST",
     "processors to bind trials to, such as 0-3,8; default: none"},
    {"--cpus-per-trial", "cpus_per_trial", Takes::Number, "N", "default 1"},
    {"--seed", "seed", Takes::Number, "N", "default 0"},
    {"--name", "name", Takes::Text, "NAME",
     "of the experiment; default: the program's and the time"},
};

struct TuneFlags {
  std::string file;
  /// One for each of kTuneFlags; unset if not given.
  std::vector<std::optional<std::string>> values =
      std::vector<std::optional<std::string>>(std::size(kTuneFlags));
  std::vector<std::string> environment, method_options, objectives, constraints;
  std::string submit_options;
  SlurmFlags slurm;
  bool quiet = false, survive_power_loss = false, delete_checkpoints = false, submit = false;
};

Experiment experiment_of(const TuneFlags& flags) {
  Json experiment = Json::Object{};
  if (!flags.file.empty()) {
    const std::filesystem::path file = flags.file;
    const std::string text = read_file(file);
    try {
      experiment = experiment_from_yaml(text, std::filesystem::absolute(file).parent_path());
    } catch (const Error& error) {
      throw Error(error.code(), flags.file + ": " + error.what(), error.try_this());
    }
  }
  for (std::size_t i = 0; i < std::size(kTuneFlags); ++i) {
    if (!flags.values[i]) continue;
    const TuneFlag& flag = kTuneFlags[i];
    const std::string& text = *flags.values[i];
    if (std::string_view(flag.key) == "space")
      experiment.set(flag.key, Json::Object{{"file", text}});
    else if (flag.takes == Takes::Path)
      experiment.set(flag.key, std::filesystem::absolute(text).string());
    else if (flag.takes == Takes::Number)
      experiment.set(flag.key, number_flag(flag.flag, text));
    else
      experiment.set(flag.key, text);
    if (std::string_view(flag.key) == "entry_point") experiment.set("program", nullptr);
  }
  put_slurm_keys(flags.slurm, experiment);
  const auto set_list = [&](const char* key, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    Json::Array list;
    for (const std::string& text : texts) list.emplace_back(text);
    experiment.set(key, std::move(list));
  };
  if (flags.delete_checkpoints) experiment.set("delete_checkpoints", true);
  set_list("objectives", flags.objectives);
  set_list("constraints", flags.constraints);
  if (!flags.environment.empty())
    experiment.set("environment", assignments("--env", flags.environment, AssignedValues::Text));
  if (!flags.method_options.empty())
    experiment.set("method_options",
                   assignments("--method-option", flags.method_options, AssignedValues::Json));
  return experiment_from_json(experiment);
}

bool ends_by_itself(const TuningDefinition& definition) {
  const StoppingCriterion& stop = definition.stop;
  return stop.max_time || stop.max_reports || stop.max_trials_started ||
         stop.max_trials_completed || stop.max_trials_finished || stop.max_cost ||
         !stop.min_metric_value.empty() || !stop.max_metric_value.empty() || stop.plateau ||
         definition.space.cardinality();
}

/// Prints what the tuning found; a tuning without any value is an error of its own.
int conclude(Context& context, const ExperimentStore& store, const std::string& name,
             const TuningDefinition& definition, const TuningResult& result) {
  write_output(context, "-", summary_text(context, store, name, definition, result));
  if (result.reason == "interrupted") return kExitInterrupted;
  if (result.reason == "max_failures") return kExitFailure;
  const Metric& metric = definition.metrics.at(0);
  const auto& trials = result.history.trials();
  const bool any_value = std::any_of(trials.begin(), trials.end(), [&](const Trial& trial) {
    return measured_value(trial, metric).has_value();
  });
  if (any_value) return kExitOk;
  std::string why;
  if (!trials.empty() && trials.back().end) {
    const std::string failure = failure_text(trials.back());
    why = "; trial " + std::to_string(trials.back().id) + ": " +
          (failure.empty() ? "its '" + metric.name + "' is not finite" : failure);
  }
  throw Error(ErrorCode::Exhausted,
              "no trial gave a number for '" + metric.name + "' (" +
                  trials_sentence(result.history) + ")" + why,
              "look at " + (store.folder(name) / "trials").string());
}

enum class ProgressShown { No, Yes };

/// What tune and resume have in common: signals, progress, notes of the library.
struct Watched {
  Watched(Context& context, const TuningDefinition& definition, ProgressShown shown,
          const std::string& greeting = {})
      : progress(context, definition, greeting), signals([this] { interrupt.request(); }) {
    options.interrupt = &interrupt;
    // Who says how many may fail expects them, at the beginning too.
    if (definition.max_failures) options.max_initial_failures = std::nullopt;
    if (shown == ProgressShown::Yes) {
      options.on_turn = [this](const Turn& turn) { progress.on_turn(turn); };
      options.turn_interval = progress_interval(context);
    }
    options.log = [&context](LogLevel level, std::string_view message) {
      if (level == LogLevel::Warning)
        context.err << "skipjack: " + one_line(message) + "\n" << std::flush;
    };
  }
  Interrupt interrupt;
  TuningProgress progress;
  SignalWatch signals;
  RunOptions options;
};

/// The same command once more, as a job of Slurm's.
int submit_tuner(const TuneFlags& flags, Context& context, const ExperimentStore& store,
                 const std::string& name, const TuningDefinition& definition) {
  if (std::error_code ignored; std::filesystem::exists(store.folder(name), ignored))
    throw Error(ErrorCode::AlreadyExists, "experiment '" + name + "' exists already",
                "choose another name, or resume or remove that one");
  std::error_code error;
  if (std::filesystem::create_directories(store.root(), error); error)
    throw errno_error(error.value(), "can't make the folder " + store.root().string());
  const std::string program = own_program().string();
  SlurmProgram job{
      .name = "skipjack-tuner-" + name,
      .exists = store.folder(name),
      .command_if_exists = {program, "resume", name, "--experiments-dir", store.root().string()},
      .working_directory = std::filesystem::current_path(),
      .output = store.root() / (name + ".tuner.log")};
  job.command = context.arguments;
  job.command.at(0) = program;
  for (const std::string& argument : {std::string("--no-submit"), std::string("--name"), name,
                                      std::string("--experiments-dir"), store.root().string()})
    job.command.push_back(argument);
  if (definition.program.slurm) {
    job.job.partition = definition.program.slurm->partition;
    job.job.account = definition.program.slurm->account;
  }
  job.job.extra = split_words(flags.submit_options);
  const std::int64_t number = submit_program(job);
  write_output(context, "-",
               "experiment " + name + ": its tuner is job " + std::to_string(number) +
                   "; follow it with " + command_line(context, "watch " + name) +
                   "\nits words: " + job.output.string() + "\n");
  return kExitOk;
}

int tune(const TuneFlags& flags, Context& context) {
  Experiment experiment = experiment_of(flags);
  TuningDefinition& definition = experiment.definition;
  validate(definition);
  if (!ends_by_itself(definition))
    throw Error(ErrorCode::InvalidArgument,
                "nothing ends this tuning: the space is infinite and no limit is given",
                "add --max-time or --max-trials");
  const ExperimentStore store(experiments_folder(context), lease_options(context.environment));
  definition.sources = read_sources(store, experiment.warm_start_from, definition.metrics.front(),
                                    definition.space, s3tune::tuning_source);
  const std::string name =
      !experiment.name.empty()
          ? experiment.name
          : default_experiment_name(definition.program.entry_point.stem().string(),
                                    system_clock().unix_time());
  validate_experiment_name(name);
  if (flags.submit) return submit_tuner(flags, context, store, name, definition);

  const std::string greeting = "experiment " + name + ": " + definition.method + " over " +
                               count_of(std::ssize(definition.space.searched()), "parameter") +
                               ", " + count_of(definition.workers, "worker") +
                               "; Ctrl-C ends it with its results";
  Watched watched(context, definition, flags.quiet ? ProgressShown::No : ProgressShown::Yes,
                  greeting);
  if (flags.survive_power_loss) watched.options.durability = Durability::PowerLoss;
  const TuningResult result = start_tuning(store, name, definition, watched.options);
  watched.progress.finish();
  return conclude(context, store, name, definition, result);
}

struct ResumeFlags {
  std::string name, max_time, max_trials;
  S3KeyFlags keys;
  bool quiet = false, survive_power_loss = false;
};

/// "+X" adds to what was used, "X" replaces the limit.
void take_limits(const ResumeFlags& flags, const TuningDefinition& definition,
                 ResumeOptions& options) {
  StoppingCriterion stop = definition.stop;
  if (flags.max_time.starts_with('+'))
    options.add_time = duration_flag("--max-time", flags.max_time.substr(1));
  else if (!flags.max_time.empty())
    stop.max_time = duration_flag("--max-time", flags.max_time);
  if (!flags.max_trials.empty()) {
    const bool is_added = flags.max_trials.starts_with('+');
    const auto number = try_parse_json(is_added ? flags.max_trials.substr(1) : flags.max_trials);
    if (!number || !number->is_int() || number->as_int() < 1)
      throw Error(ErrorCode::InvalidArgument,
                  "--max-trials = '" + flags.max_trials + "' must be a whole number >= 1",
                  "write --max-trials +10 for ten more, --max-trials 50 for fifty in all");
    if (is_added)
      options.add_trials = number->as_int();
    else
      stop.max_trials_started = number->as_int();
  }
  const bool is_replaced = (!flags.max_time.empty() && !options.add_time) ||
                           (!flags.max_trials.empty() && !options.add_trials);
  if (is_replaced) options.stop = stop;
}

int resume(const ResumeFlags& flags, Context& context) {
  const ExperimentStore store(experiments_folder(context), lease_options(context.environment));
  const StoredExperiment experiment = read_experiment(store, flags.name);
  ResumeOptions options;
  take_limits(flags, experiment.definition, options);
  const bool is_given_more = !flags.max_time.empty() || !flags.max_trials.empty();
  if (is_given_more || experiment_status(experiment.events) != ExperimentStatus::Finished)
    take_keys_of_resume(context, flags.keys, flags.name, experiment.definition);
  Watched watched(context, experiment.definition,
                  flags.quiet ? ProgressShown::No : ProgressShown::Yes);
  options.run = watched.options;
  if (flags.survive_power_loss) options.run.durability = Durability::PowerLoss;
  if (s3tune::is_s3_tuning(experiment.definition))
    return resume_s3_tune(context, store, flags.name, experiment.definition, options);

  const TuningResult result = resume_tuning(store, flags.name, options);
  watched.progress.finish();
  if (result.reason == kAlreadyFinished) {
    write_output(context, "-",
                 "experiment " + flags.name +
                     " has finished already: " + trials_sentence(result.history) + "; go on with " +
                     command_line(context, "resume " + flags.name + " --max-time +60s") +
                     " or --max-trials +10\n");
    return kExitOk;
  }
  return conclude(context, store, flags.name, experiment.definition, result);
}

}  // namespace

void add_tune(CLI::App& app, Context& context) {
  const auto flags = std::make_shared<TuneFlags>();
  CLI::App& command = *app.add_subcommand("tune", "Search for the best configuration of a program");
  command.add_option("file", flags->file, "experiment.yaml; flags go before what it says")
      ->type_name("FILE");
  for (std::size_t i = 0; i < std::size(kTuneFlags); ++i)
    command.add_option(kTuneFlags[i].flag, flags->values[i], kTuneFlags[i].help)
        ->type_name(kTuneFlags[i].type_name);
  add_slurm_flags(command, flags->slurm);
  command
      .add_option("--objective", flags->objectives,
                  "instead of --metric, one of several: NAME, or 'NAME max'; to be repeated")
      ->type_name("NAME")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command
      .add_option("--constraint", flags->constraints,
                  "what has to hold of a metric, such as 'memory <= 512'; may be repeated")
      ->type_name("TEXT")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command
      .add_option("--method-option", flags->method_options,
                  "NAME=VALUE for the method; may be repeated")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command
      .add_option("--env", flags->environment,
                  "NAME=VALUE for the trials' environment; may be repeated")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_flag("--delete-checkpoints", flags->delete_checkpoints,
                   "of ended trials, the best one's too, once nothing needs them any more");
  command.add_flag("--submit,!--no-submit", flags->submit,
                   "run the tuner itself as a Slurm job, and return (docs/slurm.md)");
  command
      .add_option("--submit-options", flags->submit_options,
                  "options of sbatch for the tuner's job, such as '--time=2-0'")
      ->type_name("OPTIONS");
  command.add_flag("--survive-power-loss", flags->survive_power_loss,
                   "sync the journal to the disk at every turn");
  command.add_flag("--quiet,-q", flags->quiet, "no progress, only the summary");
  command.footer(
      "'skipjack methods' lists the methods, 'skipjack methods NAME' explains one with its "
      "options.\n"
      "Keys of FILE are the flags with _ for -, and `stop`, `method_options`, `environment` as "
      "maps (docs/cli.md).");
  on_choice(command, context, flags, tune);
}

void add_resume(CLI::App& app, Context& context) {
  const auto flags = std::make_shared<ResumeFlags>();
  CLI::App& command = *app.add_subcommand(
      "resume", "Go on with an experiment that was interrupted, or give it more");
  command.add_option("name", flags->name, "the experiment")->required()->type_name("NAME");
  command.add_option("--max-time", flags->max_time, "+60s: so much more; 120s: so much in all")
      ->type_name("DURATION");
  command.add_option("--max-trials", flags->max_trials, "+10: so many more; 50: so many in all")
      ->type_name("N");
  add_s3_key_flags(command, flags->keys);
  command.add_flag("--survive-power-loss", flags->survive_power_loss,
                   "sync the journal to the disk at every turn");
  command.add_flag("--quiet,-q", flags->quiet, "no progress, only the summary");
  on_choice(command, context, flags, resume);
}

}  // namespace skipjack::cli
