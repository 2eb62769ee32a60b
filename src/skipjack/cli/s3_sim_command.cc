// skipjack s3 sim: the embedded S3-compatible server, until it is told to stop.
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <ostream>

#include "skipjack/base/bytes.h"
#include "skipjack/base/file.h"
#include "skipjack/cli/commands.h"
#include "skipjack/cli/s3_access.h"
#include "skipjack/cli/signals.h"
#include "skipjack/cli/terminal.h"
#include "skipjack/s3sim/profile.h"
#include "skipjack/s3sim/server.h"

namespace skipjack::cli {
namespace {

struct SimFlags {
  std::string profile, faults, host = "127.0.0.1", folder, access_key, secret_key,
                               region = "us-east-1", duration, memory_limit;
  std::vector<std::string> objects, buckets;
  int port = 9000;
  std::uint64_t seed = 1;
  bool list_profiles = false, exit_with_parent = false, verbose = false;
};

std::string profile_table() {
  std::vector<std::vector<std::string>> rows{{"PROFILE", "WHAT IT STANDS FOR"}};
  for (const s3sim::Profile& profile : s3sim::builtin_profiles())
    rows.push_back({profile.name, profile.description});
  return aligned(rows);
}

s3sim::ServerOptions server_options(const SimFlags& flags, Context& context) {
  s3sim::ServerOptions options;
  options.host = flags.host;
  options.port = flags.port;
  if (!flags.profile.empty()) options.profile = s3sim::load_profile(flags.profile);
  if (!flags.faults.empty())
    options.faults = s3sim::fault_script_from_json(parse_json(read_file(flags.faults)));
  options.seed = flags.seed;
  options.access_key = !flags.access_key.empty()
                           ? flags.access_key
                           : context.environment("SKIPJACK_SIM_ACCESS_KEY").value_or("");
  options.secret_key = !flags.secret_key.empty()
                           ? flags.secret_key
                           : context.environment("SKIPJACK_SIM_SECRET_KEY").value_or("");
  options.region = flags.region;
  options.buckets = flags.buckets;
  for (const std::string& object : flags.objects)
    options.objects.push_back(s3sim::parse_synthetic_object(object));
  options.folder = flags.folder;
  if (!flags.memory_limit.empty())
    options.memory_limit = byte_size_flag("--memory-limit", flags.memory_limit);
  if (flags.verbose)
    options.log = [&context](LogLevel, std::string_view message) {
      context.err << one_line(message) << std::endl;
    };
  return options;
}

int sim(const SimFlags& flags, Context& context) {
  if (flags.list_profiles) {
    write_output(context, "-", profile_table());
    return kExitOk;
  }
  const bool is_limited = !flags.duration.empty();
  const Duration limit = is_limited ? duration_flag("--for", flags.duration) : Duration{0};
  std::mutex mutex;
  std::condition_variable changed;
  bool is_over = false;
  SignalWatch signals([&] {
    const std::lock_guard lock(mutex);
    is_over = true;
    changed.notify_all();
  });
  if (flags.exit_with_parent) end_with_parent();

  allow_many_connections();
  s3sim::Server server(server_options(flags, context));
  std::string greeting;
  if (!server.profile().name.empty())
    greeting =
        "profile " + server.profile().name + ": " + one_line(server.profile().description) + "\n";
  write_output(context, "-", greeting + "listening on " + server.endpoint_url() + "\n");
  {
    std::unique_lock lock(mutex);
    if (is_limited)
      changed.wait_for(lock, limit, [&] { return is_over; });
    else
      changed.wait(lock, [&] { return is_over; });
  }
  server.stop();
  const s3sim::ServerStats stats = server.stats();
  write_output(context, "-",
               "served " + std::to_string(stats.requests) + " requests and " +
                   format_byte_size(static_cast<double>(stats.body_bytes_sent)) + " over " +
                   std::to_string(stats.connections_accepted) + " connections with " +
                   format_duration(from_seconds(stats.cpu_seconds)) + " of CPU\n");
  return kExitOk;
}

}  // namespace

void add_s3_sim(CLI::App& s3, Context& context) {
  const auto flags = std::make_shared<SimFlags>();
  CLI::App& command = *s3.add_subcommand(
      "sim", "Serve objects like S3 on this machine, with a model of the network in front of them");
  command
      .add_option("--profile", flags->profile,
                  "network model: a name of --list-profiles or a JSON file; default: none, as fast "
                  "as it goes")
      ->type_name("NAME|FILE");
  command
      .add_option("--faults", flags->faults,
                  "JSON list of faults on cue, such as [{\"kind\": \"reset\", \"first\": 3}]")
      ->type_name("FILE");
  command
      .add_option("--object", flags->objects, "synthetic object, bucket/key=SIZE; may be repeated")
      ->type_name("OBJECT")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command
      .add_option("--bucket", flags->buckets, "empty bucket to put objects into; may be repeated")
      ->type_name("NAME")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--folder", flags->folder, "serve its sub-folders as buckets, read only")
      ->type_name("DIR");
  command.add_option("--port", flags->port, "0 picks a free one; default 9000")
      ->check(CLI::Range(0, 65535))
      ->type_name("PORT");
  command.add_option("--host", flags->host, "IPv4 or IPv6 address to listen on; default 127.0.0.1")
      ->type_name("ADDRESS");
  command
      .add_option("--seed", flags->seed,
                  "of the network's chances and the objects' bytes; default 1")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  command
      .add_option(
          "--access-key", flags->access_key,
          "demand signatures made with it; else SKIPJACK_SIM_ACCESS_KEY; else anybody may ask")
      ->type_name("KEY");
  command
      .add_option("--secret-key", flags->secret_key,
                  "goes with it; else SKIPJACK_SIM_SECRET_KEY, which other users of the machine "
                  "can't see in ps")
      ->type_name("KEY");
  command.add_option("--region", flags->region, "region named in answers")->type_name("NAME");
  command
      .add_option("--memory-limit", flags->memory_limit,
                  "bytes that uploaded objects may take; default 4GiB")
      ->type_name("SIZE");
  command.add_option("--for", flags->duration, "end after this long; default: at Ctrl-C")
      ->type_name("DURATION");
  command.add_flag("--exit-with-parent", flags->exit_with_parent,
                   "end when the process that started it does");
  command.add_flag("--list-profiles", flags->list_profiles, "print the network models and end");
  command.add_flag("--verbose,-v", flags->verbose, "a line for each request on standard error");
  on_choice(command, context, flags, sim);
}

}  // namespace skipjack::cli
