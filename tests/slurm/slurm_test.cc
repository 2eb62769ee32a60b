// What happens to jobs on a real cluster of four nodes: where they run, how they are ended, paused
// and lost, and who reads them when the tuner is gone.
#include "skipjack/base/error.h"
#include "slurm/slurm_fixture.h"

namespace skipjack {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Reports a step every 0.1 s up to --steps, from where the checkpoint says; notes where it runs.
constexpr const char* kStepScript = R"(#!/bin/bash
steps=$2 checkpoints=$4
mkdir -p "$checkpoints"
i=$(cat "$checkpoints/step" 2>/dev/null || echo 0)
trap 'exit 0' TERM
while [ "$i" -lt "$steps" ]; do
  i=$((i+1))
  echo "[tune-metric]: {\"i\": $i, \"node\": \"$SLURMD_NODENAME\"}"
  echo $i >"$checkpoints/step.new" && mv "$checkpoints/step.new" "$checkpoints/step"
  sleep 0.1
done
)";

Configuration steps(int count) { return Json(Json::Object{{"steps", Json(count)}}); }

/// Where programs are looked for, until the end of a scope.
class OtherPath {
 public:
  explicit OtherPath(const std::string& path) { ::setenv("PATH", path.c_str(), 1); }
  ~OtherPath() { ::setenv("PATH", before_.c_str(), 1); }
  OtherPath(const OtherPath&) = delete;
  OtherPath& operator=(const OtherPath&) = delete;

 private:
  std::string before_ = std::getenv("PATH");
};

class Slurm : public ::testing::Test {
 protected:
  Slurm() : options_(quick_options(folder_, kStepScript)) {}
  ~Slurm() override {
    EXPECT_TRUE(eventually([] { return jobs().empty(); })) << jobs();
  }

  std::unique_ptr<Backend> make(int capacity = 1) {
    options_.capacity = capacity;
    options_.log = [this](LogLevel level, std::string_view text) {
      if (level == LogLevel::Warning) log_ += std::string(text) + "\n";
    };
    return make_slurm_backend(options_);
  }
  static std::string node_of(const Listener& listener, TrialId trial) {
    return listener.reports.at({trial, 0}).at(0).at("node").as_string();
  }

  SharedFolder folder_;
  SlurmOptions options_;
  std::string log_;
};

TEST_F(Slurm, EightTrialsRunOnFourNodes) {
  // Two processors of a node's four: two trials a node.
  options_.job.cpus = 2;
  const auto backend = make(8);
  Listener listener(*backend);
  for (int trial = 0; trial < 8; ++trial) backend->start(request(trial, steps(3)));
  ASSERT_TRUE(listener.until_finished(8));
  std::map<std::string, int> by_node;
  for (int trial = 0; trial < 8; ++trial) {
    EXPECT_EQ(listener.ends.at({trial, 0}).outcome, Outcome::Completed);
    const std::vector<Json>& reports = listener.reports.at({trial, 0});
    ASSERT_EQ(reports.size(), 3u);
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(reports[static_cast<std::size_t>(i)].at("i").as_int(), i + 1);
    ++by_node[reports[0].at("node").as_string()];
  }
  EXPECT_EQ(by_node.size(), 4u);
}

TEST_F(Slurm, ConstraintDecidesWhereATrialRuns) {
  options_.job.constraint = "kind-b";
  const auto backend = make(2);
  Listener listener(*backend);
  for (int trial = 0; trial < 2; ++trial) backend->start(request(trial, steps(1)));
  ASSERT_TRUE(listener.until_finished(2));
  for (int trial = 0; trial < 2; ++trial)
    EXPECT_TRUE(node_of(listener, trial) == "n3" || node_of(listener, trial) == "n4");
}

TEST_F(Slurm, PausedTrialGoesOnFromItsCheckpoint) {
  const auto backend = make();
  Listener listener(*backend);
  backend->start(request(0, steps(1000)));
  ASSERT_TRUE(listener.until_reports(3));
  backend->end({0, 0}, EndAs::Paused);
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Paused);
  const auto last = listener.reports.at({0, 0}).back().at("i").as_int();
  backend->start(request(0, steps(static_cast<int>(last) + 2), 1));
  ASSERT_TRUE(listener.until_finished(2));
  EXPECT_EQ(listener.ends.at({0, 1}).outcome, Outcome::Completed);
  // The step in which it was asked may have been counted and not been printed.
  EXPECT_GE(listener.reports.at({0, 1}).front().at("i").as_int(), last);
  EXPECT_EQ(listener.reports.at({0, 1}).back().at("i").as_int(), last + 2);
}

TEST_F(Slurm, AnotherTrialsCheckpointIsCopied) {
  const auto backend = make();
  Listener listener(*backend);
  backend->start(request(0, steps(2)));
  ASSERT_TRUE(listener.until_finished(1));
  StartRequest second = request(1, steps(4));
  second.checkpoint_from = 0;
  backend->start(second);
  ASSERT_TRUE(listener.until_finished(2));
  EXPECT_EQ(listener.reports.at({1, 0}).front().at("i").as_int(), 3);
}

TEST_F(Slurm, WhatItHasLetGoOfRunsOnAndIsAdopted) {
  {
    const auto first = make();
    Listener listener(*first);
    first->start(request(0, steps(1000)));
    ASSERT_TRUE(listener.until_reports(1));
    first->let_go();
  }
  const auto second = make();
  EXPECT_EQ(second->reconcile({{0, 0}}).size(), 1u);
  Listener listener(*second);
  ASSERT_TRUE(listener.until_reports(1));
}

TEST_F(Slurm, CancelledFromOutsideHasFailed) {
  const auto backend = make();
  Listener listener(*backend);
  backend->start(request(0, steps(1000)));
  ASSERT_TRUE(listener.until_reports(1));
  output_of("scancel --me");
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Failed);
  EXPECT_NE(listener.ends.at({0, 0}).reason.find("cancelled from outside"), std::string::npos)
      << listener.ends.at({0, 0}).reason;
}

TEST_F(Slurm, WaitingTrialIsStoppedBeforeItRuns) {
  options_.job.extra = {"--begin=now+1hour"};
  const auto backend = make();
  Listener listener(*backend);
  backend->start(request(0, steps(1)));
  ASSERT_TRUE(eventually([&] {
    backend->wait(milliseconds(20));
    return !jobs().empty();
  }));
  backend->end({0, 0}, EndAs::Stopped);
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Stopped);
}

TEST_F(Slurm, TrialStoppedAtOnceIsStoppedWhereverItsSubmissionIs) {
  const auto backend = make(3);
  Listener listener(*backend);
  for (int trial = 0; trial < 3; ++trial) backend->start(request(trial, steps(1000)));
  // One is at sbatch, two wait for their turn.
  EXPECT_TRUE(backend->wait(milliseconds(0)).empty());
  for (int trial = 0; trial < 3; ++trial) backend->end({trial, 0}, EndAs::Stopped);
  ASSERT_TRUE(listener.until_finished(3));
  for (int trial = 0; trial < 3; ++trial)
    EXPECT_EQ(listener.ends.at({trial, 0}).outcome, Outcome::Stopped);
  EXPECT_EQ(listener.num_reports, 0u);
}

TEST_F(Slurm, BackendThatGoesWhileItSubmitsLeavesNoJob) {
  const auto backend = make(2);
  for (int trial = 0; trial < 2; ++trial) backend->start(request(trial, steps(1000)));
  EXPECT_TRUE(backend->wait(milliseconds(0)).empty());
}

TEST_F(Slurm, DefaultsOfTheUserAreNotInTheWay) {
  const std::pair<const char*, const char*> defaults[] = {
      {"SQUEUE_PARTITION", "small"}, {"SQUEUE_FORMAT", "%i"},     {"SCANCEL_INTERACTIVE", "1"},
      {"SBATCH_WAIT", "1"},          {"SBATCH_ARRAY_INX", "1-3"}, {"SLURM_JOB_ID", "1"}};
  for (const auto& [name, value] : defaults) ::setenv(name, value, 1);
  {
    options_.shortest_look = options_.longest_look = seconds(1);
    const auto backend = make();
    Listener listener(*backend);
    backend->start(request(0, steps(20)));
    ASSERT_TRUE(listener.until_reports(1));
    backend->end({0, 0}, EndAs::Paused);
    ASSERT_TRUE(listener.until_finished(1));
    EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Paused);
  }
  for (const auto& [name, value] : defaults) ::unsetenv(name);
}

TEST_F(Slurm, TrialsOfANodeThatGoesDownAreLost) {
  options_.job.cpus = 4;
  const auto backend = make(2);
  Listener listener(*backend);
  backend->start(request(0, steps(30)));
  backend->start(request(1, steps(20)));
  ASSERT_TRUE(listener.until([&] { return listener.reports.size() == 2; }));
  const std::string node = node_of(listener, 0);
  ASSERT_NE(node, node_of(listener, 1));
  do_to_cluster("node-down", node);
  // Slurm would see it by itself, half a minute later; tune_test.py waits for that.
  output_of("scontrol update NodeName=" + node + " State=DOWN Reason=test");
  ASSERT_TRUE(listener.until_finished(2));
  do_to_cluster("node-up", node);
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Lost) << listener.ends.at({0, 0}).reason;
  EXPECT_NE(listener.ends.at({0, 0}).reason.find("failed"), std::string::npos)
      << listener.ends.at({0, 0}).reason;
  EXPECT_NE(log_.find("trial 0 runs again: the node of job"), std::string::npos) << log_;
  EXPECT_EQ(listener.ends.at({1, 0}).outcome, Outcome::Completed);
  EXPECT_EQ(listener.reports.at({1, 0}).size(), 20u);
  // As the tuner does then: the next attempt, elsewhere.
  backend->start(request(0, steps(32), 1));
  ASSERT_TRUE(listener.until_finished(3));
  EXPECT_EQ(listener.ends.at({0, 1}).outcome, Outcome::Completed);
  EXPECT_EQ(listener.reports.at({0, 1}).back().at("i").as_int(), 32);
}

TEST_F(Slurm, TrialThatIsLostTooOftenHasFailed) {
  options_.max_reruns = 0;
  options_.job.partition = "low";
  options_.job.extra = {"--exclusive", "--nodelist=n2"};
  const auto backend = make();
  Listener listener(*backend);
  backend->start(request(0, steps(1000)));
  ASSERT_TRUE(listener.until_reports(1));
  output_of(
      "sbatch --parsable --partition=high --exclusive --nodelist=n2 --job-name=strong "
      "--output=/dev/null --wrap 'sleep 1'");
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Failed);
  EXPECT_NE(listener.ends.at({0, 0}).reason.find("pre-empted"), std::string::npos)
      << listener.ends.at({0, 0}).reason;
}

TEST_F(Slurm, RequeuedJobDoesNotRunItsAttemptAgain) {
  options_.job.extra = {"--requeue"};  // a person's wish, against ours
  const auto backend = make();
  Listener listener(*backend);
  backend->start(request(0, steps(1000)));
  ASSERT_TRUE(listener.until_reports(1));
  output_of("scontrol requeue " + jobs("%i"));
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_NE(listener.ends.at({0, 0}).outcome, Outcome::Completed);
  const auto last = listener.reports.at({0, 0}).back().at("i").as_int();
  EXPECT_EQ(listener.reports.at({0, 0}).size(), static_cast<std::size_t>(last));
  output_of("scancel --me");
}

TEST_F(Slurm, ControllerThatRestartsIsWaitedFor) {
  const auto backend = make(2);
  Listener listener(*backend);
  backend->start(request(0, steps(15)));
  ASSERT_TRUE(listener.until_reports(1));
  do_to_cluster("controller-down");
  backend->start(request(1, steps(2)));
  // Reports come without the controller.
  ASSERT_TRUE(listener.until([&] { return !log_.empty() && listener.num_reports >= 5; }));
  do_to_cluster("controller-up");
  ASSERT_TRUE(listener.until_finished(2));
  for (int trial = 0; trial < 2; ++trial)
    EXPECT_EQ(listener.ends.at({trial, 0}).outcome, Outcome::Completed)
        << listener.ends.at({trial, 0}).reason;
  EXPECT_EQ(listener.reports.at({0, 0}).size(), 15u);
  EXPECT_NE(log_.find("Unable to contact slurm controller"), std::string::npos) << log_;
}

/// A tuner of its own process, killed once it has heard so many reports of each of its trials.
void run_killed_tuner(SlurmOptions options, const std::vector<StartRequest>& requests,
                      std::size_t num_reports) {
  options.capacity = static_cast<int>(requests.size());
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto backend = make_slurm_backend(options);
    Listener listener(*backend);
    for (const StartRequest& one : requests) backend->start(one);
    listener.until([&] {
      return listener.reports.size() == requests.size() &&
             std::all_of(listener.reports.begin(), listener.reports.end(),
                         [&](const auto& item) { return item.second.size() >= num_reports; });
    });
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
}

TEST_F(Slurm, JobsOfAKilledTunerAreAdopted) {
  // Trial 0 ends while nobody looks, trial 1 goes on, trial 2 is not in the journal.
  run_killed_tuner(options_, {request(0, steps(4)), request(1, steps(40)), request(2, steps(1000))},
                   1);
  ASSERT_TRUE(eventually([&] {
    return read_file(options_.folder / "0" / "attempt-0.state").find("end") != std::string::npos;
  }));
  const auto backend = make(3);
  // Trial 3 is in the journal, and was never submitted.
  const std::vector<AttemptId> adopted = backend->reconcile({{0, 0}, {1, 0}, {3, 0}});
  EXPECT_EQ(adopted, (std::vector<AttemptId>{{0, 0}, {1, 0}}));
  EXPECT_EQ(output_of("squeue --me --noheader --format=%j | wc -l"), "1\n") << jobs();
  Listener listener(*backend);
  ASSERT_TRUE(listener.until_finished(2));
  EXPECT_EQ(listener.reports.size(), 2u);
  for (const auto& [trial, count] : {std::pair<TrialId, std::size_t>{0, 4}, {1, 40}}) {
    const std::vector<Json>& reports = listener.reports.at({trial, 0});
    EXPECT_EQ(listener.ends.at({trial, 0}).outcome, Outcome::Completed);
    ASSERT_EQ(reports.size(), count);
    for (std::size_t i = 0; i < count; ++i)
      EXPECT_EQ(reports[i].at("i").as_int(), static_cast<std::int64_t>(i) + 1);
  }
  EXPECT_TRUE(std::filesystem::exists(options_.folder / "3" / "attempt-0.run"));
}

TEST_F(Slurm, AdoptedJobCanBeEnded) {
  run_killed_tuner(options_, {request(0, steps(1000))}, 1);
  const auto backend = make();
  EXPECT_EQ(backend->reconcile({{0, 0}}).size(), 1u);
  backend->end({0, 0}, EndAs::Paused);
  Listener listener(*backend);
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Paused);
  EXPECT_GE(listener.reports.at({0, 0}).size(), 1u);
}

TEST_F(Slurm, NodeWhoseClockIsAheadIsNamed) {
  std::filesystem::create_directory(folder_.path() / "ahead");
  folder_.write_script("ahead/date", "#!/bin/bash\nexec /bin/date --date='100 seconds' \"$@\"\n");
  const OtherPath other((folder_.path() / "ahead").string() + ":" + std::getenv("PATH"));
  const auto backend = make();
  Listener listener(*backend);
  backend->start(request(0, steps(1)));
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Completed);
  EXPECT_NE(log_.find("the clock of node " + node_of(listener, 0) + " is "), std::string::npos)
      << log_;
}

TEST_F(Slurm, JobThatIsRefusedEndsTheTuning) {
  options_.job.memory_bytes = std::int64_t{1} << 50;
  const auto backend = make();
  backend->start(request(0, steps(1)));
  Listener listener(*backend);
  try {
    listener.until_finished(1);
    ADD_FAILURE() << "nothing was said";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    EXPECT_NE(std::string(error.what()).find("trial 0 can't be submitted to Slurm: "),
              std::string::npos)
        << error.what();
  }
}

TEST_F(Slurm, ClosedPartitionIsWaitedFor) {
  output_of("scontrol update PartitionName=small State=DRAIN");
  options_.job.partition = "small";
  options_.longest_query = milliseconds(300);
  const auto backend = make();
  backend->start(request(0, steps(1)));
  Listener listener(*backend);
  ASSERT_TRUE(listener.until(
      [&] { return log_.find("can't be submitted to Slurm for now") != std::string::npos; }));
  output_of("scontrol update PartitionName=small State=UP");
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Completed);
}

TEST_F(Slurm, JobThatWouldNotBeTakenIsRefusedAtOnce) {
  const auto refusal = [&](SlurmJob job) {
    options_.job = std::move(job);
    try {
      make();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
      return std::string(error.what());
    }
    return std::string("taken");
  };
  EXPECT_EQ(refusal({.partition = "nope"}),
            "Slurm would not take a trial's job: allocation failure: Invalid partition name "
            "specified");
  // Slurm says the same of nodes that are down at the moment.
  EXPECT_EQ(refusal({.cpus = 99}), "taken");
  EXPECT_NE(log_.find("not available"), std::string::npos) << log_;
  EXPECT_NE(refusal({.constraint = "no-such-feature"}).find("feature"), std::string::npos);
  EXPECT_NE(refusal({.gpus = 1}).find("gres"), std::string::npos);
  EXPECT_NE(refusal({.extra = {"--nonsense"}}).find("unrecognized option"), std::string::npos);
  EXPECT_EQ(refusal({}), "taken");
}

TEST_F(Slurm, FolderThatNodesDoNotSeeIsSaid) {
  // A node whose jobs see another folder in this one's place.
  options_.job.extra = {"--nodelist=n4"};
  do_to_cluster("node-down", "n4");
  do_to_cluster("hide-folder", "n4 '" + folder_.path().string() + "'");
  ASSERT_TRUE(eventually([] { return output_of("sinfo -h -n n4 -p debug -o %t") == "idle\n"; }));
  const auto backend = make();
  Listener listener(*backend);
  backend->start(request(0, steps(1)));
  try {
    listener.until_finished(1);
    ADD_FAILURE() << "nothing was said";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("the node does not see that folder"),
              std::string::npos)
        << error.what();
    EXPECT_NE(std::string(error.what()).find("node n4"), std::string::npos) << error.what();
  }
  do_to_cluster("node-down", "n4");
  do_to_cluster("node-up", "n4");
}

TEST(SlurmMissing, IsSaid) {
  const SharedFolder folder;
  const OtherPath other("/nonexistent");
  try {
    make_slurm_backend(quick_options(folder, kStepScript));
    ADD_FAILURE() << "made";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::NotFound);
    EXPECT_EQ(std::string(error.what()), "the program 'sbatch' was not found in PATH");
  }
}

}  // namespace
}  // namespace skipjack
