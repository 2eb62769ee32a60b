// Where a tuning calls back into Python: a scheduler or searcher written there, watchers of its
// events, a stopping function, messages, Ctrl-C. Private to the binding.
#pragma once

#include <nanobind/nanobind.h>

#include <functional>
#include <memory>
#include <vector>

#include "skipjack/study/tuning.h"

namespace skipjack::python {

/// Each may be None. skipjack.tuner gives them; the shapes of what they take and return are there.
struct Hooks {
  nanobind::object scheduler, searcher, on_events, on_turn, stop_when, log;
};

/// Lives as long as the tuning, is made and destroyed with the interpreter's lock held; the tuning
/// runs without it.
class HookedRun {
 public:
  HookedRun(Hooks hooks, Interrupt& interrupt, double turn_interval);
  HookedRun(const HookedRun&) = delete;
  HookedRun& operator=(const HookedRun&) = delete;

  RunOptions options();
  /// Events before this number are those of earlier runs: nobody watches them again.
  void begin_at(std::int64_t event) { first_event_ = event; }
  /// Calls into Python. Ctrl-C in the middle of it ends the tuning in order, as between calls.
  void call(const std::function<void()>& python);
  /// After the tuning: what no turn delivered; then the KeyboardInterrupt that ended it, if one
  /// did.
  void finish(const History& history);

 private:
  class Watched;
  std::unique_ptr<Scheduler> make_scheduler(const TuningDefinition& definition);
  void deliver(const History& history);
  void on_turn(const Turn& turn);

  Hooks hooks_;
  Interrupt& interrupt_;
  Duration turn_interval_;
  std::int64_t first_event_ = 0;
  std::vector<Event> undelivered_;
  std::exception_ptr keyboard_interrupt_;
};

}  // namespace skipjack::python
