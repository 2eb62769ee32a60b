// By the engine, by boto3's script, or by a client that is a program of its own.
#include "skipjack/cli/s3_measure_command.h"

#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/base/json.h"
#include "skipjack/cli/commands.h"
#include "skipjack/cli/s3_access.h"
#include "skipjack/cli/signals.h"
#include "skipjack/s3/aws_settings.h"
#include "skipjack/s3tune/boto3_client.h"
#include "skipjack/s3tune/client.h"
#include "skipjack/s3tune/measure.h"
#include "skipjack/s3tune/program_trial.h"
#include "skipjack/s3tune/steps.h"
#include "skipjack/s3tune/trial_reports.h"

namespace skipjack::cli {
namespace {

/// Replaces this process by the boto3 trial.
[[noreturn]] void become_boto3_trial(const std::string& python,
                                     const std::string& configuration_file) {
  const std::string script = s3tune::boto3_trial_script(own_program()).string();
  std::string arguments[] = {python, script, configuration_file};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), nullptr};
  ::execvp(argv[0], argv);
  throw errno_error(errno, "cannot start " + python);
}

/// This process's environment without what would make other clients run otherwise than they do by
/// themselves: their rows say what they are without settings.
std::vector<std::string> environment_without_client_settings() {
  std::vector<std::string> kept;
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('='));
    const bool is_theirs =
        name.starts_with("AWS_") || name.starts_with("RCLONE_") || name == "S3_ENDPOINT_URL";
    if (!is_theirs) kept.emplace_back(text);
  }
  return kept;
}

void print_report(Context& context, const Json& report) {
  write_output(context, "-", "[tune-metric]: " + to_json_text(report) + "\n");
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
  const s3tune::Client& client = s3tune::find_client(configuration.at("client").as_string());
  if (client.kind == s3tune::Client::Kind::Script)
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
  const auto report = [&](const Json& metrics) { print_report(context, metrics); };
  if (client.kind == s3tune::Client::Kind::Program) {
    s3tune::measure_program({.configuration = configuration,
                             .access = access.client,
                             .environment = environment_without_client_settings(),
                             .stop = stop.get_token()},
                            report);
    return kExitOk;
  }
  s3tune::measure_downloads(
      {.client = access.client,
       .object = target.object,
       .config = s3tune::transfer_config_of(configuration),
       .to = target.to,
       .folder = target.folder,
       .repeats = static_cast<int>(configuration.at(s3tune::kRepeats).as_int()),
       .verify = configuration.at(s3tune::kVerify).as_bool(),
       .stop = stop.get_token()},
      report);
  return kExitOk;
}

}  // namespace

s3tune::Node this_node(const Context& context, Metadata metadata) {
  const auto settings = s3::load_aws_settings(
      {.environment =
           [&context](const std::string& name) { return context.environment(name.c_str()); },
       .find_credentials = false});
  return s3tune::this_node(context.environment("SLURMD_NODENAME").value_or(""),
                           metadata == Metadata::Ask ? settings.instance.get() : nullptr);
}

void add_s3_measure(CLI::App& s3, Context& context) {
  const auto file = std::make_shared<std::string>();
  CLI::App& command = *s3.add_subcommand("measure", "The trial of s3 tune");
  command.group("");  // not shown in the help
  command.add_option("configuration", *file, "JSON file")->required()->type_name("FILE");
  on_choice(command, context, file, measure);
}

}  // namespace skipjack::cli
