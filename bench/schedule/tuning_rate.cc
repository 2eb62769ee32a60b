// A whole tuning, journal included: successive halving on many simulated workers, by number of
// reports. It checks that every report is in the journal, that virtual time is what the workers
// need, and that the scheduler stopped what it should: about a third of the trials that come to a
// rung leave it. tuning_rate [workers] [reports...]; default 10,000 workers and 62,500, 250,000 and
// 1,000,000 reports. The journal goes to a folder of its own under TMPDIR, and is removed.
#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "skipjack/backend/simulator.h"
#include "skipjack/base/rng.h"
#include "skipjack/journal/journal.h"
#include "skipjack/schedule/halving.h"
#include "skipjack/tuner/tuner.h"

namespace skipjack {
namespace {

constexpr std::int64_t kMaxEpoch = 27;

class Drawing final : public Searcher {
 public:
  Suggestion suggest(const History& history, const SuggestContext&) override {
    Rng rng(1, "suggest", history.trials().size());
    return Proposal{.configuration = Json::Object{{"x", rng.uniform()}}};
  }
};

/// A report a second or so; no two trials in step.
SimulatedAttempt trial(const StartRequest& request) {
  Rng rng(1, "trial", static_cast<std::uint64_t>(request.id.trial));
  const double quality = request.configuration.at("x").as_double();
  SimulatedAttempt does;
  Duration at{0};
  for (std::int64_t epoch = 1; epoch <= kMaxEpoch; ++epoch) {
    at += from_seconds(rng.uniform(0.5, 1.5));
    does.reports.push_back({at, Json::Object{{"epoch", epoch},
                                             {"loss", quality + 1 / static_cast<double>(epoch) +
                                                          0.1 * rng.uniform()}}});
  }
  does.duration = at;
  return does;
}

double peak_gib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / (1 << 20);
}

/// Of this process: on a busy machine they say more than the clock.
double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Figures {
  double seconds = 0;
  double cpu_seconds = 0;
  bool good = false;
};

Figures measure(int workers, std::int64_t num_reports, const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / ("journal" + std::to_string(num_reports));
  create_journal(path, {.name = "rate", .definition = Json::Object{}});
  const auto journal = open_journal(path);
  ManualClock clock;
  const auto backend = make_simulator({.trial = trial, .capacity = workers, .clock = &clock});
  const auto scheduler = make_halving({.searcher = std::make_unique<Drawing>(),
                                       .metrics = {{.name = "loss"}},
                                       .resource = {.max_t = kMaxEpoch}});
  TunerOptions options{.workers = workers, .clock = &clock};
  options.stop.max_reports = num_reports;
  const auto begin = std::chrono::steady_clock::now();
  const double cpu_begin = cpu_seconds();
  const TuningResult result = run_tuner(*scheduler, *backend, *journal, {}, options);
  Figures figures{
      .seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
      .cpu_seconds = cpu_seconds() - cpu_begin};
  const std::int64_t taken = result.history.num_reports();
  // A report a second and worker, from workers that are never idle.
  const double work = static_cast<double>(taken) / workers;
  const double virtual_seconds = to_seconds(result.time);
  // Of many trials that came to rung 1, a third went on; more while there were few values.
  double at_first = 0, beyond = 0;
  for (const Trial& each : result.history.trials()) {
    at_first += !each.reports.empty();
    beyond += each.reports.size() > 1;
  }
  std::printf(
      "%8lld reports on %d workers: %.2f s, of the CPU %.2f s, %.2f us each; %zu trials, %.3f of "
      "them beyond "
      "the first rung; virtual %.0f s; journal %.0f MB; peak %.2f GiB\n",
      static_cast<long long>(taken), workers, figures.seconds, figures.cpu_seconds,
      1e6 * figures.cpu_seconds / static_cast<double>(taken), result.history.trials().size(),
      beyond / at_first, virtual_seconds,
      1e-6 * static_cast<double>(std::filesystem::file_size(path)), peak_gib());
  figures.good =
      taken == num_reports && virtual_seconds > 0.9 * work && virtual_seconds < 1.1 * work + 2 &&
      std::abs(beyond / at_first - 1.0 / 3) < 0.05 &&
      static_cast<std::int64_t>(journal->read_events().size()) == result.history.num_events();
  return figures;
}

}  // namespace
}  // namespace skipjack

int main(int argc, char** argv) {
  const int workers = argc > 1 ? std::atoi(argv[1]) : 10'000;
  std::vector<std::int64_t> sizes;
  for (int i = 2; i < argc; ++i) sizes.push_back(std::atoll(argv[i]));
  if (sizes.empty()) sizes = {62'500, 250'000, 1'000'000};
  const char* root = std::getenv("TMPDIR");
  std::string folder = std::string(root ? root : "/tmp") + "/skipjack-tuning-rate-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return std::perror("mkdtemp"), 1;
  bool good = true;
  double first = 0;
  for (const std::int64_t size : sizes) {
    const auto figures = skipjack::measure(workers, size, folder);
    const auto n = static_cast<double>(size);
    const double unit = figures.cpu_seconds / (n * std::log(n));
    if (first == 0) first = unit;
    std::printf("         CPU time / (n log n), relative to the first: %.2f\n", unit / first);
    good = figures.good && good;
  }
  std::filesystem::remove_all(folder);
  if (!good) std::fprintf(stderr, "tuning_rate: the answer is wrong\n");
  return good ? 0 : 1;
}
