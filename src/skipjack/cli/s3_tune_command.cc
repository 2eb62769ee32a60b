// skipjack s3 tune: look at the object, say what it will cost, run the tuning, print the verdict
// and the configuration to use.
#include "skipjack/cli/s3_tune_command.h"

#include <limits>
#include <memory>
#include <ostream>
#include <thread>

#include "skipjack/base/bytes.h"
#include "skipjack/base/file.h"
#include "skipjack/base/invalid.h"
#include "skipjack/cli/commands.h"
#include "skipjack/cli/experiment_file.h"
#include "skipjack/cli/flag_text.h"
#include "skipjack/cli/s3_access.h"
#include "skipjack/cli/s3_measure_command.h"
#include "skipjack/cli/scratch_folder.h"
#include "skipjack/cli/signals.h"
#include "skipjack/cli/slurm_flags.h"
#include "skipjack/cli/summary.h"
#include "skipjack/cli/tuned_start.h"
#include "skipjack/cli/tuning_progress.h"
#include "skipjack/method/method.h"
#include "skipjack/s3sim/profile.h"
#include "skipjack/s3sim/twin.h"
#include "skipjack/s3tune/boto3_client.h"
#include "skipjack/s3tune/client.h"
#include "skipjack/s3tune/measure.h"
#include "skipjack/s3tune/s3_scheduler.h"
#include "skipjack/s3tune/s3_tuning.h"
#include "skipjack/s3tune/s3_verdict.h"
#include "skipjack/s3tune/source.h"
#include "skipjack/s3tune/steps.h"
#include "skipjack/s3tune/tuned_profiles.h"
#include "skipjack/s3tune/tuning_source.h"
#include "skipjack/study/lease_options.h"
#include "skipjack/study/sources.h"
#include "skipjack/tuner/interrupt.h"

namespace skipjack::cli {
namespace {

struct S3TuneFlags {
  S3AccessFlags access;
  std::string object, client = "native", method = "bayesopt", start = "defaults", to = "file";
  std::string max_time, max_bytes, memory_limit = "1GiB", folder = ".", name, output,
                                   python = "python3", program;
  std::string warm_start_from;
  std::optional<std::int64_t> max_trials;
  SlurmFlags slurm;
  int repeats = 3, workers = 1;
  std::uint64_t seed = 42;
  bool json = false, quiet = false, save = false, exit_with_parent = false;
};

void note(Context& context, bool is_quiet, const std::string& text) {
  if (!is_quiet) context.err << one_line(text) + "\n" << std::flush;
}

/// The profile that a simulator names in its Server header, with its remark and its own optimum.
std::optional<s3tune::S3TuningOptions::SimulatedProfile> simulated_profile(
    const s3tune::Source& object) {
  constexpr std::string_view kSimulator = "skipjack-s3sim";
  constexpr std::string_view kBefore = "(profile ";
  if (!object.server.starts_with(kSimulator)) return std::nullopt;
  const std::size_t begin = object.server.find(kBefore);
  const std::size_t end = object.server.rfind(')');
  s3tune::S3TuningOptions::SimulatedProfile profile;
  if (begin != std::string::npos && end != std::string::npos && end > begin + kBefore.size())
    profile.name = object.server.substr(begin + kBefore.size(), end - begin - kBefore.size());
  for (const s3sim::Profile& known : s3sim::builtin_profiles())
    if (known.name == profile.name) {
      profile.remark = known.remark();
      // Of many objects it is not known.
      if (object.num_objects == 1) profile.ideal_seconds = s3sim::ideal_seconds(known, object.size);
      return profile;
    }
  s3sim::Profile unknown;
  unknown.name = profile.name;
  profile.remark = profile.name.empty()
                       ? "Measured on the embedded server without a network model: "
                         "times and gains are this machine's, not Amazon S3's."
                       : unknown.remark();
  return profile;
}

s3tune::MeasurementTarget target_of_flags(const S3TuneFlags& flags, const S3Access& access,
                                          const std::string& name) {
  s3tune::MeasurementTarget target;
  target.object = flags.object;
  target.endpoint_url = access.client.endpoint.endpoint_url;
  target.region = access.client.endpoint.region;
  target.profile = flags.access.profile;
  target.addressing_style = s3::to_string(access.client.endpoint.addressing_style);
  target.sign_requests = !flags.access.no_sign_request && !s3::is_anonymous(access.client);
  target.to = s3tune::parse_destination(flags.to);
  if (target.to == s3tune::Destination::File)
    target.folder = scratch_folder_path(flags.folder, name);
  target.memory_limit = byte_size_flag("--memory-limit", flags.memory_limit);
  target.python = flags.python;
  return target;
}

s3tune::S3TuningOptions tuning_options(const S3TuneFlags& flags) {
  s3tune::S3TuningOptions options;
  options.client = flags.client;
  options.method = flags.method;
  options.seed = flags.seed;
  options.repeats = flags.repeats;
  options.start = s3tune::parse_start_point(flags.start);
  if (!flags.max_time.empty()) options.max_time = duration_flag("--max-time", flags.max_time);
  if (!flags.max_bytes.empty()) options.max_bytes = byte_size_flag("--max-bytes", flags.max_bytes);
  options.max_trials = flags.max_trials;
  if (!options.max_time && !options.max_trials && !options.max_bytes)
    options.max_time = std::chrono::seconds(120);
  options.cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  options.program = own_program();
  Json keys{Json::Object{}};
  put_slurm_keys(flags.slurm, keys);
  options.slurm = slurm_job_from_json(keys);
  if (options.slurm && options.slurm->cpus) options.cores = *options.slurm->cpus;
  options.workers = flags.workers;
  return options;
}

/// What is recorded of a run. Whoever downloads from elsewhere than AWS need not wait for a
/// metadata service that is not there.
Json environment_of(const Context& context, const TuningDefinition& definition) {
  Json environment = environment_record();
  const bool is_aws = definition.extra.at("object").at("endpoint_url").as_string().empty();
  environment.set(s3tune::kNode,
                  to_json(this_node(context, is_aws ? Metadata::Ask : Metadata::Leave)));
  return environment;
}

/// If the baseline could not even be measured, that is an error, with the last words of the trial.
void require_baseline(const TuningResult& result) {
  constexpr std::string_view kFailed = "the baseline failed";
  if (!result.reason.starts_with(kFailed)) return;
  std::string said;
  for (const Trial& trial : result.history.trials())
    if (trial.status == TrialStatus::Failed && trial.end && !trial.end->error_tail.empty())
      said = ": " + trial.end->error_tail;
  throw Error(ErrorCode::Exhausted, result.reason + said,
              "try the same download with skipjack s3 get");
}

/// Times of an object that was replaced can't be compared, so there is no verdict.
void require_same_object(const TuningDefinition& definition, const TuningResult& result) {
  const Json& tuned = definition.extra.at("object");
  const s3tune::ObjectState first{tuned.at("size").as_int(), tuned.at("etag").as_string()};
  const auto found = s3tune::changed_object(result.history, first);
  if (!found) return;
  const auto text = [](const s3tune::ObjectState& state) {
    return std::to_string(state.size) + " bytes" +
           (state.etag.empty() ? "" : " and the ETag " + state.etag);
  };
  throw Error(ErrorCode::Corrupted,
              tuned.at("uri").as_string() + " changed during the tuning: it had " + text(first) +
                  ", then " + text(*found),
              "tune again with an object that stays as it is");
}

/// A client that writes other bytes than another is none to be tuned.
void require_same_bytes(const TuningResult& result) {
  const auto conflict = s3tune::content_conflict(result.history);
  if (!conflict) return;
  const auto who = [&](TrialId id, const std::string& arm) {
    return "trial " + std::to_string(id) + " (" +
           (arm.empty() ? result.history.find(id)->configuration.at("client").as_string() : arm) +
           ")";
  };
  throw Error(ErrorCode::Corrupted,
              who(conflict->other, conflict->other_arm) + " wrote other bytes than " +
                  who(conflict->first, conflict->first_arm),
              "if the object was not replaced meanwhile, one of the two clients is broken");
}

/// The endpoint that the winner is to be kept for (--save), in TuningDefinition::extra.
constexpr std::string_view kSaveFor = "save_for";

/// Where --save was given, and the verdict is new.
void save_winner(const Context& context, const TuningDefinition& definition,
                 const TuningResult& result, const s3tune::S3Verdict& verdict, const Say& say) {
  const Json* endpoint = definition.extra.find(kSaveFor);
  if (endpoint == nullptr || result.reason == kAlreadyFinished || result.reason == "interrupted" ||
      verdict.complete_blocks == 0)
    return;
  const Json& object = definition.extra.at("object");
  const Json* typical = object.find("typical_size");
  TunedOutcome outcome{.endpoint = endpoint->as_string(),
                       .object_size = (typical ? *typical : object.at("size")).as_int()};
  if (verdict.answer == s3tune::kWinnerArm)
    outcome.winner =
        s3::transfer_config_from_json(parse_json(s3tune::ready_configuration(verdict, definition)));
  save_tuned(context, outcome, say);
}

/// How to use the answer; path: of the file that holds it.
std::string use_it(const TuningDefinition& definition, const s3tune::S3Verdict& verdict,
                   const std::string& ready, const std::string& path) {
  const s3tune::Client& client = s3tune::find_client(definition.extra.at("client").as_string());
  if (client.kind != s3tune::Client::Kind::Engine)
    return ready.empty() ? "Use it:  " + std::string(client.label) +
                               " as it is; no values are faster beyond doubt\n"
                         : "Use it:\n" + ready;
  const Json& object = definition.extra.at("object");
  const std::string uri = object.at("uri").as_string();
  const std::string endpoint = object.at("endpoint_url").as_string();
  const std::string command =
      (s3tune::is_folder_uri(uri) ? "skipjack s3 cp --recursive " + uri + " ."
                                  : "skipjack s3 get " + uri) +
      (endpoint.empty() ? "" : " --endpoint-url " + endpoint);
  return "Use it:  " + command +
         (verdict.answer == s3tune::kWinnerArm ? " --config " + path + "\n" + ready
                                               : "     (no values: left to itself)\n");
}

/// Prints the verdict and keeps it, with the configuration, in the experiment's folder.
void conclude(Context& context, const ExperimentStore& store, const std::string& name,
              const TuningDefinition& definition, const TuningResult& result,
              const S3TuneFlags& flags) {
  require_baseline(result);
  require_same_object(definition, result);
  require_same_bytes(result);
  const s3tune::S3Verdict verdict = s3tune::s3_verdict(definition, result.history);
  const std::filesystem::path folder = store.folder(name);
  const s3tune::Client& client = s3tune::find_client(definition.extra.at("client").as_string());
  const std::string ready = s3tune::ready_configuration(verdict, definition);
  const std::string json = to_json_text(s3tune::to_json(verdict), JsonStyle::Indented) + "\n";
  write_file_atomically(folder / "verdict.json", json);
  const std::filesystem::path ready_path = folder / client.ready_file;
  if (!ready.empty()) write_file_atomically(ready_path, ready);
  // Last: the verdict is printed even where this can't be written.
  const auto keep = [&] {
    if (!flags.output.empty() && !ready.empty()) write_file_atomically(flags.output, ready);
    save_winner(context, definition, result, verdict,
                [&](const std::string& text) { note(context, flags.quiet, text); });
  };
  if (flags.json) {
    write_output(context, "-", json);
    return keep();
  }

  std::string text = s3tune::to_text(verdict, definition);
  if (verdict.complete_blocks > 0)
    text += "\n" + use_it(definition, verdict, ready,
                          flags.output.empty() ? ready_path.string() : flags.output);
  text += "\nReport and data: " + folder.string() + "\n  " + command_line(context, "show " + name) +
          "\n  " + command_line(context, "plot " + name + " -o best.svg") + "\n  " +
          command_line(context, "export " + name + " --format csv") + "\n";
  if (result.reason == "interrupted")
    text += "Interrupted; go on with " + command_line(context, "resume " + name) + "\n";
  write_output(context, "-", text);
  keep();
}

int exit_code_of(const TuningResult& result) {
  return result.reason == "interrupted" ? kExitInterrupted : kExitOk;
}

/// Looks for the client that is tuned, and for boto3 to stand beside ours. Returns what is to be
/// said of a row that is left out; empty if none is.
std::string find_clients(s3tune::S3TuningOptions& options, const S3TuneFlags& flags) {
  const s3tune::Client& client = s3tune::find_client(options.client);
  if (!flags.program.empty() && client.kind != s3tune::Client::Kind::Program)
    throw Error(ErrorCode::InvalidArgument,
                "--program is given, but " + std::string(client.label) + " is no program",
                client.kind == s3tune::Client::Kind::Script ? "give its interpreter as --python"
                                                            : "leave it out");
  if (client.kind == s3tune::Client::Kind::Program) {
    options.client_program = s3tune::find_program(client, flags.program);
    options.target.program = options.client_program->path;
    return {};
  }
  try {
    options.boto3 = s3tune::find_boto3(flags.python, options.program);
  } catch (const Error& error) {
    if (client.kind == s3tune::Client::Kind::Script || error.code() != ErrorCode::NotFound) throw;
    return std::string("the row of boto3 is left out: ") + error.what();
  }
  if (client.name == "boto3-crt") s3tune::require_crt(*options.boto3);
  if (client.kind == s3tune::Client::Kind::Script)
    options.client_program =
        s3tune::ClientProgram{.path = flags.python, .version = options.boto3->boto3_version};
  return {};
}

/// Whether what is found can be kept for s3 get.
void check_save(const s3tune::S3TuningOptions& options, const Context& context) {
  if (options.client != "native")
    invalid("--save is for s3 get, and " + options.client + " is tuned",
            "leave out --save or --client " + options.client);
  if (options.slurm)
    invalid("--save is for s3 get on this host, and nodes of a cluster are measured",
            "leave out --save; the verdict says what to use there");
  tuned_profiles_path(context);  // there is a place
}

/// The name given or one by the time; none that is taken.
std::string new_name(const S3TuneFlags& flags, const ExperimentStore& store,
                     const Context& context) {
  const std::string name = !flags.name.empty()
                               ? flags.name
                               : default_experiment_name("s3-tune", system_clock().unix_time());
  validate_experiment_name(name);
  if (std::filesystem::exists(store.folder(name)))
    throw Error(ErrorCode::AlreadyExists, "an experiment '" + name + "' is there already",
                "choose another --name, or remove it with " + command_line(context, "rm " + name));
  return name;
}

int tune(const S3TuneFlags& flags, Context& context) {
  if (flags.exit_with_parent) end_with_parent();
  s3tune::S3TuningOptions options = tuning_options(flags);
  (void)find_method(options.method);
  if (flags.save) check_save(options, context);
  const ExperimentStore store(experiments_folder(context), lease_options(context.environment));
  const std::string name = new_name(flags, store, context);
  const S3Access access = s3_access(flags.access, context);
  options.target = target_of_flags(flags, access, name);
  if (const auto given = given_credentials(flags.access.keys)) {
    options.keys_given_for_this_run = true;
    export_credentials(*given);
  }
  const std::string left_out = find_clients(options, flags);

  // With a bound on the bytes nothing is fetched before the first trial, and the bound is the
  // estimate.
  double rate = std::numeric_limits<double>::infinity();
  s3::Client looker(access.client);
  const s3tune::Source source = s3tune::look_at(looker, flags.object);
  if (source.size > 0 && !options.max_bytes)
    rate = s3tune::probe_rate(access.client, {.bucket = s3::parse_s3_uri(flags.object).bucket,
                                              .key = source.largest_key});
  options.profile = simulated_profile(source);
  if (!left_out.empty()) note(context, flags.quiet, "note: " + left_out);
  TuningDefinition definition = s3tune::define_s3_tuning(options, source);
  if (flags.save) definition.extra.set(kSaveFor, s3tune::endpoint_name(access.client.endpoint));
  if (!flags.warm_start_from.empty())
    definition.sources =
        read_sources(store, split_names("--warm-start-from", flags.warm_start_from),
                     definition.metrics.front(), definition.space, s3tune::tuning_source);
  const std::filesystem::path scratch_path = scratch_folder_of(definition, name);
  if (!scratch_path.empty()) remove_abandoned_scratch_folders(scratch_path.parent_path());
  const ScratchFolder scratch(scratch_path, store.folder(name));
  s3tune::check_room(options, source.size);
  note(context, flags.quiet,
       "experiment " + name + ": " + s3tune::describe(source, flags.object) + "; at most " +
           s3tune::cost_sentence(s3tune::estimate_cost(options, source, rate)));

  Interrupt interrupt;
  TuningProgress progress(context, definition);
  SignalWatch signals([&] { interrupt.request(); });
  RunOptions run;
  run.make_scheduler = s3tune::make_scheduler_of;
  run.best = best_compared(definition);
  run.interrupt = &interrupt;
  run.environment = environment_of(context, definition);
  if (!flags.quiet) {
    run.on_turn = [&](const Turn& turn) { progress.on_turn(turn); };
    run.turn_interval = progress_interval(context);
  }
  const TuningResult result = start_tuning(store, name, definition, run);
  progress.finish();
  conclude(context, store, name, definition, result, flags);
  return exit_code_of(result);
}

std::vector<std::string> names_of_clients() {
  std::vector<std::string> names;
  for (const s3tune::Client& client : s3tune::clients()) names.emplace_back(client.name);
  return names;
}

}  // namespace

void add_s3_tune(CLI::App& s3, Context& context) {
  const auto flags = std::make_shared<S3TuneFlags>();
  CLI::App& command = *s3.add_subcommand(
      "tune", "Find the configuration that downloads an object fastest from here, and prove it");
  command
      .add_option("object", flags->object,
                  "s3://bucket/key, or s3://bucket/prefix/ for everything below it")
      ->required()
      ->type_name("URI");
  command
      .add_option("--max-time", flags->max_time,
                  "end after this long, verdict included; default 120s")
      ->type_name("DURATION");
  command.add_option("--max-trials", flags->max_trials, "configurations that the search may try")
      ->type_name("N");
  command.add_option("--max-bytes", flags->max_bytes, "bytes that all downloads together may take")
      ->type_name("SIZE");
  command
      .add_option("--client", flags->client,
                  "whose values are tuned: " + s3tune::client_names() + "; default native")
      ->check(CLI::IsMember(names_of_clients()))
      ->type_name("CLIENT");
  command
      .add_option("--program", flags->program,
                  "of a client that is a program of its own; default: its name, in PATH")
      ->type_name("FILE");
  command.add_option("--method", flags->method, "one that tune --help lists; default bayesopt")
      ->type_name("NAME");
  command
      .add_option("--warm-start-from", flags->warm_start_from,
                  "earlier s3 tunings to begin from and to learn from (docs/transfer.md)")
      ->type_name("NAME,...");
  command.add_option("--repeats", flags->repeats, "downloads of each configuration; default 3")
      ->check(CLI::Range(1, 1000))
      ->type_name("N");
  command
      .add_option("--start", flags->start, "where the search begins: defaults, midpoint or random")
      ->check(CLI::IsMember({"defaults", "midpoint", "random"}))
      ->type_name("WHERE");
  command
      .add_option("--to", flags->to, "where the bytes go: file, memory or discard; default file")
      ->check(CLI::IsMember({"file", "memory", "discard"}))
      ->type_name("WHERE");
  command
      .add_option("--folder", flags->folder,
                  "where downloaded files go for a moment; default: here")
      ->type_name("DIR");
  command
      .add_option("--memory-limit", flags->memory_limit,
                  "bound on the client's buffers; default 1GiB")
      ->type_name("SIZE");
  command.add_option("--python", flags->python, "interpreter that has boto3; default python3")
      ->type_name("PROGRAM");
  command
      .add_option("--workers", flags->workers,
                  "with --backend slurm: jobs at the same time, each with a node to itself; "
                  "default 1")
      ->type_name("N");
  add_slurm_flags(command, flags->slurm);
  command.add_option("--seed", flags->seed, "default 42")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  command.add_option("--name", flags->name, "of the experiment; default: s3-tune and the time")
      ->type_name("NAME");
  command.add_option("--output,-o", flags->output, "also write the configuration to this file")
      ->type_name("FILE");
  command.add_flag("--save", flags->save,
                   "keep the values: s3 get begins with them, on this host, for this endpoint and "
                   "objects of about this size");
  command.add_flag("--json", flags->json, "print the verdict as JSON");
  command.add_flag("--quiet,-q", flags->quiet, "no progress, only the verdict");
  command.add_flag("--exit-with-parent", flags->exit_with_parent,
                   "end as at Ctrl-C when the process that started it ends");
  add_s3_access_flags(command, flags->access);
  on_choice(command, context, flags, tune);
  add_s3_measure(s3, context);
}

void take_keys_of_resume(Context& context, const S3KeyFlags& flags, const std::string& name,
                         const TuningDefinition& definition) {
  const std::optional<s3::Credentials> given = given_credentials(flags);
  if (given && !s3tune::is_s3_tuning(definition))
    throw Error(ErrorCode::InvalidArgument,
                "experiment '" + name + "' downloads nothing from S3, but --access-key is given",
                "leave it out");
  if (given) return export_credentials(*given);
  if (s3tune::needs_keys_again(definition) && !context.environment("AWS_ACCESS_KEY_ID"))
    throw Error(ErrorCode::InvalidArgument,
                "experiment '" + name +
                    "' was started with --access-key and --secret-key, which are not kept",
                "give them again, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
}

int resume_s3_tune(Context& context, const ExperimentStore& store, const std::string& name,
                   const TuningDefinition& definition, const ResumeOptions& options) {
  if (const auto holder = store.holder(name))
    throw Error(ErrorCode::AlreadyExists, "experiment '" + name + "' is running (pid " +
                                              std::to_string(holder->pid) + " on host " +
                                              holder->host + ")");
  const ScratchFolder scratch(scratch_folder_of(definition, name), store.folder(name));
  ResumeOptions resumed = options;
  resumed.run.make_scheduler = s3tune::make_scheduler_of;
  resumed.run.best = best_compared(definition);
  resumed.run.environment = environment_of(context, definition);
  const TuningResult result = resume_tuning(store, name, resumed);
  if (result.reason == kAlreadyFinished)
    write_output(context, "-",
                 "experiment " + name + " has finished already; its verdict was:\n\n");
  conclude(context, store, name, definition, result, {});
  return exit_code_of(result);
}

}  // namespace skipjack::cli
