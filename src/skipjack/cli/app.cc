// CLI11 reads, the chosen command's action runs, one catch for everything.
#include "skipjack/cli/app.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <ostream>

#include "skipjack/cli/commands.h"

namespace skipjack::cli {
namespace {

constexpr const char* kFooter =
    "Experiments are kept in --experiments-dir, else $SKIPJACK_HOME, else $XDG_DATA_HOME/skipjack, "
    "else\n"
    "~/.local/share/skipjack.\n"
    "Exit codes: 0 done, 1 failed, 2 bad flags or values, 3 not found, 4 exists already or is "
    "running,\n"
    "5 permission denied, 6 disk or other I/O, 7 network, 8 corrupted or changed data, 9 "
    "unsupported,\n"
    "10 timed out, 11 used up (no trial gave a value), 130 interrupted.";

void describe(CLI::App& app, Context& context) {
  app.name("skipjack");
  app.description(
      "Finds the fastest configuration of anything that can be run, and first of all of S3 "
      "downloads.");
  app.footer(kFooter);
  app.set_version_flag("--version,-V", "skipjack " SKIPJACK_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  // Flags may be given twice, the last one counts: scripts add theirs at the end.
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_option("--experiments-dir", context.experiments_dir, "where experiments are kept")
      ->type_name("DIR");
  add_tune(app, context);
  add_methods(app, context);
  add_s3(app, context);
  add_experiments(app, context);
  add_resume(app, context);
  add_watch(app, context);
  add_results(app, context);
  add_bench(app, context);
}

/// Name of the innermost command that was named, for "see 'skipjack s3 get --help'".
std::string command_name(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app.get_name() : app.get_name() + " " + command_name(*chosen.front());
}

}  // namespace

std::vector<std::string> take_arguments(int argc, char** argv) {
  constexpr std::string_view kSecretFlags[] = {"--access-key", "--secret-key", "--session-token"};
  std::vector<std::string> arguments(argv, argv + argc);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::size_t equals = arguments[i].find('=');
    const std::string_view name = std::string_view(arguments[i]).substr(0, equals);
    if (std::find(std::begin(kSecretFlags), std::end(kSecretFlags), name) == std::end(kSecretFlags))
      continue;
    const auto hide = [&](std::size_t which, std::size_t from) {
      std::fill(argv[which] + from, argv[which] + arguments[which].size(), 'x');
    };
    if (equals != std::string::npos)
      hide(i, equals + 1);
    else if (i + 1 < arguments.size())
      hide(i + 1, 0);
  }
  return arguments;
}

int run(int argc, const char* const* argv, Context& context) {
  CLI::App app;
  try {
    context.arguments.assign(argv, argv + argc);
    describe(app, context);
    app.parse(argc, argv);
    return context.action ? context.action() : kExitOk;
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success, context.out, context.err) == 0 ? kExitOk : kExitFailure;
  } catch (const CLI::ParseError& error) {
    context.err << "skipjack: " << one_line(error.what()) << "; see '" << command_name(app)
                << " --help'\n";
    return kExitUsage;
  } catch (const Error& error) {
    context.err << error_line(error) << std::endl;
    return exit_code(error.code());
  } catch (const std::exception& error) {
    context.err << "skipjack: " << one_line(error.what()) << "; please report this" << std::endl;
    return kExitFailure;
  }
}

}  // namespace skipjack::cli
