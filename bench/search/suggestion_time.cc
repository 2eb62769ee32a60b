// How long a program waits for a suggestion of the Gaussian-process searcher, from the report to
// the answer, how long the fit of all hyperparameters takes with which the work beside the trials
// begins, and how long all of that work takes. A tuning of a noisy function
// of six mixed parameters is played; seconds are CPU time, of the asking thread and of all others,
// so that a busy machine does not matter. Checks that what was found is near the optimum.
//   suggestion_time [EVALUATIONS]
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "skipjack/base/rng.h"
#include "skipjack/search/bayesopt.h"
#include "skipjack/search/kept_rows.h"
#include "skipjack/search/process_fit.h"
#include "skipjack/search/recommend.h"
#include "skipjack/search/surrogate.h"
#include "skipjack/search/unit_space.h"

namespace skipjack::bench {
namespace {

double cpu_seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

class Played {
 public:
  void add(EventBody body) {
    history_.apply({.number = number_, .time = Duration(number_), .unix_time = 0, .body = body});
    ++number_;
  }
  const History& history() const { return history_; }

 private:
  History history_;
  std::int64_t number_ = 0;
};

double value_of(const SearchSpace& space, const Configuration& configuration) {
  double sum = 0;
  for (const double u : space.encode(configuration)) sum += (u - 0.3) * (u - 0.3);
  return 1 + sum;
}

/// Seconds of fits to what was measured so far, each from the hyperparameters in use and without
/// another one of the observations.
std::vector<double> fit_seconds(const UnitSpace& space, const Metric& metric,
                                const History& history, const Json& fitted) {
  std::vector<UnitPoint> points;
  std::vector<double> values;
  for (const Trial& trial : history.trials()) {
    points.push_back(space.snap(space.space().encode(trial.configuration)));
    values.push_back(*last_value(trial, metric.name));
  }
  const auto fit = surrogate_fit_from_json(fitted, space.model_kinds().size());
  if (!fit) return {};
  std::vector<double> seconds;
  for (std::size_t left_out = 0; left_out < std::min<std::size_t>(20, points.size()); ++left_out) {
    std::vector<UnitPoint> some_points = points;
    std::vector<double> some_values = values;
    some_points.erase(some_points.begin() + static_cast<std::ptrdiff_t>(left_out));
    some_values.erase(some_values.begin() + static_cast<std::ptrdiff_t>(left_out));
    const double before = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
    std::vector<UnitPoint> kept_points;
    std::vector<double> kept_values;
    for (const std::size_t row : rows_to_keep({.space = space,
                                 .metric = metric,
                                 .points = some_points,
                                 .values = some_values,
                                 .previous = fit->objective})) {
      kept_points.push_back(some_points[row]);
      kept_values.push_back(some_values[row]);
    }
    const MetricProcess process({.space = space,
                                 .metric = metric,
                                 .points = kept_points,
                                 .values = kept_values,
                                 .previous = fit->objective});
    seconds.push_back(cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - before);
  }
  return seconds;
}

int main_of(int evaluations) {
  const SearchSpace space({{"lr", log_uniform(1e-6, 1)},
                           {"units", log_rand_int(16, 512)},
                           {"act", choice({"relu", "tanh", "gelu"})},
                           {"depth", rand_int(1, 20)},
                           {"momentum", uniform(0, 1)},
                           {"batch", ordinal({16, 32, 64, 128})}});
  const Metric metric{.name = "loss"};
  const auto searcher = make_bayesopt_search({.space = space, .metric = metric, .seed = 1});
  const UnitSpace unit_space(space);
  Played played;
  Json fitted;
  std::vector<double> answers, beside;
  std::printf("%6s %12s %12s %12s %12s %12s %12s\n", "n", "answer ms", "p99 ms", "fit ms", "p99 ms",
              "beside ms", "p99 ms");
  std::vector<int> shown = {10, 50, 100, 200, 500, 1000, 2000, 5000, 10000};
  for (int i = 0; i < evaluations; ++i) {
    const double before = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
    const double process_before = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
    Suggestion suggestion = searcher->suggest(played.history(), {});
    const double answer = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - before;
    auto* proposal = std::get_if<Proposal>(&suggestion);
    if (!proposal) {
      std::fprintf(stderr, "no proposal after %d\n", i);
      return 1;
    }
    if (proposal->fitted) {
      played.add(ModelFitted{*proposal->fitted});
      searcher->restore(*proposal->fitted);
      fitted = *proposal->fitted;
    }
    // Half the process is waiting for the thread beside: give it time to end before the next.
    std::this_thread::sleep_for(std::chrono::milliseconds(i < 300 ? 5 : 40));
    answers.push_back(answer);
    beside.push_back(cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - process_before - answer);
    const double value = value_of(space, proposal->configuration) +
                         0.02 * Rng(7, "noise", static_cast<std::uint64_t>(i)).normal();
    played.add(TrialStarted{.trial = i, .configuration = proposal->configuration});
    Json metrics;
    metrics.set("loss", value);
    played.add(Reported{{i, 0}, std::move(metrics)});
    played.add(AttemptEnded{{i, 0}, {.outcome = Outcome::Completed}});
    if (std::find(shown.begin(), shown.end(), i + 1) != shown.end()) {
      // Over the last tenth, but ten at least.
      const auto last = static_cast<std::ptrdiff_t>(
          std::min<std::size_t>(answers.size(), std::max<std::size_t>(10, answers.size() / 5)));
      const std::vector<double> a(answers.end() - last, answers.end()),
          b(beside.end() - last, beside.end());
      const std::vector<double> f = fit_seconds(unit_space, metric, played.history(), fitted);
      std::printf("%6d", i + 1);
      for (const std::vector<double>& seconds : {a, f, b})
        if (seconds.empty())
          std::printf(" %12s %12s", "-", "-");
        else
          std::printf(" %12.2f %12.2f", 1e3 * quantile(seconds, 0.5),
                      1e3 * quantile(seconds, 0.99));
      std::printf("\n");
      std::fflush(stdout);
    }
  }
  const auto found = recommend(space, played.history(), metric);
  const double truth = value_of(space, found->configuration);
  std::printf("recommended: %.4f (the optimum is near 1)\n", truth);
  return truth < 1.1 ? 0 : 1;
}

}  // namespace
}  // namespace skipjack::bench

int main(int argc, char** argv) {
  return skipjack::bench::main_of(argc > 1 ? std::atoi(argv[1]) : 1000);
}
