// The course of a tuning over many machines: the real tuner in virtual time, on nodes whose speed
// is known.
#include "skipjack/s3tune/cluster_scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <ctime>

#include "skipjack/backend/simulator.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3tune/cluster_timings.h"
#include "skipjack/s3tune/node.h"
#include "skipjack/s3tune/s3_tuning.h"
#include "skipjack/s3tune/s3_verdict.h"
#include "skipjack/s3tune/search_jobs.h"
#include "skipjack/s3tune/steps.h"
#include "skipjack/s3tune/tuning_source.h"
#include "skipjack/tuner/tuner.h"

namespace skipjack::s3tune {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t kSize = 256 * kMiB;
/// In place of a number of connections: the AWS CLI's other way to transfer.
constexpr std::int64_t kCrt = -1;

/// Where the attempts run: node k of the kind named is so many times slower than another.
struct World {
  std::vector<std::pair<Node, double>> nodes;
  /// Seconds of a download with so many connections, 0 for "left to itself", on a node of speed 1.
  std::function<double(std::int64_t)> seconds = [](std::int64_t connections) {
    return connections == 0 ? 1.0 : std::max(0.5, 15.0 / static_cast<double>(connections));
  };
  double noise = 0.03;
  /// Steps of this name fail.
  std::string broken = {};
  /// The first job of this trial is lost after its baseline.
  std::optional<TrialId> lost = {};
};

Node node(const std::string& name, const std::string& type) {
  return {.name = name, .instance_type = type, .region = "eu-west-1"};
}

World four_alike() {
  return {{{node("n1", "c5n"), 1},
           {node("n2", "c5n"), 1},
           {node("n3", "c5n"), 1},
           {node("n4", "c5n"), 1}}};
}

/// What `s3 measure` would report of a job.
SimulatedAttempt job(const World& world, const StartRequest& request) {
  const auto number = static_cast<std::uint64_t>(request.id.trial);
  Rng rng(7, "job", number);
  const auto& [where, slowness] = world.nodes[number % world.nodes.size()];
  SimulatedAttempt does;
  double at = 1;  // a second in the queue
  for (const MeasuringStep& step : steps_of(request.configuration)) {
    if (step.arm == world.broken) {
      does.end = {.outcome = Outcome::Failed, .exit_code = 11, .reason = "exit code 11"};
      continue;
    }
    const Configuration configuration = step.configuration.value_or(request.configuration);
    const Json* found = configuration.find(kMaxConcurrency);
    std::int64_t connections = found && !found->is_null() ? found->as_int() : 0;
    if (const Json* way = configuration.find("preferred_transfer_client");
        way && *way == Json("crt"))
      connections = kCrt;
    for (std::int64_t i = 0; i < configuration.at(kRepeats).as_int(); ++i) {
      const double seconds =
          slowness * std::exp(world.noise * rng.normal()) * world.seconds(connections);
      at += seconds + 0.05;
      Json metrics = Json::Object{{std::string(kDownloadTime), seconds},
                                  {std::string(kBytes), kSize},
                                  {std::string(kArm), step.arm},
                                  {std::string(kNode), to_json(where)}};
      if (!step.configuration) metrics.set(kMeanDownloadTime, seconds);
      does.reports.push_back({from_seconds(at), std::move(metrics)});
    }
  }
  does.duration = from_seconds(at + 0.1);
  if (request.id.trial == world.lost && request.id.attempt == 0) {
    // Before the candidate's time limit is over, which begins with the baseline's report.
    does.reports.resize(1);
    does.duration = does.reports.front().after + std::chrono::milliseconds(3900);
    does.end = {.outcome = Outcome::Lost};
  }
  return does;
}

TuningDefinition definition_of(std::uint64_t seed, int workers) {
  S3TuningOptions options;
  options.target = {.object = "s3://bench/obj", .to = Destination::Discard};
  options.max_time = std::chrono::seconds(150);
  options.method = "random";
  options.program = "skipjack";
  options.seed = seed;
  options.slurm = SlurmJob{};
  options.workers = workers;
  return define_s3_tuning(options, {.size = kSize});
}

class Record final : public EventSink {
 public:
  void append(const std::vector<Event>& more) override {
    events.insert(events.end(), more.begin(), more.end());
  }
  std::vector<Event> events;
};

struct Tuned {
  TuningDefinition definition;
  TuningResult result;
  std::vector<Event> events;
};
Tuned tuned(TuningDefinition definition, const World& world) {
  Tuned tuned{.definition = std::move(definition)};
  const int workers = tuned.definition.workers;
  const auto scheduler = make_scheduler_of(tuned.definition);
  ManualClock clock;
  const auto backend =
      make_simulator({.trial = [&](const StartRequest& request) { return job(world, request); },
                      .capacity = workers,
                      .clock = &clock});
  Record record;
  tuned.result = run_tuner(*scheduler, *backend, record, {},
                           {.workers = workers, .stop = tuned.definition.stop, .clock = &clock});
  tuned.events = std::move(record.events);
  return tuned;
}
Tuned tuned(const World& world, std::uint64_t seed = 1, int workers = 4) {
  return tuned(definition_of(seed, workers), world);
}

TEST(ClusterScheduler, FindsAndProvesAGainOnFourNodesAtOnce) {
  const Tuned t = tuned(four_alike());
  const S3Verdict verdict = s3_verdict(t.definition, t.result.history);
  EXPECT_EQ(verdict.answer, kWinnerArm);
  ASSERT_TRUE(verdict.tuning_gain);
  EXPECT_LE(verdict.tuning_gain->lower, 2.05);
  EXPECT_GE(verdict.tuning_gain->upper, 1.9);
  EXPECT_GE(verdict.complete_blocks, 12);
  EXPECT_NEAR(verdict.noise.value(), 0.03, 0.01);
  EXPECT_LE(to_seconds(t.result.time), 150);
  ASSERT_EQ(verdict.kinds.size(), 1u);
  EXPECT_EQ(verdict.kinds.front().kind, "c5n in eu-west-1");
  EXPECT_THAT(verdict.kinds.front().nodes, ElementsAre("n1", "n2", "n3", "n4"));
  const std::string text = to_text(verdict, t.definition);
  EXPECT_NE(text.find("Nodes: 4 of c5n in eu-west-1 (n1, n2, n3, n4)"), std::string::npos) << text;
  EXPECT_NE(text.find("on one node"), std::string::npos) << text;
  // One machine would have come to a quarter of them.
  const Tuned alone = tuned(four_alike(), 1, 1);
  EXPECT_GT(verdict.search_trials,
            2 * s3_verdict(alone.definition, alone.result.history).search_trials);
}

TEST(ClusterScheduler, JobIsForANodeAlone) {
  const TuningDefinition definition = definition_of(1, 4);
  EXPECT_EQ(definition.workers, 4);
  EXPECT_EQ(definition.program.slurm->extra.back(), "--exclusive");
}

TEST(ClusterScheduler, WhatIsComparedIsMeasuredInOneJob) {
  const Tuned t = tuned(four_alike());
  const auto arms_of = [](const Trial& trial) {
    std::vector<std::string> arms;
    for (const MeasuringStep& step : steps_of(trial.configuration)) arms.push_back(step.arm);
    return arms;
  };
  int blocks = 0;
  for (const Trial& trial : t.result.history.trials()) {
    std::vector<std::string> arms = arms_of(trial);
    if (phase_of(trial) == kSearchPhase) {
      EXPECT_THAT(arms, ElementsAre("boto3-values", kCandidateArm));
    } else if (phase_of(trial) == kVerdictPhase) {
      ++blocks;
      std::sort(arms.begin(), arms.end());
      EXPECT_THAT(arms, ElementsAre("auto", "boto3-values", kWinnerArm));
    }
  }
  EXPECT_GE(blocks, 12);
}

TEST(ClusterScheduler, MachinesOfTwoKindsAreNotMixedUp) {
  // Every third is four times as slow: a search by seconds would go by the machine.
  World world{{{node("n1", "c5n"), 1}, {node("n2", "c5n"), 1}, {node("n3", "t3"), 4}}};
  const Tuned t = tuned(world);
  const S3Verdict verdict = s3_verdict(t.definition, t.result.history);
  EXPECT_EQ(verdict.answer, kWinnerArm);
  ASSERT_EQ(verdict.kinds.size(), 2u);
  EXPECT_EQ(verdict.kinds[0].kind, "c5n in eu-west-1");
  EXPECT_EQ(verdict.kinds[1].kind, "t3 in eu-west-1");
  EXPECT_EQ(verdict.complete_blocks, verdict.kinds[0].complete_blocks);
  EXPECT_LT(verdict.complete_blocks, verdict.planned_blocks);
  for (const VerdictRow& row : verdict.rows)
    EXPECT_LT(row.seconds.largest, 2) << "a time of the slow kind in the row " << row.name;
  const std::string text = to_text(verdict, t.definition);
  EXPECT_NE(text.find("of the first kind alone"), std::string::npos) << text;
}

TEST(ClusterScheduler, NothingIsSoldWhereNothingIsGained) {
  World world = four_alike();
  world.nodes[1].second = 3;
  world.seconds = [](std::int64_t) { return 1.0; };
  int claims = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const Tuned t = tuned(world, seed);
    claims += s3_verdict(t.definition, t.result.history).tuning_claimed;
  }
  EXPECT_LE(claims, 1);
}

TEST(ClusterScheduler, SlowCandidatesAreStopped) {
  World world = four_alike();
  world.seconds = [](std::int64_t connections) {
    return connections == 0 ? 1.0 : std::max(0.5, 60.0 / static_cast<double>(connections));
  };
  const Tuned t = tuned(world);
  int stopped = 0;
  for (const Trial& trial : t.result.history.trials()) {
    stopped += trial.status == TrialStatus::Stopped;
    if (phase_of(trial) == kSearchPhase && trial.ended) {
      EXPECT_LT(to_seconds(*trial.ended - trial.started), 60) << trial.id;
    }
  }
  EXPECT_GT(stopped, 0);
}

TEST(ClusterScheduler, RowThatCannotBeMeasuredIsLeftOut) {
  World world = four_alike();
  world.broken = "auto";
  const Tuned t = tuned(world);
  const auto plan = verdict_plan(t.result.history);
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->arms, ElementsAre("boto3-values", kWinnerArm));
  world.broken = "boto3-values";
  EXPECT_THAT(tuned(world).result.reason, ::testing::StartsWith("the baseline failed"));
}

TEST(ClusterScheduler, LuckOfOneBaselineMakesNoLeader) {
  World world = four_alike();
  world.noise = 0.1;
  world.seconds = [](std::int64_t) { return 1.0; };
  double by_one = 0, by_all = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const Tuned t = tuned(world, seed);
    const SearchJobs jobs = search_jobs(t.result.history, "boto3-values");
    double luckiest = 1;
    for (const Trial& trial : t.result.history.trials()) {
      if (!jobs.ratio(trial.id) || trial.status != TrialStatus::Completed) continue;
      const std::vector<double> baseline = download_seconds(trial, "boto3-values");
      luckiest =
          std::min(luckiest, mean_of(download_seconds(trial, kCandidateArm)) / baseline.front());
    }
    by_one += 1 - luckiest;
    by_all += 1 - jobs.best_ratio();
  }
  // Nothing is better than the baseline.
  EXPECT_LT(by_all, 0.75 * by_one);
}

/// CPU seconds of this thread.
double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Adds up what another scheduler takes while there are more than `from` trials and at most `to`.
class Timed final : public Scheduler {
 public:
  Timed(std::unique_ptr<Scheduler> inner, std::size_t from, std::size_t to)
      : inner_(std::move(inner)), from_(from), to_(to) {}
  void apply(const Event& event, const History& history) override {
    const double begin = cpu_seconds();
    inner_->apply(event, history);
    add(begin, history);
  }
  std::vector<Command> decide(const SchedulerView& view) override {
    const double begin = cpu_seconds();
    std::vector<Command> commands = inner_->decide(view);
    add(begin, view.history);
    return commands;
  }
  double seconds = 0;

 private:
  void add(double begin, const History& history) {
    const std::size_t trials = history.trials().size();
    if (trials > from_ && trials <= to_) seconds += cpu_seconds() - begin;
  }
  const std::unique_ptr<Scheduler> inner_;
  const std::size_t from_, to_;
};

TEST(ClusterScheduler, DoesNotReadAThousandTrialsAnewForOneMore) {
  constexpr std::size_t kBefore = 1000, kMore = 200;
  TuningDefinition definition = definition_of(1, 32);
  definition.stop.max_time.reset();
  definition.extra.set("max_search_trials", static_cast<std::int64_t>(kBefore + kMore));
  Timed scheduler(make_scheduler_of(definition), kBefore, kBefore + kMore);
  ManualClock clock;
  const World world = four_alike();
  const auto backend =
      make_simulator({.trial = [&](const StartRequest& request) { return job(world, request); },
                      .capacity = 32,
                      .clock = &clock});
  Record record;
  const TuningResult result = run_tuner(scheduler, *backend, record, {},
                                        {.workers = 32, .stop = definition.stop, .clock = &clock});
  ASSERT_GT(result.history.trials().size(), kBefore + kMore);
  // In the same process: the machine may be busy with other things.
  constexpr int kRounds = 10;
  const double begin = cpu_seconds();
  for (int i = 0; i < kRounds; ++i)
    EXPECT_LT(search_jobs(result.history, "boto3-values").best_ratio(), 1);
  const double anew = (cpu_seconds() - begin) / kRounds;
  EXPECT_LT(scheduler.seconds / kMore, 0.75 * anew)
      << "a trial more: " << scheduler.seconds / kMore << " s; all of them anew: " << anew << " s";
}

TEST(ClusterScheduler, WhatItMeasuredIsASourceOfRatios) {
  World world{{{node("n1", "c5n"), 1}, {node("n2", "c5n"), 1}, {node("n3", "t3"), 4}}};
  const Tuned t = tuned(world);
  const SourceExperiment source =
      tuning_source("first", t.definition, t.result.history, t.definition.metrics.front());
  ASSERT_GT(source.observations.size(), 10u);
  EXPECT_EQ(source.observations.front().value, 1);
  for (const SourceExperiment::Observation& observation : source.observations) {
    EXPECT_TRUE(t.definition.space.contains(observation.configuration));
    const std::int64_t connections = observation.configuration.at(kMaxConcurrency).as_int();
    const double truth = world.seconds(connections) / world.seconds(10);
    EXPECT_NEAR(std::log(observation.value / truth), 0, 0.15) << connections << " connections";
  }
  EXPECT_EQ(carry_over(t.definition.space, source).size(), source.observations.size());
}

TEST(ClusterScheduler, LostJobIsGivenItsTimeAnew) {
  World world = four_alike();
  world.seconds = [](std::int64_t) { return 1.0; };
  world.lost = 2;
  const Tuned t = tuned(world);
  const Trial& again = *t.result.history.find(2);
  EXPECT_EQ(phase_of(again), kSearchPhase);
  EXPECT_EQ(again.attempt, 1);
  EXPECT_EQ(again.status, TrialStatus::Completed);
}

TEST(ClusterScheduler, WinnerHasOnlyTheParametersThatApply) {
  S3TuningOptions options;
  options.target = {.object = "s3://bench/obj"};
  options.client = "awscli";
  options.client_program = ClientProgram{.path = "aws", .version = "2.15.0"};
  options.max_trials = 16;
  options.method = "random";
  options.program = "skipjack";
  options.slurm = SlurmJob{};
  options.workers = 4;
  World world = four_alike();
  world.seconds = [](std::int64_t connections) { return connections == kCrt ? 0.5 : 1.0; };
  const Tuned t = tuned(define_s3_tuning(options, {.size = kSize}), world);
  const auto plan = verdict_plan(t.result.history);
  ASSERT_TRUE(plan);
  ASSERT_TRUE(plan->winner.is_object());
  EXPECT_EQ(plan->winner.at("preferred_transfer_client"), Json("crt"));
  EXPECT_FALSE(plan->winner.find("max_concurrent_requests"));
  EXPECT_EQ(s3_verdict(t.definition, t.result.history).answer, kWinnerArm);
}

TEST(ClusterScheduler, KnowsFromTheEventsAloneThatItHasEnded) {
  const Tuned t = tuned(four_alike());
  const auto fresh = make_scheduler_of(t.definition);
  History history;
  for (const Event& event : t.events) {
    history.apply(event);
    fresh->apply(event, history);
  }
  const std::vector<Command> commands = fresh->decide({.history = history,
                                                       .now = history.time(),
                                                       .free_workers = 4,
                                                       .remaining_time = Duration(0)});
  ASSERT_EQ(commands.size(), 1u);
  ASSERT_TRUE(std::holds_alternative<Finished>(commands.front()));
  EXPECT_EQ(std::get<Finished>(commands.front()).reason, t.result.reason);
}

TEST(ClusterScheduler, MaxBytesIsKept) {
  TuningDefinition definition = definition_of(1, 4);
  definition.stop = {};
  definition.extra.set("max_bytes", 90 * kSize);
  const auto scheduler = make_scheduler_of(definition);
  ManualClock clock;
  const World world = four_alike();
  const auto backend =
      make_simulator({.trial = [&](const StartRequest& request) { return job(world, request); },
                      .capacity = 4,
                      .clock = &clock});
  Record record;
  const TuningResult result =
      run_tuner(*scheduler, *backend, record, {}, {.workers = 4, .clock = &clock});
  const S3Verdict verdict = s3_verdict(definition, result.history);
  EXPECT_LE(verdict.bytes_downloaded, 90 * kSize);
  EXPECT_GE(verdict.complete_blocks, 8);
  EXPECT_GE(verdict.search_trials, 3);
}

TEST(Node, IsTheKindThatItOnceSaidItIs) {
  World world = four_alike();
  // Its metadata did not answer in most of its jobs.
  Node silent = node("n1", "");
  silent.region.clear();
  world.nodes.push_back({silent, 1});
  const Tuned t = tuned(world);
  EXPECT_EQ(nodes_by_kind(t.result.history).size(), 1u);
}

TEST(Node, OfThisMachineSaysWhatItIs) {
  const Node here = this_node("n7", nullptr);
  EXPECT_EQ(here.name, "n7");
  EXPECT_FALSE(here.processor.empty());
  EXPECT_GE(here.cores, 1);
  EXPECT_EQ(to_json(node_from_json(to_json(here))), to_json(here));
  EXPECT_NE(kind_of(here).find(here.processor), std::string::npos);
}

}  // namespace
}  // namespace skipjack::s3tune
