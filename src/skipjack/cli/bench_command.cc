// skipjack bench search: methods on worlds whose truth is known. From flags to problems and methods
// here; the runs are benchmark's, the printing bench_report's.
#include <algorithm>
#include <charconv>
#include <memory>
#include <set>
#include <string_view>

#include "skipjack/base/invalid.h"
#include "skipjack/benchmark/curve_table.h"
#include "skipjack/benchmark/lcbench.h"
#include "skipjack/benchmark/suite.h"
#include "skipjack/benchmark/table.h"
#include "skipjack/cli/bench_report.h"
#include "skipjack/cli/commands.h"
#include "skipjack/cli/flag_text.h"
#include "skipjack/cli/s3_access.h"
#include "skipjack/method/method.h"

namespace skipjack::cli {
namespace {

using benchmark::BbobNoise;
using benchmark::MethodChoice;
using benchmark::NoiseModel;
using benchmark::NoiseStrength;
using benchmark::Problem;

struct BenchFlags {
  std::vector<std::string> tables, functions, curves, methods, method_options, peers;
  std::vector<int> dimensions = {3, 6, 10};
  std::vector<std::string> noise = {"none"}, noise_models = {"gauss"};
  std::string time_unit, json;
  std::string lcbench, lcbench_metric = "val_accuracy", start_delay, stop_delay;
  std::string gaps = "nearest", start = "proposed";
  std::vector<std::string> tasks = {"3945", "7593", "126026", "167190"};
  double seed_deviation = benchmark::kSeedDeviation, failure_probability = 0;
  std::int64_t runs = 1;
  double setup = 0;
  int irrelevant = 0, evaluations = 100, seeds = 20, workers = 1, jobs = 1;
  std::uint64_t first_seed = 0;
  bool cap = false, rescale = false;
};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// "f8" is 8; nullopt for anything else.
std::optional<int> function_number(std::string_view text) {
  int number = 0;
  if (!text.starts_with('f')) return std::nullopt;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + 1, end, number);
  return error == std::errc() && at == end ? std::optional(number) : std::nullopt;
}

/// "bbob:f1-f3,f8" is {1, 2, 3, 8}.
std::vector<int> function_numbers(const std::string& text) {
  constexpr const char* kExample = "for example bbob:f1-f24 or bbob:f1,f8";
  constexpr std::string_view kSuite = "bbob:";
  if (!text.starts_with(kSuite))
    invalid("--function = '" + text + "' is of no known suite", kExample);
  std::vector<int> numbers;
  for (const std::string& part : split(std::string_view(text).substr(kSuite.size()), ',')) {
    const std::size_t dash = part.find('-');
    const auto first = function_number(part.substr(0, dash));
    const auto last = dash == std::string::npos ? first : function_number(part.substr(dash + 1));
    if (!first || !last || *first > *last || *first < 1 || *last > 24)
      invalid("--function = '" + text + "': '" + part + "' is no range of f1 to f24", kExample);
    for (int number = *first; number <= *last; ++number) numbers.push_back(number);
  }
  return numbers;
}

std::vector<BbobNoise> noises(const BenchFlags& flags) {
  std::vector<BbobNoise> result;
  for (const std::string& strength : flags.noise) {
    if (strength == "none") {
      result.push_back({});
      continue;
    }
    for (const std::string& model : flags.noise_models)
      result.push_back(
          {.model = model == "gauss"     ? NoiseModel::Gaussian
                    : model == "uniform" ? NoiseModel::Uniform
                                         : NoiseModel::Cauchy,
           .strength = strength == "moderate" ? NoiseStrength::Moderate : NoiseStrength::Severe});
  }
  return result;
}

benchmark::DisguiseOptions disguise_options(const BenchFlags& flags) {
  return {.num_irrelevant = flags.irrelevant,
          .scale = flags.rescale ? benchmark::ValueScale::Random : benchmark::ValueScale::Kept};
}

void add_tables(const BenchFlags& flags, std::vector<Problem>& problems) {
  for (const std::string& path : flags.tables) {
    auto table = std::make_shared<const benchmark::Table>(benchmark::read_table(path));
    benchmark::TableWorldOptions options{.seconds_per_unit =
                                             benchmark::seconds_per_unit_by_name(table->name)};
    if (!flags.time_unit.empty())
      options.seconds_per_unit = to_seconds(duration_flag("--time-unit", flags.time_unit));
    if ((flags.runs > 1 || flags.setup > 0) && !options.seconds_per_unit)
      invalid(
          "--runs and --setup are for tables of times, which " + table->name + " is not said to be",
          "say by --time-unit what its values are");
    if (options.seconds_per_unit) options.num_runs = flags.runs, options.setup_share = flags.setup;
    problems.push_back(benchmark::disguised_problem(
        benchmark::make_table_world(std::move(table), options), disguise_options(flags)));
  }
}

void add_functions(const BenchFlags& flags, std::vector<Problem>& problems) {
  for (const std::string& text : flags.functions)
    for (const int function : function_numbers(text))
      for (const int dimension : flags.dimensions)
        for (const BbobNoise& noise : noises(flags))
          problems.push_back(benchmark::bbob_problem(
              {.function = {.function = function, .dimension = dimension}, .noise = noise},
              disguise_options(flags)));
}

void add_lcbench(const BenchFlags& flags, std::vector<Problem>& problems) {
  if (flags.lcbench.empty()) return;
  const benchmark::LcbenchSurrogate surrogate(flags.lcbench);
  const auto metric = flags.lcbench_metric == "val_accuracy"
                          ? benchmark::LcbenchMetric::ValidationAccuracy
                          : benchmark::LcbenchMetric::ValidationCrossEntropy;
  for (const std::string& task : flags.tasks)
    problems.push_back(benchmark::disguised_problem(
        benchmark::make_lcbench_world(
            surrogate,
            {.task = task, .metric = metric, .noise = {.deviation = flags.seed_deviation}}),
        disguise_options(flags)));
}

void add_curves(const BenchFlags& flags, std::vector<Problem>& problems) {
  for (const std::string& path : flags.curves)
    problems.push_back(benchmark::disguised_problem(
        benchmark::make_curve_world(
            std::make_shared<const benchmark::CurveTable>(benchmark::read_curve_table(path)),
            {.gaps = flags.gaps == "nearest" ? benchmark::Gaps::Nearest : benchmark::Gaps::Forest}),
        disguise_options(flags)));
}

std::vector<Problem> problems_of(const BenchFlags& flags) {
  std::vector<Problem> problems;
  add_tables(flags, problems);
  add_functions(flags, problems);
  add_lcbench(flags, problems);
  add_curves(flags, problems);
  if (problems.empty())
    invalid("there is nothing to search in", "name a --table, a --function, --curves or --lcbench");
  for (const Problem& problem : problems)
    if (problem.has_levels != problems.front().has_levels)
      invalid("problem '" + problem.name + "' and '" + problems.front().name +
                  "' are measured by different things, time and numbers of trials",
              "search in problems with learning curves and in others one after the other");
  std::set<std::string> names;
  for (const Problem& problem : problems)
    if (!names.insert(problem.name).second)
      invalid("problem '" + problem.name + "' is named twice");
  return problems;
}

/// "NAME" or "NAME:KEY=VALUE,KEY=VALUE".
MethodChoice method_of(const std::string& text) {
  const std::size_t colon = text.find(':');
  MethodChoice choice{.label = text, .method = text.substr(0, colon), .options = Json::Object{}};
  if (colon != std::string::npos)
    choice.options =
        assignments("--method", split(text.substr(colon + 1), ','), AssignedValues::Json);
  return choice;
}

/// "NAME=COMMAND".
MethodChoice peer_of(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
    invalid("--peer = '" + text + "' must be NAME=COMMAND", "for example \"mine=python3 mine.py\"");
  return {.label = text.substr(0, equals),
          .method = text.substr(0, equals),
          .options = Json::Object{},
          .peer_command = text.substr(equals + 1)};
}

/// Options for all methods reach those that know them, unless the method was given its own.
std::vector<MethodChoice> methods_of(const BenchFlags& flags) {
  Json shared = assignments("--method-option", flags.method_options, AssignedValues::Json);
  std::vector<MethodChoice> choices;
  std::set<std::string> labels, known;
  const std::vector<std::string> usual = {"bayesopt", "random"};
  for (const std::string& text : flags.methods.empty() ? usual : flags.methods) {
    MethodChoice choice = method_of(text);
    if (!labels.insert(choice.label).second) invalid("--method = '" + text + "' is named twice");
    for (const MethodOption& option : find_method(choice.method).options) {
      const std::string_view key = option.key;
      known.emplace(key);
      const Json* value = shared.find(key);
      if (value && !choice.options.find(key)) choice.options.set(key, *value);
    }
    // Every method knows it.
    if (const Json* cap = shared.find(kCapOption); cap && !choice.options.find(kCapOption))
      choice.options.set(kCapOption, *cap);
    if (!choice.options.find(kCapOption)) choice.options.set(kCapOption, flags.cap);
    choices.push_back(std::move(choice));
  }
  for (const std::string& text : flags.peers) {
    choices.push_back(peer_of(text));
    if (!labels.insert(choices.back().label).second)
      invalid("--peer = '" + text + "': '" + choices.back().label + "' is named twice");
  }
  for (const auto& [key, value] : shared.as_object())
    if (!known.contains(key) && key != kCapOption)
      invalid("--method-option = '" + key + "': none of the methods has the option '" + key + "'");
  return choices;
}

std::vector<int> checkpoints_of(int evaluations) {
  std::vector<int> checkpoints;
  for (const int n : {10, 20, 30, 50, 100, 200, 500, 1000, 2000, 5000, 10000})
    if (n < evaluations) checkpoints.push_back(n);
  checkpoints.push_back(evaluations);
  return checkpoints;
}

Duration delay(const std::string& text, const char* flag) {
  return text.empty() ? Duration::zero() : duration_flag(flag, text);
}

int bench_search(const BenchFlags& flags, Context& context) {
  const benchmark::SuiteOptions options{.methods = methods_of(flags),
                                        .first_seed = flags.first_seed,
                                        .num_seeds = flags.seeds,
                                        .evaluations = flags.evaluations,
                                        .first_trial = flags.start == "midpoint"
                                                           ? benchmark::FirstTrial::Standard
                                                           : benchmark::FirstTrial::Proposed,
                                        .start_delay = delay(flags.start_delay, "--start-delay"),
                                        .stop_delay = delay(flags.stop_delay, "--stop-delay"),
                                        .failure_probability = flags.failure_probability,
                                        .workers = flags.workers,
                                        .checkpoints = checkpoints_of(flags.evaluations),
                                        .jobs = flags.jobs};
  const std::vector<Problem> problems = problems_of(flags);
  const BenchReport report(problems, options);
  write_output(context, "-", report.header());
  std::vector<benchmark::ProblemResult> results;
  for (const Problem& problem : problems) {
    results.push_back(benchmark::run_problem(problem, options));
    write_output(context, "-", report.lines_of(results.back()));
  }
  write_output(context, "-", report.summary(results));
  if (!flags.json.empty())
    write_output(context, flags.json,
                 to_json_text(bench_json(options, results), JsonStyle::Indented) + "\n");
  return kExitOk;
}

/// One or more values, behind one flag or several.
CLI::Option& list(CLI::Option* option) {
  return *option->expected(1, CLI::detail::expected_max_vector_size)
              ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_problem_flags(CLI::App& command, BenchFlags& flags) {
  list(command.add_option("--table", flags.tables,
                          "tables of measured configurations (bench/data/README.md)"))
      .type_name("FILE...");
  list(command.add_option("--function", flags.functions,
                          "synthetic functions: bbob:f1-f24, bbob:f1,f8"))
      .type_name("SUITE:FUNCTIONS...");
  list(
      command.add_option("--dimension", flags.dimensions, "of the functions, each; default 3,6,10"))
      .delimiter(',')
      ->check(CLI::Range(2, 1000))
      ->type_name("N,...");
  list(command.add_option("--noise", flags.noise,
                          "of the functions: none, moderate, severe, each; default none"))
      .delimiter(',')
      ->check(CLI::IsMember({"none", "moderate", "severe"}))
      ->type_name("LEVEL,...");
  list(command.add_option("--noise-model", flags.noise_models,
                          "gauss, uniform, cauchy, each where there is noise; default gauss"))
      .delimiter(',')
      ->check(CLI::IsMember({"gauss", "uniform", "cauchy"}))
      ->type_name("MODEL,...");
  command
      .add_option(
          "--lcbench", flags.lcbench,
          "learning curves: bench/data/lcbench/surrogate.gz; trials then report epochs, and "
          "methods are compared over the time that random search takes for --evals trials")
      ->type_name("FILE");
  list(command.add_option("--task", flags.tasks,
                          "of them, by number; default 3945,7593,126026,167190"))
      .delimiter(',')
      ->type_name("TASK,...");
  command
      .add_option("--lcbench-metric", flags.lcbench_metric,
                  "val_accuracy or val_cross_entropy; default val_accuracy")
      ->check(CLI::IsMember({"val_accuracy", "val_cross_entropy"}))
      ->type_name("METRIC");
  command
      .add_option("--seed-deviation", flags.seed_deviation,
                  "noise of the learning curves from run to run; default 0.15")
      ->check(CLI::Range(0.0, 2.0))
      ->type_name("X");
  list(command.add_option("--curves", flags.curves,
                          "tables of learning curves (bench/data/README.md), likewise"))
      .type_name("FILE...");
  command
      .add_option("--gaps", flags.gaps,
                  "what such tables don't hold is as the nearest row, or as a forest says; nearest "
                  "or forest, default nearest")
      ->check(CLI::IsMember({"nearest", "forest"}))
      ->type_name("HOW");
  command
      .add_option("--time-unit", flags.time_unit,
                  "the tables' values are times in this unit; default: 1ms for tables named kt_*, "
                  "the others hold no times")
      ->type_name("DURATION");
  command
      .add_option("--runs", flags.runs,
                  "a trial of such a table makes so many runs and reports its progress after each; "
                  "default 1: no reports on the way")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000000}))
      ->type_name("N");
  command
      .add_option("--setup", flags.setup,
                  "time before the first run, as a share of the best configuration's runs; "
                  "default 0")
      ->check(CLI::Range(0.0, 10.0))
      ->type_name("SHARE");
  command
      .add_option("--irrelevant", flags.irrelevant,
                  "parameters added that change nothing; default 0")
      ->check(CLI::Range(0, 100))
      ->type_name("N");
  command.add_flag("--rescale", flags.rescale, "multiplies all values by a factor, one a seed");
}

void add_run_flags(CLI::App& command, BenchFlags& flags) {
  list(command.add_option("--method", flags.methods,
                          "the first is compared with each other one; NAME:KEY=VALUE,... gives it "
                          "options of its own; default bayesopt random"))
      .type_name("NAME...");
  list(command.add_option("--method-option", flags.method_options,
                          "for all methods that know it; may be repeated"))
      .type_name("KEY=VALUE...");
  list(
      command.add_option("--peer", flags.peers,
                         "another optimiser to compare with, a program that speaks the protocol of "
                         "docs/bench-search.md; may be repeated"))
      .type_name("NAME=COMMAND...");
  command.add_flag("--cap", flags.cap,
                   "stop runs that can no longer win, where the metric is a time");
  command
      .add_option("--start", flags.start,
                  "what the methods, not the peers, try first: proposed (their own), or midpoint, "
                  "the middle of the space, as in a tuning without points_to_evaluate; default "
                  "proposed")
      ->check(CLI::IsMember({"proposed", "midpoint"}))
      ->type_name("WHERE");
  command.add_option("--evals", flags.evaluations, "trials a tuning; default 100")
      ->check(CLI::Range(1, 1000000))
      ->type_name("N");
  command.add_option("--seeds", flags.seeds, "tunings a problem and method; default 20")
      ->check(CLI::Range(1, 100000))
      ->type_name("N");
  command.add_option("--first-seed", flags.first_seed, "of them; default 0")->type_name("N");
  command
      .add_option("--workers", flags.workers, "trials at the same time, in virtual time; default 1")
      ->check(CLI::Range(1, 100000))
      ->type_name("N");
  command.add_option("--start-delay", flags.start_delay, "of every launch; default 0s")
      ->type_name("DURATION");
  command.add_option("--stop-delay", flags.stop_delay, "of every stop and pause; default 0s")
      ->type_name("DURATION");
  command
      .add_option("--failures", flags.failure_probability,
                  "share of attempts that break off on the way; default 0")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("P");
  command
      .add_option("--jobs", flags.jobs,
                  "tunings replayed at the same time, a thread each; default 1, which times want")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  command.add_option("--json", flags.json, "every regret of every seed, as a file")
      ->type_name("FILE");
}

}  // namespace

void add_bench(CLI::App& app, Context& context) {
  CLI::App& bench = *app.add_subcommand("bench", "Measure how well methods search");
  bench.require_subcommand(1);
  bench.fallthrough();
  const auto flags = std::make_shared<BenchFlags>();
  CLI::App& command = *bench.add_subcommand(
      "search", "Methods on problems whose truth is known, in virtual time (docs/bench-search.md)");
  add_problem_flags(command, *flags);
  add_run_flags(command, *flags);
  on_choice(command, context, flags, bench_search);
  add_bench_transfer(bench, context);
}

}  // namespace skipjack::cli
