// Joins the parts: store, journal, method, backend, loop. All the order in it is about failing
// early: what can be known to be wrong is said before an experiment exists, and a resume changes
// nothing before it runs.
#include "skipjack/study/tuning.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <thread>

#include "skipjack/backend/in_process.h"
#include "skipjack/backend/local_process.h"
#include "skipjack/backend/processors.h"
#include "skipjack/backend/slurm.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/method/method.h"
#include "skipjack/study/snapshot.h"

namespace skipjack {
namespace {

namespace fs = std::filesystem;

/// What the backends take; here to be said in the definition's words.
constexpr int kMaxLocalWorkers = 4096, kMaxSlurmWorkers = 100000;

ArgumentStyle argument_style(const TuningDefinition& definition) {
  const ProgramDefinition& program = definition.program;
  std::vector<std::string> optional_names;
  for (const Condition& condition : definition.space.conditions())
    optional_names.push_back(condition.parameter);
  switch (program.pass_by) {
    case PassBy::Arguments:
      return AsArguments{};
    case PassBy::JsonFile:
      return AsJsonFile{};
    case PassBy::Template:
      return AsTemplate{.arguments = program.argument_template,
                        .optional_names = std::move(optional_names)};
  }
  check_failed("a known way to pass arguments", __FILE__, __LINE__);
}

/// As it is kept: the objectives before other metrics, since the first metric is what people are
/// shown, and paths that mean the same from wherever it is resumed.
TuningDefinition as_stored(TuningDefinition definition) {
  put_objectives_first(definition.metrics);
  ProgramDefinition& program = definition.program;
  if (program.entry_point.empty()) return definition;
  program.entry_point = fs::absolute(program.entry_point).lexically_normal();
  program.working_directory = program.working_directory.empty()
                                  ? fs::current_path()
                                  : fs::absolute(program.working_directory).lexically_normal();
  return definition;
}

std::unique_ptr<Scheduler> scheduler_for(const TuningDefinition& definition,
                                         const RunOptions& run) {
  return run.make_scheduler ? run.make_scheduler(definition) : make_method_scheduler(definition);
}

std::unique_ptr<Backend> backend_for(const TuningDefinition& definition, const fs::path& folder,
                                     const RunOptions& run) {
  if (run.make_backend) return run.make_backend(definition, folder);
  return make_program_backend(definition, folder, run);
}

TunerOptions tuner_options(const TuningDefinition& definition, const RunOptions& run) {
  TunerOptions options{
      .workers = definition.workers,
      .stop = definition.stop,
      .at_end = definition.at_end,
      .max_failures = definition.max_failures,
      .max_initial_failures = run.max_initial_failures,
      .trial_time_limit = definition.trial_time_limit,
      .checkpoints = definition.checkpoints,
      .interrupt = run.interrupt,
      .stop_when = run.stop_when,
      .on_turn = run.on_turn,
      .turn_interval = run.turn_interval,
      .log = run.log,
      .environment = run.environment.is_null() ? environment_record() : run.environment,
      .clock = run.clock};
  if (!run.make_scheduler)
    options.resource_attr = resource_attr_of(definition.method, definition.method_options);
  for (const Metric& metric : definition.metrics)
    if (metric.role != MetricRole::Cost) options.required_metrics.push_back(metric.name);
  return options;
}

StoppingCriterion extended(StoppingCriterion stop, const ResumeOptions& options,
                           const History& history, Duration running_time) {
  if (options.stop) stop = *options.stop;
  if (options.add_time)
    stop.max_time =
        std::max(stop.max_time.value_or(Duration::zero()), running_time) + *options.add_time;
  if (options.add_trials)
    stop.max_trials_started = std::max(stop.max_trials_started.value_or(0),
                                       static_cast<std::int64_t>(history.trials().size())) +
                              *options.add_trials;
  validate(stop);
  return stop;
}

/// Whether an experiment that has ended may go on under stop.
bool has_budget(const StoppingCriterion& stop, const std::vector<Event>& events) {
  Progress progress(stop);
  History history;
  for (const Event& event : events) {
    history.apply(event);
    progress.apply(event, history);
  }
  return !progress.fired(history.time()) && !progress.starts_full();
}

/// Whether a trial has said anything or ended.
bool has_result(const std::vector<Event>& events) {
  return std::any_of(events.begin(), events.end(), [](const Event& event) {
    return std::holds_alternative<Reported>(event.body) ||
           std::holds_alternative<AttemptEnded>(event.body);
  });
}

/// The journal, as long as the lease is ours: looked at once a second.
class LeasedJournal final : public EventSink {
 public:
  explicit LeasedJournal(const OpenExperiment& experiment) : experiment_(experiment) {}
  void append(const std::vector<Event>& events) override {
    confirm();
    experiment_.journal->append(events);
  }
  std::optional<Duration> alive_interval() const override {
    return experiment_.journal->alive_interval();
  }
  void alive(Duration time) override {
    confirm();
    experiment_.journal->alive(time);
  }
  /// Another tuner has the experiment now, or may have it.
  bool was_taken_over() const { return was_taken_over_; }

 private:
  void confirm() {
    const auto now = std::chrono::steady_clock::now();
    if (confirmed_ && now - *confirmed_ < std::chrono::seconds(1)) return;
    try {
      experiment_.confirm_lease();
    } catch (const Error& error) {
      was_taken_over_ = true;
      if (error.code() == ErrorCode::AlreadyExists) throw;
      // A host that is cut off from the folder may have been given up, and its trials adopted.
      throw Error(
          ErrorCode::AlreadyExists,
          std::string("nobody can tell whether this tuning was taken over: ") + error.what(),
          "resume it once its folder can be read");
    }
    confirmed_ = now;
  }
  const OpenExperiment& experiment_;
  bool was_taken_over_ = false;
  std::optional<std::chrono::steady_clock::time_point> confirmed_;
};

BestOf best_of(const TuningDefinition& definition, const RunOptions& run) {
  return run.best ? run.best : best_single_value(definition.metrics);
}

/// With a snapshot for readers of other hosts.
TuningResult run_in_sight(Scheduler& scheduler, Backend& backend, const OpenExperiment& experiment,
                          const std::vector<Event>& past, const BestOf& best,
                          TunerOptions options) {
  SnapshotWriter snapshot(experiment.folder, best, options);
  options.on_turn = [&, given = std::move(options.on_turn)](const Turn& turn) {
    if (given) given(turn);
    snapshot.on_turn(turn);
  };
  LeasedJournal journal(experiment);
  try {
    TuningResult result = run_tuner(scheduler, backend, journal, past, options);
    snapshot.end(result.reason, Turn{.history = result.history, .now = result.time});
    return result;
  } catch (...) {
    // The snapshot of who goes on with it stays.
    if (!journal.was_taken_over()) snapshot.end("failed", std::nullopt);
    throw;
  }
}

class MemorySink final : public EventSink {
 public:
  void append(const std::vector<Event>&) override {}
};

void require(bool holds, const std::string& message, const std::string& try_this = {}) {
  if (!holds) throw Error(ErrorCode::InvalidArgument, message, try_this);
}

void validate_processors(const ProgramDefinition& program, int workers) {
  if (program.cpus.empty()) return;
  require(program.cpus_per_trial >= 1,
          "cpus_per_trial = " + std::to_string(program.cpus_per_trial) + " must be >= 1");
  require(static_cast<std::int64_t>(workers) * program.cpus_per_trial <=
              static_cast<std::int64_t>(program.cpus.size()),
          "workers = " + std::to_string(workers) +
              " with cpus_per_trial = " + std::to_string(program.cpus_per_trial) +
              " need more than the " + std::to_string(program.cpus.size()) + " cpus given",
          "name more cpus, or run fewer trials at a time");
  std::set<int> named;
  for (const int cpu : program.cpus)
    require(named.insert(cpu).second, "cpus names processor " + std::to_string(cpu) + " twice");
  if (const std::vector<int> unusable = unusable_processors(program.cpus); !unusable.empty())
    require(false,
            "cpus names processor " + std::to_string(unusable.front()) +
                ", which does not exist or may not be used here",
            "'nproc --all' counts them from 0; containers and job managers may allow fewer");
}

/// The processors of each of the slots.
std::vector<std::vector<int>> processor_slots(const ProgramDefinition& program, int workers) {
  std::vector<std::vector<int>> slots;
  if (program.cpus.empty()) return slots;
  for (auto first = program.cpus.begin(); workers > 0; --workers, first += program.cpus_per_trial)
    slots.emplace_back(first, first + program.cpus_per_trial);
  return slots;
}

}  // namespace

void put_objectives_first(std::vector<Metric>& metrics) {
  std::stable_partition(metrics.begin(), metrics.end(),
                        [](const Metric& metric) { return metric.role == MetricRole::Objective; });
}

void validate(const TuningDefinition& definition) {
  require(!definition.metrics.empty(), "metrics is empty: name at least one");
  std::set<std::string> names;
  for (const Metric& metric : definition.metrics) {
    require(!metric.name.empty(), "a metric has an empty name");
    require(names.insert(metric.name).second, "metric '" + metric.name + "' is named twice");
    require(std::isfinite(metric.bound),
            "the bound of constraint '" + metric.name + "' must be a finite number");
  }
  require(definition.workers >= 1,
          "workers = " + std::to_string(definition.workers) + " must be >= 1");
  require(!definition.max_failures || *definition.max_failures >= 0, "max_failures must be >= 0");
  require(!definition.trial_time_limit || *definition.trial_time_limit > Duration::zero(),
          "trial_time_limit must be more than 0 s");
  validate(definition.stop);
  validate(definition.checkpoints);
  if (definition.points_to_evaluate)
    for (const Configuration& point : *definition.points_to_evaluate)
      definition.space.complete(point);
  const ProgramDefinition& program = definition.program;
  require(program.grace >= Duration::zero(),
          "grace = " + format_duration(program.grace) + " must be >= 0 s");
  if (program.entry_point.empty()) return;
  const int most = program.slurm ? kMaxSlurmWorkers : kMaxLocalWorkers;
  require(definition.workers <= most, "workers = " + std::to_string(definition.workers) +
                                          " must be at most " + std::to_string(most));
  require(!program.slurm || (program.gpus.empty() && program.cpus.empty()),
          "gpus and cpus name those of this machine, and trials are to run on Slurm's",
          "say how many a trial needs with slurm_gpus and slurm_cpus");
  require(program.gpus.empty() ||
              static_cast<std::int64_t>(definition.workers) * program.gpus_per_trial <=
                  static_cast<std::int64_t>(program.gpus.size()),
          "workers = " + std::to_string(definition.workers) +
              " with gpus_per_trial = " + std::to_string(program.gpus_per_trial) +
              " need more than the " + std::to_string(program.gpus.size()) + " gpus given");
  validate_processors(program, definition.workers);
  std::error_code error;
  if (!fs::exists(program.entry_point, error))
    throw Error(ErrorCode::NotFound,
                "the entry point '" + program.entry_point.string() + "' does not exist",
                "check the path; relative ones count from the current directory");
  require(!fs::is_directory(program.entry_point, error),
          "the entry point '" + program.entry_point.string() + "' is a folder");
}

std::unique_ptr<Scheduler> make_method_scheduler(const TuningDefinition& definition) {
  return make_scheduler(
      definition.method,
      {.space = definition.space,
       .metrics = definition.metrics,
       .seed = definition.seed,
       .points_to_evaluate = definition.points_to_evaluate
                                 ? *definition.points_to_evaluate
                                 : standard_start(definition.space, definition.sources),
       .sources = definition.sources,
       .max_resource_attr = definition.program.max_resource_attr,
       .options = definition.method_options});
}

namespace {

/// What every backend that runs programs is told.
template <class Options>
Options program_options(const TuningDefinition& definition, const fs::path& folder,
                        const RunOptions& run) {
  const ProgramDefinition& program = definition.program;
  Options options{.entry_point = program.entry_point, .folder = folder / "trials"};
  if (!program.interpreter.empty()) {
    if (program.entry_point.extension() == ".py")
      options.interpreter = program.interpreter;
    else
      options.command_prefix = program.interpreter;
  }
  if (!program.working_directory.empty()) options.working_directory = program.working_directory;
  options.arguments = argument_style(definition);
  options.max_resource_attr = program.max_resource_attr;
  options.capacity = definition.workers;
  options.grace_period = program.grace;
  for (const auto& [name, value] : program.environment)
    options.environment.emplace_back(name, value);
  options.clock = run.clock;
  options.log = run.log;
  return options;
}

std::unique_ptr<Backend> make_slurm_program_backend(const TuningDefinition& definition,
                                                    const fs::path& folder, const RunOptions& run) {
  auto options = program_options<SlurmOptions>(definition, folder, run);
  options.job = *definition.program.slurm;
  options.experiment = folder.filename().string();
  return make_slurm_backend(std::move(options));
}

}  // namespace

std::unique_ptr<Backend> make_program_backend(const TuningDefinition& definition,
                                              const fs::path& folder, const RunOptions& run) {
  const ProgramDefinition& program = definition.program;
  if (program.entry_point.empty())
    throw Error(ErrorCode::InvalidArgument, "entry_point is empty: there is no program to tune");
  if (program.slurm) return make_slurm_program_backend(definition, folder, run);
  auto options = program_options<LocalProcessOptions>(definition, folder, run);
  options.gpus = program.gpus;
  options.gpus_per_trial = program.gpus_per_trial;
  options.cpu_sets = processor_slots(program, definition.workers);
  options.supervisor = run.supervisor;
  return make_local_process_backend(std::move(options));
}

TuningResult start_tuning(const ExperimentStore& store, const std::string& name,
                          const TuningDefinition& given, const RunOptions& options) {
  validate_experiment_name(name);
  validate(given);
  const TuningDefinition definition = as_stored(given);
  const std::unique_ptr<Scheduler> scheduler = scheduler_for(definition, options);
  OpenExperiment experiment =
      store.create(name, to_json(definition), options.clock->unix_time(), options.durability);
  std::unique_ptr<Backend> backend;
  // Nothing has run: the name is free again. The lease goes first, since remove() takes it.
  const auto undo = [&] {
    backend.reset();
    experiment.journal.reset();
    experiment.lease.reset();
    store.remove(name);
  };
  try {
    backend = backend_for(definition, experiment.folder, options);
  } catch (...) {
    undo();
    throw;
  }
  try {
    return run_in_sight(*scheduler, *backend, experiment, {}, best_of(definition, options),
                        tuner_options(definition, options));
  } catch (const Error& error) {
    // Such as constraints that nothing satisfies, found out when the first trial was to start.
    if (error.code() == ErrorCode::InvalidArgument &&
        !has_result(experiment.journal->read_events()))
      undo();
    throw;
  }
}

TuningResult resume_tuning(const ExperimentStore& store, const std::string& name,
                           const ResumeOptions& options) {
  const OpenExperiment experiment = store.open(name, options.run.durability);
  TuningDefinition definition = read_definition(experiment.journal->header());
  const std::vector<Event> events = experiment.journal->read_events();
  const History history = fold(events);
  const Json stored_stop = to_json(definition.stop);
  const Duration running_time = experiment.journal->running_time();
  definition.stop = extended(definition.stop, options, history, running_time);
  const bool changed = to_json(definition.stop) != stored_stop;
  // Whether a criterion of the caller's own would still go on, only it knows.
  const bool given_more = changed || options.run.stop_when;
  if (experiment_status(events) == ExperimentStatus::Finished &&
      !(given_more && has_budget(definition.stop, events)))
    return TuningResult{.history = history, .reason = kAlreadyFinished, .time = history.time()};
  if (!options.run.make_backend) validate(definition);
  const std::unique_ptr<Scheduler> scheduler = scheduler_for(definition, options.run);
  const std::unique_ptr<Backend> backend = backend_for(definition, experiment.folder, options.run);
  if (changed) experiment.journal->set_definition(to_json(definition));
  TunerOptions tuner = tuner_options(definition, options.run);
  tuner.reached = running_time;
  return run_in_sight(*scheduler, *backend, experiment, events, best_of(definition, options.run),
                      tuner);
}

TuningDefinition read_definition(const JournalHeader& header) {
  try {
    return tuning_definition_from_json(header.definition);
  } catch (const Error& e) {
    throw Error(ErrorCode::Corrupted,
                "experiment '" + header.name + "' has a definition that can't be read: " + e.what(),
                "it may be from another version of skipjack");
  }
}

ExperimentStatus experiment_status(const std::vector<Event>& events) {
  if (events.empty()) return ExperimentStatus::Empty;
  const auto* ended = std::get_if<RunEnded>(&events.back().body);
  if (!ended) return ExperimentStatus::Unfinished;
  if (ended->reason == "interrupted") return ExperimentStatus::Interrupted;
  return ended->reason == "failed" ? ExperimentStatus::Failed : ExperimentStatus::Finished;
}

std::string_view to_string(ExperimentStatus status) {
  switch (status) {
    case ExperimentStatus::Empty:
      return "empty";
    case ExperimentStatus::Unfinished:
      return "unfinished";
    case ExperimentStatus::Interrupted:
      return "interrupted";
    case ExperimentStatus::Failed:
      return "failed";
    case ExperimentStatus::Finished:
      return "finished";
  }
  check_failed("a known status", __FILE__, __LINE__);
}

Json environment_record() {
  struct utsname names {};
  ::uname(&names);
  return Json::Object{
      {"host", std::string_view(names.nodename)},
      {"cores", static_cast<std::int64_t>(std::thread::hardware_concurrency())},
      {"kernel", std::string(names.sysname) + " " + names.release},
      {"machine", std::string_view(names.machine)},
      {"skipjack", SKIPJACK_VERSION},
  };
}

History fold(const std::vector<Event>& events) {
  History history;
  for (const Event& event : events) history.apply(event);
  return history;
}

TuningResult tune(const TuningDefinition& definition, const Objective& objective,
                  const RunOptions& options) {
  validate(definition);
  const std::unique_ptr<Scheduler> scheduler = scheduler_for(definition, options);
  const std::unique_ptr<Backend> backend =
      make_in_process_backend({.function =
                                   [&](const Configuration& configuration, Reporter& reporter) {
                                     Json metrics{Json::Object{}};
                                     for (const auto& [name, value] : objective(configuration))
                                       metrics.set(name, value);
                                     reporter.report(std::move(metrics));
                                   },
                               .capacity = definition.workers,
                               .clock = options.clock});
  MemorySink sink;
  return run_tuner(*scheduler, *backend, sink, {}, tuner_options(definition, options));
}

}  // namespace skipjack
