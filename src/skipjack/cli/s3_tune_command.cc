// skipjack s3 tune: look at the object, say what it will cost, run the tuning, print the verdict
// and the configuration to use. And skipjack s3 measure, its trial, which nobody has to know.
#include "skipjack/cli/s3_tune_command.h"

#include <unistd.h>

#include <cerrno>
#include <limits>
#include <memory>
#include <ostream>
#include <stop_token>
#include <thread>

#include "skipjack/base/bytes.h"
#include "skipjack/base/file.h"
#include "skipjack/cli/experiment_file.h"
#include "skipjack/cli/lease_options.h"
#include "skipjack/cli/s3_access.h"
#include "skipjack/cli/scratch_folder.h"
#include "skipjack/cli/signals.h"
#include "skipjack/cli/slurm_flags.h"
#include "skipjack/cli/summary.h"
#include "skipjack/cli/tuned_start.h"
#include "skipjack/cli/tuning_progress.h"
#include "skipjack/s3/aws_settings.h"
#include "skipjack/s3sim/profile.h"
#include "skipjack/s3sim/twin.h"
#include "skipjack/s3tune/boto3_client.h"
#include "skipjack/s3tune/measure.h"
#include "skipjack/s3tune/s3_scheduler.h"
#include "skipjack/s3tune/s3_tuning.h"
#include "skipjack/s3tune/s3_verdict.h"
#include "skipjack/s3tune/steps.h"
#include "skipjack/s3tune/tuned_profiles.h"
#include "skipjack/study/sources.h"
#include "skipjack/tuner/interrupt.h"

namespace skipjack::cli {
namespace {

struct S3TuneFlags {
  S3AccessFlags access;
  std::string object, client = "native", method = "bayesopt", start = "defaults", to = "file";
  std::string max_time, max_bytes, memory_limit = "1GiB", folder = ".", name, output,
                                   python = "python3";
  std::string warm_start_from;
  std::optional<std::int64_t> max_trials;
  SlurmFlags slurm;
  int repeats = 3, workers = 1;
  std::uint64_t seed = 42;
  bool json = false, quiet = false, save = false;
};

void note(Context& context, bool is_quiet, const std::string& text) {
  if (!is_quiet) context.err << one_line(text) + "\n" << std::flush;
}

/// The profile that a simulator names in its Server header, with its remark and its own optimum.
std::optional<s3tune::S3TuningOptions::SimulatedProfile> simulated_profile(
    const s3::ObjectSummary& object) {
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
      profile.ideal_seconds = s3sim::ideal_seconds(known, object.size);
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
  options.client = s3tune::parse_tuned_client(flags.client);
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

enum class Metadata { Ask, Leave };
/// This machine; of an instance, its metadata are asked what it is.
s3tune::Node this_node(const Context& context, Metadata metadata) {
  const auto settings = s3::load_aws_settings(
      {.environment =
           [&context](const std::string& name) { return context.environment(name.c_str()); },
       .find_credentials = false});
  return s3tune::this_node(context.environment("SLURMD_NODENAME").value_or(""),
                           metadata == Metadata::Ask ? settings.instance.get() : nullptr);
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

/// The endpoint that the winner is to be kept for (--save), in TuningDefinition::extra.
constexpr std::string_view kSaveFor = "save_for";

/// Where --save was given, and the verdict is new.
void save_winner(const Context& context, const TuningDefinition& definition,
                 const TuningResult& result, const s3tune::S3Verdict& verdict, const Say& say) {
  const Json* endpoint = definition.extra.find(kSaveFor);
  if (endpoint == nullptr || result.reason == kAlreadyFinished || result.reason == "interrupted" ||
      verdict.complete_blocks == 0)
    return;
  TunedOutcome outcome{.endpoint = endpoint->as_string(),
                       .object_size = definition.extra.at("object").at("size").as_int()};
  if (verdict.answer == s3tune::kWinnerArm)
    outcome.winner = s3::transfer_config_from_json(s3tune::config_file_of(verdict));
  save_tuned(context, outcome, say);
}

/// Prints the verdict and keeps it, with the configuration, in the experiment's folder.
void conclude(Context& context, const ExperimentStore& store, const std::string& name,
              const TuningDefinition& definition, const TuningResult& result,
              const S3TuneFlags& flags) {
  require_baseline(result);
  require_same_object(definition, result);
  const s3tune::S3Verdict verdict = s3tune::s3_verdict(definition, result.history);
  const std::filesystem::path folder = store.folder(name);
  const std::string snippet = s3tune::boto3_snippet(verdict, definition);
  const bool tunes_native = definition.extra.at("client").as_string() == "native";
  const std::string config =
      to_json_text(s3tune::config_file_of(verdict), JsonStyle::Indented) + "\n";
  const std::string json = to_json_text(s3tune::to_json(verdict), JsonStyle::Indented) + "\n";
  write_file_atomically(folder / "verdict.json", json);
  const std::filesystem::path config_path =
      folder / (tunes_native ? "config.json" : "transfer_config.py");
  if (tunes_native || !snippet.empty()) {
    write_file_atomically(config_path, tunes_native ? config : snippet);
  }
  // Last: the verdict is printed even where this can't be written.
  const auto keep = [&] {
    if (!flags.output.empty() && (tunes_native || !snippet.empty()))
      write_file_atomically(flags.output, tunes_native ? config : snippet);
    save_winner(context, definition, result, verdict,
                [&](const std::string& text) { note(context, flags.quiet, text); });
  };
  if (flags.json) {
    write_output(context, "-", json);
    return keep();
  }

  std::string text = s3tune::to_text(verdict, definition);
  const std::string uri = definition.extra.at("object").at("uri").as_string();
  const std::string endpoint = definition.extra.at("object").at("endpoint_url").as_string();
  const std::string where = endpoint.empty() ? "" : " --endpoint-url " + endpoint;
  if (tunes_native && verdict.complete_blocks > 0) {
    text +=
        verdict.answer == s3tune::kWinnerArm
            ? "\nUse it:  skipjack s3 get " + uri + where + " --config " +
                  (flags.output.empty() ? config_path.string() : flags.output) + "\n" + config
            : "\nUse it:  skipjack s3 get " + uri + where + "     (no values: left to itself)\n";
  } else if (!snippet.empty()) {
    text += "\nUse it:\n" + snippet;
  } else if (verdict.complete_blocks > 0) {
    text += "\nUse it:  boto3 as it is; no TransferConfig is faster beyond doubt\n";
  }
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

int tune(const S3TuneFlags& flags, Context& context) {
  const s3::ObjectAddress object = s3::parse_s3_uri(flags.object);
  if (object.key.empty())
    throw Error(ErrorCode::InvalidArgument, "'" + flags.object + "' names no object",
                "write s3://bucket/key");
  s3tune::S3TuningOptions options = tuning_options(flags);
  if (flags.save && options.client == s3tune::TunedClient::Boto3)
    throw Error(ErrorCode::InvalidArgument, "--save is for s3 get, and boto3 is tuned",
                "leave out --save or --client boto3");
  if (flags.save && options.slurm)
    throw Error(ErrorCode::InvalidArgument,
                "--save is for s3 get on this host, and nodes of a cluster are measured",
                "leave out --save; the verdict says what to use there");
  if (flags.save) tuned_profiles_path(context);  // there is a place
  const ExperimentStore store(experiments_folder(context), lease_options(context));
  const std::string name = !flags.name.empty()
                               ? flags.name
                               : default_experiment_name("s3-tune", system_clock().unix_time());
  validate_experiment_name(name);
  if (std::filesystem::exists(store.folder(name)))
    throw Error(ErrorCode::AlreadyExists, "an experiment '" + name + "' is there already",
                "choose another --name, or remove it with " + command_line(context, "rm " + name));
  const S3Access access = s3_access(flags.access, context);
  options.target = target_of_flags(flags, access, name);
  if (const auto given = given_credentials(flags.access.keys)) {
    options.keys_given_for_this_run = true;
    export_credentials(*given);
  }

  s3::ObjectSummary summary;
  // With a bound on the bytes nothing is fetched before the first trial, and the bound is the
  // estimate.
  double rate = std::numeric_limits<double>::infinity();
  summary = s3::Client(access.client).head_object(object);
  if (summary.size > 0 && !options.max_bytes) rate = s3tune::probe_rate(access.client, object);
  options.profile = simulated_profile(summary);
  try {
    options.boto3 = s3tune::find_boto3(flags.python, options.program);
  } catch (const Error& error) {
    if (options.client == s3tune::TunedClient::Boto3 || error.code() != ErrorCode::NotFound) throw;
    note(context, flags.quiet, std::string("note: the row of boto3 is left out: ") + error.what());
  }
  TuningDefinition definition = s3tune::define_s3_tuning(options, summary);
  if (flags.save) definition.extra.set(kSaveFor, s3tune::endpoint_name(access.client.endpoint));
  if (!flags.warm_start_from.empty())
    definition.sources =
        read_sources(store, split_names("--warm-start-from", flags.warm_start_from),
                     definition.metrics.front(), definition.space);
  const std::filesystem::path scratch_path = scratch_folder_of(definition, name);
  if (!scratch_path.empty()) remove_abandoned_scratch_folders(scratch_path.parent_path());
  const ScratchFolder scratch(scratch_path, store.folder(name));
  s3tune::check_room(options, summary.size);
  note(context, flags.quiet,
       "experiment " + name + ": " + flags.object + ", " +
           format_byte_size(static_cast<double>(summary.size)) + "; at most " +
           s3tune::cost_sentence(s3tune::estimate_cost(options, summary.size, rate)));

  Interrupt interrupt;
  TuningProgress progress(context, definition);
  SignalWatch signals([&] { interrupt.request(); });
  RunOptions run;
  run.make_scheduler = s3tune::make_scheduler_of;
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

void print_report(Context& context, const Json& report) {
  write_output(context, "-", "[tune-metric]: " + to_json_text(report) + "\n");
}

/// Replaces this process by the boto3 trial.
[[noreturn]] void become_boto3_trial(const std::string& python,
                                     const std::string& configuration_file) {
  const std::string script = s3tune::boto3_trial_script(own_program()).string();
  std::string arguments[] = {python, script, configuration_file};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), nullptr};
  ::execvp(argv[0], argv);
  throw errno_error(errno, "cannot start " + python);
}

/// The job of a tuning over many nodes.
int measure_on_node(const std::string& configuration_file, const Json& configuration,
                    Context& context) {
  std::stop_source stop;
  SignalWatch signals([&stop] { stop.request_stop(); });
  s3tune::measure_steps({.program = own_program(),
                         .configuration = configuration,
                         .folder = std::filesystem::absolute(configuration_file).parent_path(),
                         .node = this_node(context, Metadata::Ask),
                         .stop = stop.get_token()},
                        [&](const Json& report) { print_report(context, report); });
  return kExitOk;
}

int measure(const std::string& configuration_file, Context& context) {
  const Json configuration = parse_json(read_file(configuration_file));
  if (configuration.find(s3tune::kSteps))
    return measure_on_node(configuration_file, configuration, context);
  const s3tune::MeasurementTarget target = s3tune::target_of(configuration);
  if (configuration.at("client").as_string() == "boto3")
    become_boto3_trial(target.python, configuration_file);
  const S3AccessFlags flags{.endpoint_url = target.endpoint_url,
                            .region = target.region,
                            .profile = target.profile,
                            .addressing_style = target.addressing_style,
                            .no_sign_request = !target.sign_requests};
  const S3Access access = s3_access(flags, context);
  std::stop_source stop;
  SignalWatch signals([&stop] { stop.request_stop(); });
  allow_many_connections();
  s3tune::measure_downloads(
      {.client = access.client,
       .object = s3::parse_s3_uri(target.object),
       .config = s3tune::transfer_config_of(configuration),
       .to = target.to,
       .folder = target.folder,
       .repeats = static_cast<int>(configuration.at(s3tune::kRepeats).as_int()),
       .stop = stop.get_token()},
      [&](const Json& report) { print_report(context, report); });
  return kExitOk;
}

void add_measure(CLI::App& s3, Context& context) {
  const auto file = std::make_shared<std::string>();
  CLI::App& command = *s3.add_subcommand("measure", "The trial of s3 tune");
  command.group("");  // not shown in the help
  command.add_option("configuration", *file, "JSON file")->required()->type_name("FILE");
  command.callback(
      [file, &context] { context.action = [file, &context] { return measure(*file, context); }; });
}

}  // namespace

void add_s3_tune(CLI::App& s3, Context& context) {
  const auto flags = std::make_shared<S3TuneFlags>();
  CLI::App& command = *s3.add_subcommand(
      "tune", "Find the configuration that downloads an object fastest from here, and prove it");
  command.add_option("object", flags->object, "s3://bucket/key")->required()->type_name("URI");
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
                  "whose values are tuned: native or boto3; default native")
      ->check(CLI::IsMember({"native", "boto3"}))
      ->type_name("CLIENT");
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
  command.add_option("--seed", flags->seed, "default 42")->type_name("N");
  command.add_option("--name", flags->name, "of the experiment; default: s3-tune and the time")
      ->type_name("NAME");
  command.add_option("--output,-o", flags->output, "also write the configuration to this file")
      ->type_name("FILE");
  command.add_flag("--save", flags->save,
                   "keep the values: s3 get begins with them, on this host, for this endpoint and "
                   "objects of about this size");
  command.add_flag("--json", flags->json, "print the verdict as JSON");
  command.add_flag("--quiet,-q", flags->quiet, "no progress, only the verdict");
  add_s3_access_flags(command, flags->access);
  command.callback(
      [flags, &context] { context.action = [flags, &context] { return tune(*flags, context); }; });
  add_measure(s3, context);
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
  resumed.run.environment = environment_of(context, definition);
  const TuningResult result = resume_tuning(store, name, resumed);
  if (result.reason == kAlreadyFinished)
    write_output(context, "-",
                 "experiment " + name + " has finished already; its verdict was:\n\n");
  conclude(context, store, name, definition, result, {});
  return exit_code_of(result);
}

}  // namespace skipjack::cli
