// What schedulers that measure trials at one level after the other have in common: it waits for
// each trial's result at the level asked for, has the trial ended there, and knows who can go on.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "skipjack/schedule/resource.h"
#include "skipjack/schedule/scheduler.h"

namespace skipjack {

/// Part of a scheduler's state. Not thread-safe.
class LevelWatch {
 public:
  /// metric: the one that ranks.
  LevelWatch(const ResourceOptions& resource, Metric metric);

  /// What is wanted next of a trial: its loss at the first report at this level or beyond. To be
  /// called when it starts or resumes, before apply() sees that event.
  void expect(TrialId trial, std::int64_t level);

  struct Result {
    TrialId trial = 0;
    /// Smaller is better; +infinity for a value that is not finite. Unset: it failed or was
    /// stopped, and can't go on.
    std::optional<double> loss;
  };
  /// Every event, in order. A trial that ends by itself below its level gives its last loss.
  std::optional<Result> apply(const Event& event, const History& history);

  /// Pauses trials that have given their result, stops those that have come to max_t. Throws
  /// InvalidArgument for reports that make no sense.
  std::vector<Command> decide(const History& history) const;

  /// It gave its result and may be resumed.
  bool is_at_rest(TrialId trial) const;
  /// Of a trial that gave its result, its loss at a level above, if it need not run for that: it
  /// came so far in the moment of its result (reports may come several at once), or it ended by
  /// itself below, so that its last loss is all that will ever be known.
  std::optional<double> loss_at(TrialId trial, std::int64_t level) const;
  /// Trials whose attempt runs, or will run again since it was lost.
  std::int64_t num_running() const { return num_running_; }

 private:
  struct LevelLoss {
    std::int64_t level = 0;
    double loss = 0;
  };
  struct State {
    /// 0: nothing is wanted of it.
    std::int64_t expected = 0;
    bool is_running = false;
    /// Failed, or was stopped.
    bool is_dead = false;
    bool ended_itself = false;
    std::optional<double> last_loss;
    /// Its result, and reports that came behind it before it was told to end.
    std::vector<LevelLoss> from_result;
  };
  State& state(TrialId trial);
  bool is_complete(TrialId trial) const { return log_.reached(trial) >= max_t_; }
  void begin(TrialId trial);
  std::optional<Result> take_report(const Reported& report, const History& history);
  std::optional<Result> take_end(TrialId trial, Outcome outcome);
  std::optional<Result> give_up(TrialId trial);

  ResourceLog log_;
  Metric metric_;
  std::int64_t max_t_;
  std::vector<State> states_;
  /// They run and nothing is wanted of them any more.
  std::set<TrialId> to_end_;
  std::int64_t num_running_ = 0;
};

}  // namespace skipjack
