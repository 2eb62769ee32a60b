// The real tuner, scheduler and journal against a simulated cluster: jobs wait in a queue, nodes
// fail, jobs are pre-empted. What it costs to take in so many reports of so many workers, and to
// resume: cluster_scale [trials a worker] [workers...]; default 3 on 10, 1,000 and 10,000. Times
// are of this process's processor. It checks that every trial ended, that what was lost ran again,
// and that the journal folds to the same history.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <vector>

#include "skipjack/backend/simulator.h"
#include "skipjack/base/rng.h"
#include "skipjack/study/tuning.h"

namespace skipjack {
namespace {

namespace fs = std::filesystem;

/// Ten reports in ten minutes or so; one attempt in twenty loses its node, one in twenty is
/// pre-empted.
constexpr int kReportsPerTrial = 10;
constexpr double kMeanStep = 60, kLongestQueue = 120, kLossRate = 0.1;

SimulatedAttempt job(const StartRequest& request) {
  Rng rng(1, "job",
          static_cast<std::uint64_t>(request.id.trial) * 64 +
              static_cast<std::uint64_t>(request.id.attempt));
  SimulatedAttempt does;
  Duration at = from_seconds(rng.uniform(0, kLongestQueue));
  const bool is_lost = rng.uniform() < kLossRate;
  const int num_reports =
      is_lost ? static_cast<int>(rng.uniform() * kReportsPerTrial) : kReportsPerTrial;
  for (int i = 0; i < num_reports; ++i) {
    at += from_seconds(rng.uniform(0.5, 1.5) * kMeanStep);
    does.reports.push_back({at, Json::Object{{"step", i}, {"loss", rng.uniform()}}});
  }
  does.duration = at + std::chrono::seconds(1);
  if (is_lost) {
    does.end.outcome = Outcome::Lost;
    does.end.exit_code.reset();
    does.end.reason = rng.uniform() < 0.5 ? "its node failed" : "pre-empted";
  }
  return does;
}

/// Of this process: what other processes take doesn't show in it.
double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double peak_mebibytes() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

bool measure(int workers, std::int64_t trials_per_worker, const fs::path& folder) {
  const std::int64_t num_trials = workers * trials_per_worker;
  TuningDefinition definition;
  definition.space = SearchSpace::from_text("{x: 'uniform(0, 1)', n: 'randint(1, 64)'}");
  definition.metrics = {{.name = "loss"}};
  definition.method = "random";
  definition.workers = workers;
  definition.stop.max_trials_started = num_trials;
  definition.at_end = AtEnd::WaitForRunning;
  ManualClock clock;
  const RunOptions run{
      .make_backend =
          [&](const TuningDefinition&, const fs::path&) {
            return make_simulator({.trial = job, .capacity = workers, .clock = &clock});
          },
      .clock = &clock};
  const ExperimentStore store(folder);
  const std::string name = "w" + std::to_string(workers);
  const double begin = cpu_seconds();
  const TuningResult result = start_tuning(store, name, definition, run);
  const double seconds = cpu_seconds() - begin;

  const double fold_begin = cpu_seconds();
  const std::vector<Event> events = store.read(name).events;
  const History folded = fold(events);
  const double resume_seconds = cpu_seconds() - fold_begin;
  std::int64_t num_lost = 0;
  for (const Event& event : events)
    if (const auto* ended = std::get_if<AttemptEnded>(&event.body))
      num_lost += ended->end.outcome == Outcome::Lost;
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(store.folder(name)))
    if (entry.is_regular_file()) bytes += entry.file_size();
  const auto num_completed =
      std::count_if(folded.trials().begin(), folded.trials().end(),
                    [](const Trial& trial) { return trial.status == TrialStatus::Completed; });
  const auto num_reports = static_cast<double>(folded.num_reports());
  std::printf("| %d | %lld | %.0f | %lld | %.1f | %.2f | %.0f | %.0f | %.2f | %.0f |\n", workers,
              static_cast<long long>(num_trials), num_reports, static_cast<long long>(num_lost),
              to_seconds(result.time) / 60, seconds, 1e6 * seconds / num_reports,
              static_cast<double>(bytes) / num_reports, resume_seconds, peak_mebibytes());
  std::fflush(stdout);
  const bool good = num_completed == num_trials && num_lost > 0 &&
                    folded.num_reports() == result.history.num_reports() &&
                    std::all_of(folded.trials().begin(), folded.trials().end(), [](const Trial& t) {
                      return t.reports.size() == kReportsPerTrial;
                    });
  if (!good) std::printf("wrong: some trial did not end with all of its reports\n");
  return good;
}

}  // namespace
}  // namespace skipjack

int main(int argc, char** argv) {
  const std::int64_t trials_per_worker = argc > 1 ? std::atoll(argv[1]) : 3;
  std::vector<int> workers;
  for (int i = 2; i < argc; ++i) workers.push_back(std::atoi(argv[i]));
  if (workers.empty()) workers = {10, 1000, 10000};
  std::string folder = (std::filesystem::temp_directory_path() / "cluster-scale.XXXXXX").string();
  if (trials_per_worker < 1 || ::mkdtemp(folder.data()) == nullptr) return 2;
  std::printf(
      "| workers | trials | reports | attempts lost | virtual minutes | CPU seconds | CPU us a "
      "report | "
      "bytes a report | to read and fold, CPU s | peak memory so far, MiB |\n"
      "|---|---|---|---|---|---|---|---|---|---|\n");
  bool good = true;
  for (const int n : workers) good = skipjack::measure(n, trials_per_worker, folder) && good;
  std::filesystem::remove_all(folder);
  return good ? 0 : 1;
}
