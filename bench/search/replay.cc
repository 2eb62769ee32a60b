#include "replay.h"

#include <time.h>

#include <algorithm>
#include <map>
#include <utility>

#include "skipjack/base/clock.h"
#include "skipjack/base/error.h"
#include "skipjack/method/method.h"
#include "skipjack/search/recommend.h"

namespace skipjack::bench {
namespace {

double thread_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

class Loop {
 public:
  explicit Loop(Scheduler& scheduler) : scheduler_(scheduler) { add(RunStarted{}); }
  const History& history() const { return history_; }

  void add(EventBody body) {
    Event event{
        .number = number_, .time = Duration(number_), .unix_time = 0, .body = std::move(body)};
    ++number_;
    history_.apply(event);
    scheduler_.apply(event, history_);
  }

 private:
  Scheduler& scheduler_;
  History history_;
  std::int64_t number_ = 0;
};

}  // namespace

ReplayResult replay(const Table& table, const ReplayOptions& options) {
  const DisguisedSpace disguise(table, options.seed);
  const Metric metric{.name = "y"};
  const auto scheduler = make_scheduler(
      options.method, {.space = disguise.space(), .metrics = {metric}, .seed = options.seed});
  Loop loop(*scheduler);
  ReplayResult result;
  std::map<std::int64_t, std::uint64_t> times_measured;

  for (int evaluation = 0; evaluation < options.evaluations; ++evaluation) {
    const double before = thread_cpu_seconds();
    std::vector<Command> commands =
        scheduler->decide({.history = loop.history(), .free_workers = 1});
    result.seconds.push_back(thread_cpu_seconds() - before);
    auto* start = commands.empty() ? nullptr : std::get_if<Start>(&commands.front());
    if (start == nullptr) break;
    const TrialId trial = evaluation;
    const std::int64_t number = disguise.number(start->configuration);
    if (start->fitted) loop.add(ModelFitted{std::move(*start->fitted)});
    loop.add(TrialStarted{.trial = trial, .configuration = std::move(start->configuration)});
    const auto row = table.rows.find(number);
    if (row == table.rows.end()) {
      ++result.failures;
      loop.add(AttemptEnded{{trial, 0},
                            {.outcome = Outcome::Failed, .exit_code = 1, .reason = "exit code 1"}});
    } else {
      const std::uint64_t repeat = times_measured[number]++;
      if (repeat > 0) ++result.repeats;
      Rng rng(options.seed, "repeat " + std::to_string(number), repeat);
      const auto& values = row->second.repeats;
      const auto draw = rng.uniform_int(0, static_cast<std::int64_t>(values.size()) - 1);
      Json metrics;
      metrics.set("y", values[static_cast<std::size_t>(draw)]);
      loop.add(Reported{{trial, 0}, std::move(metrics)});
      loop.add(AttemptEnded{{trial, 0}, {.outcome = Outcome::Completed, .exit_code = 0}});
    }
    const int done = evaluation + 1;
    if (std::find(options.checkpoints.begin(), options.checkpoints.end(), done) !=
        options.checkpoints.end()) {
      const auto found = recommend(disguise.space(), loop.history(), metric);
      result.regret.push_back(found ? table.regret(disguise.number(found->configuration)) : 1.0);
      result.observed_regret.push_back(
          found ? table.regret(disguise.number(found->best_value_configuration)) : 1.0);
    }
  }
  // An exhausted searcher keeps what it had.
  while (result.regret.size() < options.checkpoints.size()) {
    if (result.regret.empty())
      throw Error(ErrorCode::InvalidArgument,
                  "method '" + options.method + "' proposed nothing up to the first checkpoint");
    result.regret.push_back(result.regret.back());
    result.observed_regret.push_back(result.observed_regret.back());
  }
  return result;
}

}  // namespace skipjack::bench
