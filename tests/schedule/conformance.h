// What every scheduler promises, as a suite: a test names a factory, and the suite drives it
// through a small simulated world, records the events, and replays them. The world's trials report
// at the levels of a resource; some fail, some are lost and run again, some end by themselves where
// they were to pause, some start over when they are resumed, some jump over levels, and reports
// come late.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/base/rng.h"
#include "skipjack/schedule/scheduler.h"

namespace skipjack::testing {

/// The largest level of trials.
inline constexpr std::int64_t kMaxEpoch = 9;

struct SchedulerCase {
  std::string name;
  std::function<std::unique_ptr<Scheduler>()> make;
  /// What trials report beside "epoch".
  std::vector<Metric> metrics = {{.name = "loss"}};
  /// Of a world; fewer where decisions are dear.
  int max_turns = 300;
  int num_seeds = 10;
};

inline void PrintTo(const SchedulerCase& c, std::ostream* out) { *out << c.name; }

/// All that a command says.
std::string text_of(const Command& command);

/// What was decided, and after how many events.
struct Decision {
  std::size_t num_events = 0;
  int free_workers = 0;
  std::string commands;
  friend bool operator==(const Decision&, const Decision&) = default;
};

/// Drives a scheduler through random events as the tuner would, and checks what it commands: no
/// more starts than free workers; nothing resumed that it had stopped, that runs, or that failed;
/// nothing paused or stopped that never was; checkpoints taken from trials that there are, and each
/// worth something or nothing; never idle for good.
class World {
 public:
  World(Scheduler& scheduler, std::vector<Metric> metrics, std::uint64_t seed, int workers)
      : scheduler_(scheduler),
        metrics_(std::move(metrics)),
        rng_(seed, "world"),
        seed_(seed),
        workers_(workers) {}

  void run(int max_turns);
  const std::vector<Event>& events() const { return events_; }
  const std::vector<Decision>& decisions() const { return decisions_; }
  const History& history() const { return history_; }
  bool finished() const { return finished_; }
  int num_pauses() const { return num_pauses_; }
  int num_resumes() const { return num_resumes_; }

 private:
  /// A program that runs.
  struct Program {
    AttemptId id;
    /// Last level reported by it.
    std::int64_t level = 0;
    /// At which it ends by itself.
    std::int64_t last = kMaxEpoch;
  };

  void add(EventBody body);
  bool decide();
  void obey(const Start& start);
  void obey(const Resume& resume);
  void obey(const Stop& stop);
  void obey(const Pause& pause);
  void happen();
  void reach_deadlines();
  void launch(AttemptId id, std::optional<std::int64_t> max_resource);
  void report(Program& program);
  void end(TrialId trial, Outcome outcome);
  int num_free() const { return workers_ - static_cast<int>(live_.size()); }

  Scheduler& scheduler_;
  const std::vector<Metric> metrics_;
  Rng rng_;
  const std::uint64_t seed_;
  const int workers_;
  History history_;
  std::vector<Event> events_;
  std::vector<Decision> decisions_;
  std::map<TrialId, Program> live_;
  /// Levels at which trials that rest left checkpoints.
  std::map<TrialId, std::int64_t> checkpoints_;
  std::map<TrialId, Duration> deadlines_;
  std::set<TrialId> stopped_;
  int num_pauses_ = 0, num_resumes_ = 0;
  Duration time_{0};
  bool finished_ = false;
};

/// The promises, one function each.
void check_same_events_give_the_same_decisions(const SchedulerCase& c);
void check_replay_gives_the_same_decisions(const SchedulerCase& c);
void check_starts_nothing_without_a_free_worker(const SchedulerCase& c);
void check_keeps_the_rules_of_a_world(const SchedulerCase& c);

}  // namespace skipjack::testing
