// How many reports a second pass through tuner and simulator, by number of workers: the same trials
// on each, with a scheduler that costs nothing. It checks that every report was taken in and that
// virtual time is what the workers need. simulator_rate [reports] [workers...]; default 1,000,000
// on 1, 100 and 10,000.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "skipjack/backend/simulator.h"
#include "skipjack/base/rng.h"
#include "skipjack/tuner/tuner.h"

namespace skipjack {
namespace {

constexpr std::int64_t kReportsPerTrial = 10;

class Counting final : public Scheduler {
 public:
  explicit Counting(std::int64_t num_trials) : num_left_(num_trials) {}
  void apply(const Event&, const History&) override {}
  std::vector<Command> decide(const SchedulerView& view) override {
    if (view.free_workers == 0) return {};
    if (num_left_ == 0) return {Finished{"all started"}};
    --num_left_;
    return {Start{.configuration = Json::Object{{"x", num_left_}}}};
  }

 private:
  std::int64_t num_left_;
};

class Nowhere final : public EventSink {
 public:
  void append(const std::vector<Event>&) override {}
};

/// A report a second or so; no two trials in step.
SimulatedAttempt trial(const StartRequest& request) {
  Rng rng(1, "trial", static_cast<std::uint64_t>(request.id.trial));
  SimulatedAttempt does;
  Duration at{0};
  for (std::int64_t i = 0; i < kReportsPerTrial; ++i) {
    at += from_seconds(rng.uniform(0.5, 1.5));
    does.reports.push_back({at, Json::Object{{"loss", rng.uniform()}}});
  }
  does.duration = at;
  return does;
}

bool measure(std::int64_t num_reports, int workers) {
  ManualClock clock;
  const auto backend = make_simulator({.trial = trial, .capacity = workers, .clock = &clock});
  Counting scheduler(num_reports / kReportsPerTrial);
  Nowhere sink;
  const auto begin = std::chrono::steady_clock::now();
  const TuningResult result =
      run_tuner(scheduler, *backend, sink, {}, {.workers = workers, .clock = &clock});
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const std::int64_t taken = result.history.num_reports();
  std::printf("%8d workers: %lld reports in %.2f s, %.2f us each; virtual %.0f s\n", workers,
              static_cast<long long>(taken), seconds, 1e6 * seconds / static_cast<double>(taken),
              to_seconds(result.time));
  // Ten seconds a trial on average, and the last ones end at most 15 s after the others.
  const double work = 10.0 * static_cast<double>(num_reports / kReportsPerTrial) / workers;
  const double virtual_seconds = to_seconds(result.time);
  return taken == num_reports && virtual_seconds > 0.95 * work &&
         virtual_seconds < 1.05 * work + 15;
}

}  // namespace
}  // namespace skipjack

int main(int argc, char** argv) {
  const std::int64_t num_reports = argc > 1 ? std::atoll(argv[1]) : 1'000'000;
  std::vector<int> workers;
  for (int i = 2; i < argc; ++i) workers.push_back(std::atoi(argv[i]));
  if (workers.empty()) workers = {1, 100, 10'000};
  bool good = true;
  for (const int number : workers) good = skipjack::measure(num_reports, number) && good;
  if (!good) std::fprintf(stderr, "simulator_rate: the answer is wrong\n");
  return good ? 0 : 1;
}
