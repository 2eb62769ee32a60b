// A tuner is killed with SIGKILL at points drawn over the events of its journal, and the experiment
// is resumed, until it ends. The trials are shell scripts with children and grandchildren; they
// keep their own record of what ran, which is the truth that the journal is held against.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <limits>
#include <sstream>
#include <thread>

#include "../temporary_folder.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/base/rng.h"
#include "skipjack/method/method.h"
#include "skipjack/study/tuning.h"

namespace skipjack {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int kTrials = 8;
constexpr int kReports = 3;

/// Where in a turn the tuner dies, once the journal (or what is about to go there) has reached a
/// number of events.
enum class Moment {
  BeforeCommit,  ///< the turn's events are made, not written
  BeforeAction,  ///< they are written, what they order is not carried out
  AfterAction,   ///< one order has been carried out
  AfterTurn,
  NumMoments,
};

struct KillPoint {
  Moment moment = Moment::AfterTurn;
  std::int64_t num_events = 0;
};

void die() {
  ::kill(::getpid(), SIGKILL);
  ::pause();
}

class DyingScheduler final : public Scheduler {
 public:
  DyingScheduler(std::unique_ptr<Scheduler> inner, KillPoint point, std::int64_t* num_events)
      : inner_(std::move(inner)), point_(point), num_events_(num_events) {}
  void apply(const Event& event, const History& history) override {
    *num_events_ = event.number + 1;
    if (point_.moment == Moment::BeforeCommit && *num_events_ >= point_.num_events) die();
    inner_->apply(event, history);
  }
  std::vector<Command> decide(const SchedulerView& view) override { return inner_->decide(view); }

 private:
  std::unique_ptr<Scheduler> inner_;
  const KillPoint point_;
  std::int64_t* num_events_;
};

class DyingBackend final : public Backend {
 public:
  DyingBackend(std::unique_ptr<Backend> inner, KillPoint point, const std::int64_t* num_events)
      : inner_(std::move(inner)), point_(point), num_events_(num_events) {}
  void start(const StartRequest& request) override {
    if (due(Moment::BeforeAction)) die();
    inner_->start(request);
    if (!due(Moment::AfterAction)) return;
    std::this_thread::sleep_for(30ms);  // so that the trial has left its trace
    die();
  }
  void end(AttemptId id, EndAs as) override { inner_->end(id, as); }
  std::vector<BackendEvent> wait(Duration timeout) override { return inner_->wait(timeout); }
  void wake() override { inner_->wake(); }
  int capacity() const override { return inner_->capacity(); }
  std::vector<AttemptId> reconcile(const std::vector<AttemptId>& attempts) override {
    return inner_->reconcile(attempts);
  }
  void delete_checkpoint(TrialId trial) override { inner_->delete_checkpoint(trial); }

 private:
  bool due(Moment moment) const {
    return point_.moment == moment && *num_events_ >= point_.num_events;
  }
  std::unique_ptr<Backend> inner_;
  const KillPoint point_;
  const std::int64_t* num_events_;
};

/// One experiment that is killed and resumed.
class KilledTuning {
 public:
  KilledTuning(std::uint64_t seed, Duration long_step)
      : store_(folder_.path() / "root"), mark_(folder_.path().filename().string()) {
    const fs::path script = folder_.path() / "trial.sh";
    // Each run of a trial appends its configuration to "runs" and holds a lock that its children
    // inherit: whoever finds it taken has met a survivor of an earlier attempt.
    std::ofstream(script) << "#!/bin/sh\n"
                             "x=$2; dir=${4%/checkpoints}\n"
                             "exec 9>\"$dir/lock\"\n"
                             "flock -n 9 || echo \"$x\" >> \"$dir/overlap\"\n"
                             "echo \"$x\" >> \"$dir/runs\"\n"
                             "sleep 300 &\n"
                             "setsid sh -c 'sleep 300 & sleep 300' &\n"
                             "step=0.03; [ $((x % 8)) = 0 ] && step="
                          << to_seconds(long_step)
                          << "\n"
                             "for i in 1 2 3; do\n"
                             "  sleep $step\n"
                             "  echo \"[tune-metric]: {\\\"loss\\\": $x.5, \\\"step\\\": $i}\"\n"
                             "done\n";
    ::chmod(script.c_str(), 0755);
    definition_.space = SearchSpace::from_text("x: randint(0, 1000000)");
    definition_.metrics = {{.name = "loss"}};
    definition_.method = seed % 2 ? "bayesopt" : "random";
    definition_.seed = seed;
    definition_.workers = 3;
    definition_.stop.max_trials_started = kTrials;
    definition_.program.entry_point = script;
    definition_.program.environment = {{"KILL_RESUME_MARK", mark_}};
    definition_.program.grace = 300ms;
  }

  /// Runs it in a child process, from the start or from where it is. Returns whether the child was
  /// killed.
  bool run(KillPoint point) {
    const pid_t child = ::fork();
    if (child == 0) run_in_child(point);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return true;
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
        << "the tuner ended with status " << status << ": " << problem();
    return false;
  }

  bool exists() const { return fs::exists(store_.root() / kName / "journal.sqlite"); }
  std::vector<Event> events() const { return store_.read(kName).events; }

  /// The number of events that the tuner saw committed.
  std::int64_t num_acknowledged() const {
    std::error_code ignored;
    if (!fs::exists(folder_.path() / "acknowledged", ignored)) return 0;
    return std::stoll("0" + read_file(folder_.path() / "acknowledged"));
  }

  /// Lines of trials/<id>/<file>; empty if it is not there.
  std::vector<std::string> lines(TrialId id, const std::string& file) const {
    std::ifstream in(store_.root() / kName / "trials" / std::to_string(id) / file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

  /// Processes of the trials that are alive.
  std::vector<std::string> survivors() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      const std::string pid = entry.path().filename().string();
      if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
      std::ifstream environment(entry.path() / "environ", std::ios::binary);
      std::stringstream text;
      text << environment.rdbuf();
      if (text.str().find("KILL_RESUME_MARK=" + mark_) != std::string::npos) found.push_back(pid);
    }
    return found;
  }

  bool all_gone_within(Duration limit) const {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (!survivors().empty()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }

 private:
  static constexpr const char* kName = "killed";

  [[noreturn]] void run_in_child(KillPoint point) {
    try {
      std::int64_t num_events = 0;
      RunOptions run;
      run.make_scheduler = [&](const TuningDefinition& d) {
        return std::make_unique<DyingScheduler>(
            make_scheduler(d.method, {.space = d.space, .metrics = d.metrics, .seed = d.seed}),
            point, &num_events);
      };
      run.make_backend = [&](const TuningDefinition& d, const fs::path& folder) {
        return std::make_unique<DyingBackend>(make_program_backend(d, folder), point, &num_events);
      };
      run.on_turn = [&](const Turn& turn) {
        write_file_atomically(folder_.path() / "acknowledged",
                              std::to_string(turn.history.num_events()));
        if (point.moment == Moment::AfterTurn && turn.history.num_events() >= point.num_events)
          die();
      };
      if (exists())
        resume_tuning(store_, kName, {.run = run});
      else
        start_tuning(store_, kName, definition_, run);
    } catch (const std::exception& e) {
      std::ofstream(folder_.path() / "problem") << e.what();
      ::_exit(1);
    }
    ::_exit(0);
  }

  std::string problem() const {
    return fs::exists(folder_.path() / "problem") ? read_file(folder_.path() / "problem") : "";
  }

  TemporaryFolder folder_;
  ExperimentStore store_;
  const std::string mark_;
  TuningDefinition definition_;
};

std::string text_of(const Event& event) {
  return std::to_string(event.number) + " " + std::to_string(event.time.count()) + " " +
         to_json_text(to_json(event.body));
}

void expect_prefix(const std::vector<Event>& before, const std::vector<Event>& after) {
  ASSERT_LE(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i) ASSERT_EQ(text_of(before[i]), text_of(after[i]));
}

/// What ran, by the trials' own record, against what the journal says.
void expect_record_agrees(const KilledTuning& tuning, const History& history) {
  for (const Trial& trial : history.trials()) {
    const std::string x = std::to_string(trial.configuration.at("x").as_int());
    const std::vector<std::string> runs = tuning.lines(trial.id, "runs");
    EXPECT_LE(runs.size(), static_cast<std::size_t>(trial.attempt) + 1);
    for (const std::string& run : runs)
      EXPECT_EQ(run, x) << "trial " << trial.id << " ran with two configurations";
    EXPECT_TRUE(tuning.lines(trial.id, "overlap").empty())
        << "trial " << trial.id << " met a survivor of its earlier attempt";
  }
  EXPECT_TRUE(tuning.lines(static_cast<TrialId>(history.trials().size()), "runs").empty())
      << "a trial ran of which the journal knows nothing";
}

void expect_complete(const KilledTuning& tuning, const History& history) {
  ASSERT_EQ(history.trials().size(), static_cast<std::size_t>(kTrials));
  for (const Trial& trial : history.trials()) {
    EXPECT_EQ(trial.status, TrialStatus::Completed) << "trial " << trial.id;
    EXPECT_FALSE(tuning.lines(trial.id, "runs").empty());
    ASSERT_EQ(trial.reports.size(), static_cast<std::size_t>(kReports)) << "trial " << trial.id;
    for (int i = 0; i < kReports; ++i)
      EXPECT_EQ(trial.reports[static_cast<std::size_t>(i)].metrics.at("step").as_int(), i + 1);
  }
}

/// Kills one experiment up to max_kills times, then lets it end. Returns the number of kills.
int kill_and_resume(std::uint64_t seed, int max_kills, Duration long_step) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng rng(seed, "kills");
  KilledTuning tuning(seed, long_step);
  std::vector<Event> before;
  int num_kills = 0;
  for (bool done = false; !done;) {
    KillPoint point{
        .moment = static_cast<Moment>(rng.uniform_int(0, static_cast<int>(Moment::NumMoments) - 1)),
        .num_events =
            static_cast<std::int64_t>(before.size()) + rng.uniform_int(1, 5 * kTrials + 1)};
    if (num_kills >= max_kills) point.num_events = std::numeric_limits<std::int64_t>::max();
    done = !tuning.run(point);
    if (!done) ++num_kills;
    if (::testing::Test::HasFailure()) return num_kills;
    // Half of the time the next tuner meets what the dead one has left.
    if (done || rng.bernoulli(0.5)) {
      EXPECT_TRUE(tuning.all_gone_within(10s)) << "orphans";
    }
    const std::vector<Event> after = tuning.events();
    EXPECT_GE(static_cast<std::int64_t>(after.size()), tuning.num_acknowledged());
    expect_prefix(before, after);
    const History was = fold(before), is = fold(after);
    for (const TrialId id : was.running()) {
      // Half-done at the last death: once the next run has got so far, another attempt.
      const bool was_lost = was.find(id)->end.has_value();
      if (done || (is.find(id)->end && is.find(id)->end->outcome == Outcome::Completed)) {
        EXPECT_EQ(is.find(id)->attempt, was.find(id)->attempt + 1)
            << "trial " << id << (was_lost ? " (lost)" : "");
      }
    }
    expect_record_agrees(tuning, is);
    if (done) expect_complete(tuning, is);
    before = after;
  }
  EXPECT_TRUE(tuning.survivors().empty());
  return num_kills;
}

// SKIPJACK_KILLS and SKIPJACK_LONG_STEP_MS come from the build: a quick variant, and one of 200
// kills in which an eighth of the trials take three steps of nearly two seconds. In parts, which
// ctest may run side by side.
constexpr int kParts = 4;
class KillResume : public ::testing::TestWithParam<int> {};

TEST_P(KillResume, LosesNothing) {
  int num_kills = 0;
  for (auto seed = static_cast<std::uint64_t>(1000 * GetParam());
       num_kills < SKIPJACK_KILLS / kParts && !HasFailure(); ++seed)
    num_kills += kill_and_resume(seed, 4, std::chrono::milliseconds(SKIPJACK_LONG_STEP_MS));
  std::cout << num_kills << " kills\n";
  EXPECT_GE(num_kills, SKIPJACK_KILLS / kParts);
}
INSTANTIATE_TEST_SUITE_P(Part, KillResume, ::testing::Range(0, kParts), [](const auto& part) {
  // Both variants are in one ctest, which tells tests apart by name.
  return std::to_string(SKIPJACK_KILLS) + "Kills" + std::to_string(part.param);
});

}  // namespace
}  // namespace skipjack
