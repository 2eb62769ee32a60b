#include "skipjack/benchmark/suite.h"

#include <algorithm>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/benchmark/parallel.h"
#include "skipjack/benchmark/statistics.h"

namespace skipjack::benchmark {
namespace {

/// What random search takes for SuiteOptions::evaluations trials, each to its end.
Duration time_of_random(const World& world, const SuiteOptions& options, std::uint64_t seed) {
  ReplayOptions replay_options{.method = "random", .seed = seed};
  replay_options.evaluations = options.evaluations;
  replay_options.workers = options.workers;
  replay_options.checkpoints = {options.evaluations};
  replay_options.start_delay = options.start_delay;
  return from_seconds(replay(world, replay_options).judgements.back().running_time);
}

ReplayResult run_one(const Problem& problem, const SuiteOptions& options, std::size_t method,
                     std::size_t seed_index) {
  const std::uint64_t seed = options.first_seed + seed_index;
  const std::unique_ptr<World> world = problem.make_world(seed);
  ReplayOptions replay_options{.method = options.methods[method].method,
                               .method_options = options.methods[method].options,
                               .peer_command = options.methods[method].peer_command,
                               .first_trial = options.first_trial,
                               .seed = seed,
                               .evaluations = options.evaluations,
                               .start_delay = options.start_delay,
                               .stop_delay = options.stop_delay,
                               .failure_probability = options.failure_probability,
                               .workers = options.workers,
                               .checkpoints = options.checkpoints,
                               .target_factor = options.target_factor};
  if (problem.has_levels) replay_options.time_limit = time_of_random(*world, options, seed);
  return replay(*world, replay_options);
}

/// Of every run, in order.
template <class Read>
std::vector<double> collect(const std::vector<ReplayResult>& runs, Read read) {
  std::vector<double> values;
  for (const ReplayResult& run : runs) values.push_back(static_cast<double>(read(run)));
  return values;
}

/// What comparisons are about.
std::vector<double> compared_regrets(const std::vector<ReplayResult>& runs) {
  return collect(runs, [](const ReplayResult& run) {
    return run.moments.empty() ? run.judgements.back().recommended : mean_of(run.moments);
  });
}

std::vector<double> joined(const std::vector<ReplayResult>& runs,
                           std::vector<double> ReplayResult::*times) {
  std::vector<double> all;
  for (const ReplayResult& run : runs)
    all.insert(all.end(), (run.*times).begin(), (run.*times).end());
  return all;
}

Comparison compare(const std::vector<double>& first, const std::vector<double>& other) {
  Comparison comparison{.p_smaller = wilcoxon_less(first, other),
                        .p_larger = wilcoxon_less(other, first)};
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (first[i] < other[i]) ++comparison.num_smaller;
    if (first[i] > other[i]) ++comparison.num_larger;
  }
  return comparison;
}

void adjust(std::vector<Comparison>& comparisons) {
  std::vector<double> smaller, larger;
  for (const Comparison& comparison : comparisons) {
    smaller.push_back(comparison.p_smaller);
    larger.push_back(comparison.p_larger);
  }
  smaller = holm(smaller);
  larger = holm(larger);
  for (std::size_t i = 0; i < comparisons.size(); ++i) {
    comparisons[i].adjusted_smaller = smaller[i];
    comparisons[i].adjusted_larger = larger[i];
  }
}

Json to_json_array(const std::vector<double>& values) {
  return Json(Json::Array(values.begin(), values.end()));
}

}  // namespace

ProblemResult run_problem(const Problem& problem, const SuiteOptions& options) {
  if (options.methods.empty()) throw Error(ErrorCode::InvalidArgument, "methods is empty");
  if (options.num_seeds < 1)
    throw Error(ErrorCode::InvalidArgument,
                "num_seeds = " + std::to_string(options.num_seeds) + " must be >= 1");
  if (options.jobs < 1 || options.jobs > 1024)
    throw Error(ErrorCode::InvalidArgument,
                "jobs = " + std::to_string(options.jobs) + " must be in [1, 1024]");
  const auto num_seeds = static_cast<std::size_t>(options.num_seeds);
  ProblemResult result{.name = problem.name, .runs = {}};
  result.runs.assign(options.methods.size(), std::vector<ReplayResult>(num_seeds));
  for_each_number(options.methods.size() * num_seeds, options.jobs, [&](std::size_t i) {
    const std::size_t method = i / num_seeds, seed = i % num_seeds;
    result.runs[method][seed] = run_one(problem, options, method, seed);
  });
  return result;
}

MethodSummary summarise(const std::vector<ReplayResult>& runs) {
  MethodSummary summary;
  for (std::size_t c = 0; c < runs.front().judgements.size(); ++c) {
    const auto mean_at = [&](double Judgement::*what) {
      return mean_of(collect(runs, [&](const ReplayResult& r) { return r.judgements[c].*what; }));
    };
    summary.recommended.push_back(mean_at(&Judgement::recommended));
    summary.observed.push_back(mean_at(&Judgement::observed));
    summary.evaluated.push_back(mean_at(&Judgement::evaluated));
    summary.measured_seconds.push_back(mean_at(&Judgement::measured_seconds));
    summary.running_time = mean_at(&Judgement::running_time);
  }
  const std::vector<double> wall = joined(runs, &ReplayResult::answer_seconds);
  const std::vector<double> cpu = joined(runs, &ReplayResult::answer_cpu_seconds);
  summary.answer_median_seconds = quantile_of(wall, 0.5);
  summary.answer_p99_seconds = quantile_of(wall, 0.99);
  summary.answer_cpu_median_seconds = quantile_of(cpu, 0.5);
  summary.answer_cpu_p99_seconds = quantile_of(cpu, 0.99);
  const auto mean = [&](int ReplayResult::*what) {
    return mean_of(collect(runs, [&](const ReplayResult& run) { return run.*what; }));
  };
  for (std::size_t i = 0; i < runs.front().moments.size(); ++i)
    summary.moments.push_back(
        mean_of(collect(runs, [&](const ReplayResult& run) { return run.moments[i]; })));
  summary.trials = mean(&ReplayResult::trials);
  summary.resumed = mean(&ReplayResult::resumed);
  summary.reports = mean(&ReplayResult::reports);
  summary.failures = mean(&ReplayResult::failures);
  summary.stopped = mean(&ReplayResult::stopped);
  summary.repeats = mean(&ReplayResult::repeats);
  summary.repeated_failures = mean(&ReplayResult::repeated_failures);
  double spent = 0, reached = 0;
  for (const ReplayResult& run : runs) {
    spent += run.seconds_to_target.value_or(run.end.measured_seconds);
    reached += run.seconds_to_target ? 1 : 0;
  }
  if (runs.front().has_target) summary.target_fraction = reached / static_cast<double>(runs.size());
  if (reached > 0) summary.seconds_to_target = spent / reached;
  return summary;
}

std::vector<Comparison> compare_on_problems(const std::vector<ProblemResult>& results,
                                            std::size_t other) {
  std::vector<Comparison> comparisons;
  for (const ProblemResult& result : results)
    comparisons.push_back(
        compare(compared_regrets(result.runs.front()), compared_regrets(result.runs.at(other))));
  adjust(comparisons);
  return comparisons;
}

std::vector<Comparison> compare_over_problems(const std::vector<ProblemResult>& results) {
  const auto means = [&](std::size_t method) {
    std::vector<double> values;
    for (const ProblemResult& result : results)
      values.push_back(mean_of(compared_regrets(result.runs.at(method))));
    return values;
  };
  std::vector<Comparison> comparisons;
  const std::size_t num_methods = results.empty() ? 0 : results.front().runs.size();
  for (std::size_t other = 1; other < num_methods; ++other)
    comparisons.push_back(compare(means(0), means(other)));
  adjust(comparisons);
  return comparisons;
}

Json to_json(const std::vector<ReplayResult>& runs) {
  Json json = Json::Object{};
  for (std::size_t c = 0; c < runs.front().judgements.size(); ++c) {
    const std::string n = std::to_string(runs.front().judgements[c].evaluations);
    const auto put = [&](const std::string& key, double Judgement::*what) {
      json.set(key + n, to_json_array(collect(runs, [&](const ReplayResult& run) {
                 return run.judgements[c].*what;
               })));
    };
    put("regret_", &Judgement::recommended);
    put("observed_", &Judgement::observed);
    put("evaluated_", &Judgement::evaluated);
    put("measured_seconds_", &Judgement::measured_seconds);
    put("running_time_", &Judgement::running_time);
  }
  const auto put_count = [&](const char* key, int ReplayResult::*what) {
    json.set(key, to_json_array(collect(runs, [&](const auto& run) { return run.*what; })));
  };
  if (!runs.front().moments.empty()) {
    Json::Array moments;
    for (const ReplayResult& run : runs) moments.push_back(to_json_array(run.moments));
    json.set("moments", std::move(moments));
    json.set("anytime_regret", to_json_array(compared_regrets(runs)));
  }
  put_count("trials", &ReplayResult::trials);
  put_count("resumed", &ReplayResult::resumed);
  put_count("reports", &ReplayResult::reports);
  put_count("failures", &ReplayResult::failures);
  put_count("stopped", &ReplayResult::stopped);
  put_count("repeats", &ReplayResult::repeats);
  put_count("repeated_failures", &ReplayResult::repeated_failures);
  Json::Array seconds, evaluations;
  for (const ReplayResult& run : runs) {
    seconds.push_back(run.seconds_to_target ? Json(*run.seconds_to_target) : Json());
    evaluations.push_back(run.evaluations_to_target ? Json(*run.evaluations_to_target) : Json());
  }
  json.set("seconds_to_target", std::move(seconds));
  json.set("evaluations_to_target", std::move(evaluations));
  const MethodSummary summary = summarise(runs);
  json.set("median_seconds", summary.answer_median_seconds);
  json.set("p99_seconds", summary.answer_p99_seconds);
  json.set("median_cpu_seconds", summary.answer_cpu_median_seconds);
  json.set("p99_cpu_seconds", summary.answer_cpu_p99_seconds);
  return json;
}

}  // namespace skipjack::benchmark
