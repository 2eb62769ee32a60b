// Ask-tell: a tuning without processes, for programs that evaluate for themselves. The caller asks
// for a configuration, measures it however it likes, and tells what came out:
//   skipjack::AskTell study({.space = space, .metrics = {{"loss"}}, .method = "bayesopt"});
//   auto trial = study.ask();
//   study.tell(trial.id, {{"loss", measure(trial.configuration)}});
// It is the same schedulers, events and history as the tuner's, so a sink makes an ordinary journal
// of it, and past events let it go on where an earlier one ended. Many threads may ask and tell; a
// trial whose worker vanished can be asked again. It never waits and runs nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/base/clock.h"
#include "skipjack/search/front.h"
#include "skipjack/search/recommend.h"
#include "skipjack/search/warm_start.h"
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
  /// if it satisfies the constraints and there are no sources. Empty: none.
  std::optional<std::vector<Configuration>> points_to_evaluate = {};
  /// Earlier experiments to begin from, such as study/sources.h reads.
  std::vector<SourceExperiment> sources = {};
  /// How long a trial may be silent, neither told nor reported, before it counts as abandoned: the
  /// next ask then ends its attempt as lost, which is an event like any other, and returns the same
  /// trial as its next attempt, before anything new and the longest silent first. In running time
  /// of the study: what passes between two programs that go on from one another doesn't count.
  /// Range (0, inf); unset: never. Well above the longest silence of a worker that lives; too short
  /// a time measures things twice.
  std::optional<Duration> ask_timeout = {};
  /// A trial that was abandoned so often has failed, and its configuration is not asked again: it
  /// may be what its workers die of. Range [1, inf). Default 3: two vanish for reasons of their own
  /// now and then, three with the same configuration hardly do.
  int max_lost_attempts = 3;
  /// Gets every event before the call that caused it returns, from one thread at a time. May be
  /// null; must outlive the study.
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
  /// 0, or more for a paused trial that goes on and for an abandoned one that is asked again.
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

/// Movable, not copyable. Thread-safe: calls take turns, also while a model is fitted; recommend()
/// alone computes beside the others. Any number of trials may be open at a time.
class AskTell {
 public:
  using Values = std::vector<std::pair<std::string, double>>;

  /// Throws InvalidArgument for options that don't fit together (see make_scheduler), Corrupted for
  /// past events that can't be, Io from the sink.
  explicit AskTell(AskTellOptions options);
  AskTell(AskTell&&) noexcept;
  AskTell& operator=(AskTell&&) noexcept;
  ~AskTell();

  /// Throws Exhausted when the method has nothing more to ask, or nothing before open trials are
  /// told or abandoned.
  AskedTrial ask();
  /// A batch: each is chosen knowing that those before it are being measured. At least one; fewer
  /// than number where ask() would throw after them. number: [1, inf).
  std::vector<AskedTrial> ask(int number);
  /// One, but nullopt where there may be more once open trials are told or abandoned.
  std::optional<AskedTrial> try_ask();

  // attempt: as it was asked (AskedTrial::attempt); unset: the one that is open. It matters with
  // ask_timeout, where a slow worker and the one that was asked after it have the same trial: until
  // somebody is asked again a late answer is taken, and then, if it names its attempt, refused with
  // Timeout. Each throws InvalidArgument for a trial or an attempt that is not open.

  /// The final values of an open trial; every objective among them, other names are kept too. An
  /// objective that is not finite makes the trial a failed one. They are one more report, unless
  /// the attempt's last one holds all of them, in any order and with others. Throws InvalidArgument
  /// for a missing objective.
  void tell(TrialId trial, const Values& values, std::optional<int> attempt = std::nullopt);
  /// It failed: its configuration is not asked again.
  void tell_failed(TrialId trial, const std::string& reason = "failed",
                   std::optional<int> attempt = std::nullopt);
  /// Values on the way, the resource (epochs, ...) among them, for methods that stop early, and as
  /// a sign of life. After End the trial is closed; a paused one comes back from ask().
  Advice report(TrialId trial, const Values& values, std::optional<int> attempt = std::nullopt);

  /// nullopt before the first value.
  std::optional<BestTrial> best() const;
  /// The configuration to believe in under noise: see search/recommend.h.
  std::optional<Recommendation> recommend() const;
  /// With several objectives, the trials that no other is better than: see search/front.h.
  std::vector<FrontMember> front() const;
  /// A copy, as of now.
  History history() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace skipjack
