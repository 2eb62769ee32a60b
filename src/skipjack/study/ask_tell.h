// Ask-tell: a tuning without processes, for programs that evaluate for themselves. The caller asks
// for a configuration, measures it however it likes, and tells what came out:
//   skipjack::AskTell study({.space = space, .metrics = {{"loss"}}, .method = "bayesopt"});
//   auto trial = study.ask();
//   study.tell(trial.id, {{"loss", measure(trial.configuration)}});
// It is the same schedulers, events and history as the tuner's, so a sink makes an ordinary journal
// of it, and past events let it go on where an earlier one ended. It never waits and runs nothing.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/base/clock.h"
#include "skipjack/schedule/scheduler.h"
#include "skipjack/search/recommend.h"
#include "skipjack/space/search_space.h"
#include "skipjack/trial/history.h"

namespace skipjack {

struct AskTellOptions {
  SearchSpace space;
  /// At least one objective; the first is what best() and the method look at.
  std::vector<Metric> metrics;
  /// See method/method.h for the names.
  std::string method = "bayesopt";
  /// The method's own options; null for none.
  Json method_options = {};
  /// The same seed and the same answers give the same questions.
  std::uint64_t seed = 0;
  /// Asked first; partial configurations are filled by midpoints. Unset: the midpoint of the space,
  /// if it satisfies the constraints. Empty: none.
  std::optional<std::vector<Configuration>> points_to_evaluate = {};
  /// Gets every event before the call that caused it returns. May be null; must outlive the study.
  EventSink* sink = nullptr;
  /// Events of an earlier study with the same options, as its sink got them. Trials without an end
  /// can still be told.
  std::vector<Event> past = {};
  const Clock* clock = &system_clock();
};

/// A configuration to measure.
struct AskedTrial {
  TrialId id = 0;
  Configuration configuration;
  /// 0, or more for a paused trial that goes on.
  int attempt = 0;
  /// Resource at which the method wants to look again; unset: to the end.
  std::optional<std::int64_t> max_resource;
};

/// What to do with a trial after a report.
enum class Advice {
  Continue,
  End,  ///< the method has stopped or paused it: stop measuring, and don't tell any more of it
};

/// The best value so far of the first objective among trials that are measured and feasible.
struct BestTrial {
  TrialId id = 0;
  Configuration configuration;
  double value = 0;
};

/// Movable, not copyable; not thread-safe. Any number of trials may be open at a time.
class AskTell {
 public:
  using Values = std::vector<std::pair<std::string, double>>;

  /// Throws InvalidArgument for options that don't fit together (see make_scheduler), Corrupted for
  /// past events that can't be, Io from the sink.
  explicit AskTell(AskTellOptions options);

  /// Throws Exhausted when the method has nothing more to ask, or nothing before open trials are
  /// told.
  AskedTrial ask();
  /// The same, but nullopt where the method waits for open trials.
  std::optional<AskedTrial> try_ask();

  /// The final values of an open trial; every objective among them, other names are kept too. An
  /// objective that is not finite makes the trial a failed one. Throws InvalidArgument for a
  /// missing objective or a trial that is not open.
  void tell(TrialId trial, const Values& values);
  /// It failed: its configuration is not asked again.
  void tell_failed(TrialId trial, const std::string& reason = "failed");
  /// Values on the way, the resource (epochs, ...) among them, for methods that stop early. After
  /// End the trial is closed; a paused one comes back from ask().
  Advice report(TrialId trial, const Values& values);

  /// nullopt before the first value.
  std::optional<BestTrial> best() const;
  /// The configuration to believe in under noise: see search/recommend.h.
  std::optional<Recommendation> recommend() const;
  const History& history() const { return history_; }

 private:
  const Trial& require_open(TrialId id) const;
  bool is_open(TrialId id) const;
  Duration now() const;
  void emit(EventBody body);
  void take(const Event& event);
  void reach_deadlines();
  /// Carries out what the scheduler says; the trial that it starts, if any. free_workers: 0 or 1.
  std::optional<AskedTrial> decide(int free_workers);
  std::optional<AskedTrial> carry_out(const Command& command);
  void order_end(TrialId id, Outcome outcome, const std::string& reason);
  void end(TrialId id, AttemptEnd how);
  void flush();

  AskTellOptions options_;
  std::unique_ptr<Scheduler> scheduler_;
  History history_;
  /// Clock reading at which the running time was zero.
  Duration origin_{0};
  std::map<TrialId, Duration> deadlines_;
  /// Trials that the method has ordered to end, and how.
  std::map<TrialId, AttemptEnd> ordered_;
  std::optional<std::string> finished_;
  std::vector<Event> unsaved_;
};

}  // namespace skipjack
