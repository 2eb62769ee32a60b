#include "skipjack/study/tuning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <fstream>

#include "../temporary_folder.h"
#include "../thrown.h"
#include "skipjack/backend/in_process.h"
#include "skipjack/backend/simulator.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/space/domain.h"
#include "skipjack/study/snapshot.h"
#include "skipjack/study/sources.h"

namespace skipjack {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TuningDefinition quadratic() {
  TuningDefinition definition;
  definition.space =
      SearchSpace::from_text("{x: 'uniform(-1, 1)', n: 'randint(1, 5)', name: fixed}");
  definition.metrics = {{.name = "loss"}};
  definition.method = "random";
  definition.seed = 3;
  definition.stop.max_trials_started = 6;
  return definition;
}

double loss_of(const Configuration& c) {
  const double x = c.at("x").as_double();
  return (x - 0.25) * (x - 0.25);
}

class TuningTest : public ::testing::Test {
 protected:
  TuningTest() {
    run_.make_backend = [this](const TuningDefinition& definition, const fs::path&) {
      return make_in_process_backend({.function =
                                          [this](const Configuration& c, Reporter& reporter) {
                                            ++num_calls_;
                                            if (on_call_) on_call_();
                                            reporter.report(Json::Object{{"loss", loss_of(c)}});
                                          },
                                      .capacity = definition.workers});
    };
  }
  fs::path write_script(const std::string& text) {
    const fs::path path = folder_.path() / "trial.sh";
    std::ofstream(path) << "#!/bin/sh\n" << text;
    ::chmod(path.c_str(), 0755);
    return path;
  }
  std::vector<Event> events() { return store_.read("one").events; }

  TemporaryFolder folder_;
  ExperimentStore store_{folder_.path() / "root"};
  RunOptions run_;
  std::atomic<int> num_calls_{0};
  std::function<void()> on_call_;
};

TEST_F(TuningTest, RunsAProgramAndKeepsItsReports) {
  TuningDefinition definition = quadratic();
  definition.workers = 2;
  // $2 is the value of --x: arguments come in the order of the space.
  definition.program.entry_point =
      write_script("echo \"[tune-metric]: {\\\"loss\\\": $2, \\\"words\\\": \\\"$6\\\"}\"\n");
  const TuningResult result = start_tuning(store_, "one", definition);
  EXPECT_EQ(result.reason, "max_trials_started");
  ASSERT_THAT(result.history.trials(), SizeIs(6));
  for (const Trial& trial : result.history.trials()) {
    EXPECT_EQ(trial.status, TrialStatus::Completed);
    EXPECT_EQ(trial.reports.at(0).metrics.at("loss").as_double(),
              trial.configuration.at("x").as_double());
    EXPECT_EQ(trial.reports.at(0).metrics.at("words"), Json("fixed"));
    EXPECT_TRUE(
        fs::exists(store_.root() / "one" / "trials" / std::to_string(trial.id) / "std.out"));
  }
  EXPECT_EQ(experiment_status(events()), ExperimentStatus::Finished);
  EXPECT_EQ(fold(events()).num_reports(), 6);
}

TEST_F(TuningTest, SimulatedTrialsAreJournaledAndResumedInVirtualTime) {
  TuningDefinition definition = quadratic();
  definition.workers = 3;
  definition.stop.max_trials_started = 12;
  ManualClock clock;
  run_.clock = &clock;
  run_.make_backend = [&](const TuningDefinition& d, const fs::path&) {
    return make_simulator({.trial =
                               [](const StartRequest& request) {
                                 const double loss = loss_of(request.configuration);
                                 return SimulatedAttempt{
                                     .reports = {{10s, Json::Object{{"loss", loss}}}},
                                     .duration = 10s};
                               },
                           .capacity = d.workers,
                           .clock = &clock});
  };
  EXPECT_EQ(start_tuning(store_, "one", definition, run_).time, 40s);
  EXPECT_EQ(fold(events()).num_reports(), 12);
  EXPECT_EQ(resume_tuning(store_, "one", {.run = run_, .add_trials = 3}).time, 50s);
  EXPECT_EQ(fold(events()).time(), 50s);
}

TEST_F(TuningTest, BeginsWithTheMidpointUnlessToldOtherwise) {
  TuningDefinition definition = quadratic();
  EXPECT_EQ(tune(definition,
                 [](const Configuration&) {
                   return std::vector<std::pair<std::string, double>>{{"loss", 1}};
                 })
                .history.trials()
                .at(0)
                .configuration,
            definition.space.midpoint());
  definition.points_to_evaluate = {{Json::Object{{"x", 0.5}}}};
  const Configuration first =
      tune(definition,
           [](const Configuration&) {
             return std::vector<std::pair<std::string, double>>{{"loss", 1}};
           })
          .history.trials()
          .at(0)
          .configuration;
  EXPECT_EQ(first.at("x"), Json(0.5));
  EXPECT_EQ(first.at("n"), Json(3));
}

/// A definition that learns from experiment 'one'.
TuningDefinition from_one(const ExperimentStore& store) {
  TuningDefinition definition = quadratic();
  definition.method = "bayesopt";
  definition.stop.max_trials_started = 8;
  const std::vector<std::string> names = {"one"};
  definition.sources = read_sources(store, names, definition.metrics[0], definition.space);
  return definition;
}

TEST_F(TuningTest, WarmStartBeginsWithTheBestOfItsSource) {
  const TuningResult first = start_tuning(store_, "one", quadratic(), run_);
  const auto& trials = first.history.trials();
  const auto best =
      std::min_element(trials.begin(), trials.end(), [](const auto& a, const auto& b) {
        return loss_of(a.configuration) < loss_of(b.configuration);
      });
  const TuningResult second = start_tuning(store_, "two", from_one(store_), run_);
  EXPECT_EQ(second.history.trials().at(0).configuration, best->configuration);
}

TEST_F(TuningTest, WarmStartGoesOnTheSameAfterItsSourceIsGone) {
  start_tuning(store_, "one", quadratic(), run_);
  TuningDefinition definition = from_one(store_);
  const TuningResult whole = start_tuning(store_, "two", definition, run_);
  definition.stop.max_trials_started = 5;
  start_tuning(store_, "three", definition, run_);
  store_.remove("one");
  const TuningResult resumed = resume_tuning(store_, "three", {.run = run_, .add_trials = 3});
  ASSERT_EQ(resumed.history.trials().size(), whole.history.trials().size());
  for (std::size_t i = 0; i < whole.history.trials().size(); ++i)
    EXPECT_EQ(resumed.history.trials()[i].configuration, whole.history.trials()[i].configuration)
        << i;
}

TEST_F(TuningTest, SourceHoldsSearchedParametersAlone) {
  start_tuning(store_, "one", quadratic(), run_);
  const std::vector<SourceExperiment> sources = from_one(store_).sources;
  ASSERT_EQ(sources.at(0).observations.size(), 6u);
  for (const auto& observation : sources[0].observations) {
    EXPECT_EQ(observation.configuration.as_object().size(), 2u);
    EXPECT_EQ(observation.value, loss_of(observation.configuration));
  }
}

TEST_F(TuningTest, RefusesSourcesThatDoNotFit) {
  start_tuning(store_, "one", quadratic(), run_);
  const SearchSpace space = quadratic().space;
  const auto read = [&](std::vector<std::string> names, const Metric& metric,
                        const SearchSpace& s) {
    return [&store = store_, names = std::move(names), metric, s] {
      read_sources(store, names, metric, s);
    };
  };
  const Metric loss{.name = "loss"};
  expect_error(ErrorCode::NotFound, "gone", read({"gone"}, loss, space));
  expect_error(ErrorCode::InvalidArgument, "'one' twice", read({"one", "one"}, loss, space));
  expect_error(ErrorCode::InvalidArgument, "has no metric 'accuracy'",
               read({"one"}, {.name = "accuracy"}, space));
  expect_error(ErrorCode::InvalidArgument, "the other mode",
               read({"one"}, {.name = "loss", .mode = Mode::Max}, space));
  expect_error(ErrorCode::InvalidArgument, "no configuration that this search space could have",
               read({"one"}, loss, SearchSpace::from_text("{other: 'uniform(0, 1)'}")));
}

TEST_F(TuningTest, SnapshotTellsHowItStandsToReadersElsewhere) {
  TuningDefinition definition = quadratic();
  definition.program.entry_point =
      write_script("[ \"$2\" = 0.0 ] && exit 1\necho \"[tune-metric]: {\\\"loss\\\": $2}\"\n");
  std::optional<Snapshot> during;
  RunOptions options;
  options.on_turn = [&](const Turn& turn) {
    if (turn.num_running > 0 && !during) during = read_snapshot(store_.root() / "one");
  };
  definition.workers = 1;
  EXPECT_FALSE(read_snapshot(store_.root() / "one"));
  const TuningResult result = start_tuning(store_, "one", definition, options);
  const std::optional<Snapshot> after = read_snapshot(store_.root() / "one");
  ASSERT_TRUE(during);
  EXPECT_FALSE(during->ended);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->name, "one");
  EXPECT_EQ(after->ended, result.reason);
  EXPECT_EQ(after->num_trials, 6);
  EXPECT_EQ(after->num_running, 0);
  EXPECT_EQ(after->num_completed, 5);
  EXPECT_EQ(after->num_failed, 1);
  EXPECT_EQ(after->num_reports, 5);
  ASSERT_TRUE(after->best);
  for (const Trial& trial : result.history.trials())
    EXPECT_LE(after->best->value, last_value(trial, "loss").value_or(1e9));
  EXPECT_EQ(after->best->configuration, result.history.find(after->best->trial)->configuration);
  EXPECT_EQ(to_json(snapshot_from_json(to_json(*after))), to_json(*after));
  Snapshot queued = *after;
  queued.num_running = 2, queued.num_queued = 3;
  EXPECT_EQ(to_json(snapshot_from_json(to_json(queued))), to_json(queued));
  // As written before jobs that wait were told apart.
  Json::Object earlier = to_json(queued).as_object();
  std::erase_if(earlier, [](const auto& item) { return item.first == "queued"; });
  EXPECT_EQ(snapshot_from_json(Json(earlier)).num_queued, 0);
  EXPECT_EQ(snapshot_from_json(Json(earlier)).num_running, 2);

  write_file_atomically(store_.root() / "one" / "snapshot.json", "{\"name\": 1}");
  EXPECT_THROW(read_snapshot(store_.root() / "one"), Error);
}

TEST_F(TuningTest, ObjectivesComeFirstWhereverTheyWereNamed) {
  TuningDefinition definition = quadratic();
  definition.method = "bayesopt";
  definition.metrics = {{.name = "size", .role = MetricRole::Constraint, .bound = 0.5},
                        {.name = "loss"}};
  run_.make_backend = [](const TuningDefinition& d, const fs::path&) {
    return make_in_process_backend(
        {.function =
             [](const Configuration& c, Reporter& reporter) {
               reporter.report(Json::Object{{"size", c.at("x")}, {"loss", loss_of(c)}});
             },
         .capacity = d.workers});
  };
  start_tuning(store_, "one", definition, run_);
  EXPECT_EQ(read_definition(store_.read("one").header).metrics.at(0).name, "loss");
  EXPECT_EQ(read_snapshot(store_.root() / "one")->best->metric, "loss");
}

TEST_F(TuningTest, RefusesANameThatIsTakenBeforeAnythingRuns) {
  start_tuning(store_, "one", quadratic(), run_);
  num_calls_ = 0;
  expect_error(ErrorCode::AlreadyExists, "'one' exists already",
               [&] { start_tuning(store_, "one", quadratic(), run_); });
  EXPECT_EQ(num_calls_, 0);
}

TEST_F(TuningTest, AStartThatFailsBeforeAnyTrialLeavesTheNameFree) {
  TuningDefinition impossible = quadratic();
  impossible.space = SearchSpace::from_text("{x: 'uniform(0, 1)', constraints: ['x > 2']}");
  expect_error(ErrorCode::InvalidArgument, "satisfies the constraints",
               [&] { start_tuning(store_, "one", impossible, run_); });
  EXPECT_TRUE(store_.list().empty());
  TuningDefinition bad_template = quadratic();
  bad_template.workers = 2;
  bad_template.program = {.entry_point = write_script(""), .pass_by = PassBy::Template};
  bad_template.program.argument_template = {"{nowhere}"};
  expect_error(ErrorCode::InvalidArgument, "nowhere",
               [&] { start_tuning(store_, "one", bad_template); });
  EXPECT_TRUE(store_.list().empty());
}

TEST_F(TuningTest, FailuresAfterAResumeAreNotTheFirstTrials) {
  start_tuning(store_, "one", quadratic(), run_);
  on_call_ = [] { throw std::runtime_error("flaky"); };
  ResumeOptions more{.run = run_, .add_trials = 8};
  const TuningResult result = resume_tuning(store_, "one", more);
  EXPECT_EQ(result.reason, "max_trials_started");
  EXPECT_THAT(result.history.trials(), SizeIs(14));
}

TEST_F(TuningTest, BadDefinitionsLeaveNoExperiment) {
  TuningDefinition no_program = quadratic();
  no_program.program.entry_point = folder_.path() / "nowhere.py";
  expect_error(ErrorCode::NotFound, "nowhere.py", [&] { start_tuning(store_, "one", no_program); });
  TuningDefinition not_executable = quadratic();
  not_executable.program.entry_point = write_script("");
  ::chmod(not_executable.program.entry_point.c_str(), 0644);
  EXPECT_THROW(start_tuning(store_, "one", not_executable), Error);
  TuningDefinition too_wide = quadratic();
  too_wide.program.entry_point = write_script("");
  too_wide.workers = 5000;
  expect_error(ErrorCode::InvalidArgument, "workers = 5000",
               [&] { start_tuning(store_, "one", too_wide); });
  too_wide.workers = 3;
  too_wide.program.gpus = {"0", "1"};
  expect_error(ErrorCode::InvalidArgument, "workers = 3 with gpus_per_trial = 1",
               [&] { start_tuning(store_, "one", too_wide); });
  too_wide.program.gpus = {};
  too_wide.program.cpus = {0, 1, 2, 3, 4};
  too_wide.program.cpus_per_trial = 2;
  expect_error(ErrorCode::InvalidArgument, "workers = 3 with cpus_per_trial = 2",
               [&] { start_tuning(store_, "one", too_wide); });
  too_wide.workers = 1;
  too_wide.program.cpus = {0, 0};
  expect_error(ErrorCode::InvalidArgument, "processor 0 twice",
               [&] { start_tuning(store_, "one", too_wide); });
  too_wide.program.cpus = {1022, 1023};  // no machine of tests has so many
  expect_error(ErrorCode::InvalidArgument, "processor 1022, which does not exist",
               [&] { start_tuning(store_, "one", too_wide); });
  TuningDefinition bad_method = quadratic();
  bad_method.method = "alchemy";
  expect_error(ErrorCode::InvalidArgument, "alchemy",
               [&] { start_tuning(store_, "one", bad_method, run_); });
  TuningDefinition bad_point = quadratic();
  bad_point.points_to_evaluate = {{Json::Object{{"x", 7.0}}}};
  expect_error(ErrorCode::InvalidArgument, "x",
               [&] { start_tuning(store_, "one", bad_point, run_); });
  TuningDefinition no_metric = quadratic();
  no_metric.metrics.clear();
  expect_error(ErrorCode::InvalidArgument, "metrics",
               [&] { start_tuning(store_, "one", no_metric, run_); });
  EXPECT_TRUE(store_.list().empty());
}

TEST_F(TuningTest, ResumingAFinishedOneSaysSoAndChangesNothing) {
  start_tuning(store_, "one", quadratic(), run_);
  const std::string before = read_file(store_.root() / "one" / "journal.sqlite");
  num_calls_ = 0;
  const TuningResult result = resume_tuning(store_, "one", {.run = run_});
  EXPECT_EQ(result.reason, kAlreadyFinished);
  EXPECT_THAT(result.history.trials(), SizeIs(6));
  EXPECT_EQ(num_calls_, 0);
  EXPECT_EQ(read_file(store_.root() / "one" / "journal.sqlite"), before);
}

TEST_F(TuningTest, ResumingAFinishedOneWithMoreTrialsGoesOnAndRemembersIt) {
  start_tuning(store_, "one", quadratic(), run_);
  const TuningResult result = resume_tuning(store_, "one", {.run = run_, .add_trials = 4});
  EXPECT_EQ(result.reason, "max_trials_started");
  ASSERT_THAT(result.history.trials(), SizeIs(10));
  EXPECT_EQ(result.history.num_runs(), 2);
  EXPECT_EQ(resume_tuning(store_, "one", {.run = run_}).reason, kAlreadyFinished);
}

TEST_F(TuningTest, ResumedTuningProposesWhatTheUninterruptedOneWouldHave) {
  TuningDefinition whole = quadratic();
  whole.method = "bayesopt";
  whole.stop.max_trials_started = 12;
  const TuningResult at_once = start_tuning(store_, "whole", whole, run_);
  TuningDefinition part = whole;
  part.stop.max_trials_started = 7;
  start_tuning(store_, "one", part, run_);
  const TuningResult resumed = resume_tuning(store_, "one", {.run = run_, .add_trials = 5});
  ASSERT_THAT(resumed.history.trials(), SizeIs(12));
  for (std::size_t i = 0; i < 12; ++i)
    EXPECT_EQ(resumed.history.trials()[i].configuration, at_once.history.trials()[i].configuration)
        << "trial " << i;
}

TEST_F(TuningTest, RunningTimeIsSummedOverRunsWithoutTheTimeBetween) {
  ManualClock clock;
  run_.clock = &clock;
  on_call_ = [&] { clock.advance(10s); };  // one worker: the tuner sleeps meanwhile
  TuningDefinition definition = quadratic();
  definition.stop = {.max_time = 35s};
  EXPECT_EQ(start_tuning(store_, "one", definition, run_).time, 40s);
  clock.advance(1000s);
  const TuningResult result = resume_tuning(store_, "one", {.run = run_, .add_time = 20s});
  EXPECT_EQ(result.time, 60s);
  EXPECT_THAT(result.history.trials(), SizeIs(6));
}

TEST_F(TuningTest, RefusesToResumeOneThatRuns) {
  start_tuning(store_, "one", quadratic(), run_);
  const OpenExperiment running = store_.open("one");
  expect_error(ErrorCode::AlreadyExists, "experiment 'one' is running (pid ",
               [&] { resume_tuning(store_, "one", {.run = run_}); });
}

TEST_F(TuningTest, InterruptedOneGoesOnWhenResumed) {
  Interrupt interrupt;
  run_.interrupt = &interrupt;
  on_call_ = [&] {
    if (num_calls_ == 3) interrupt.request();
  };
  EXPECT_EQ(start_tuning(store_, "one", quadratic(), run_).reason, "interrupted");
  EXPECT_EQ(experiment_status(events()), ExperimentStatus::Interrupted);
  interrupt.clear();
  const TuningResult result = resume_tuning(store_, "one", {.run = run_});
  EXPECT_EQ(result.reason, "max_trials_started");
  EXPECT_THAT(result.history.trials(), SizeIs(6));
}

TEST_F(TuningTest, QuotesTheProgramIfAllTrialsFailAtFirst) {
  TuningDefinition definition = quadratic();
  definition.stop = {};
  definition.program.entry_point = write_script("echo 'no module named torch' >&2; exit 3\n");
  expect_error(ErrorCode::Exhausted, "no module named torch",
               [&] { start_tuning(store_, "one", definition); });
  EXPECT_THAT(fold(events()).trials(), SizeIs(5));
  EXPECT_EQ(experiment_status(events()), ExperimentStatus::Failed);
}

TEST_F(TuningTest, SaysWhichMetricWasNeverReported) {
  TuningDefinition definition = quadratic();
  definition.metrics = {{.name = "accuracy"}};
  expect_error(ErrorCode::Exhausted, "reported no metric 'accuracy', only loss",
               [&] { start_tuning(store_, "one", definition, run_); });
}

TEST_F(TuningTest, TunesAFunctionInThreeLines) {
  TuningDefinition definition{.space = SearchSpace::from_text("x: uniform(-1, 1)"),
                              .metrics = {{"loss"}}};
  definition.stop.max_trials_started = 25;
  const TuningResult result = tune(definition, [](const Configuration& c) {
    return std::vector<std::pair<std::string, double>>{{"loss", loss_of(c)}};
  });
  double best = 1;
  for (const Trial& trial : result.history.trials())
    best = std::min(best, last_value(trial, "loss").value());
  EXPECT_LT(best, 1e-3);  // 25 random draws get there in one run of two
}

TEST_F(TuningTest, FunctionThatThrowsIsAFailedTrial) {
  TuningDefinition definition = quadratic();
  const TuningResult result =
      tune(definition, [](const Configuration& c) -> std::vector<std::pair<std::string, double>> {
        if (c.at("n").as_int() != 3) throw std::runtime_error("only three works");
        return {{"loss", 1}};
      });
  EXPECT_EQ(result.history.trials().at(0).status, TrialStatus::Completed);
  for (const Trial& trial : result.history.trials()) {
    if (trial.status != TrialStatus::Failed) continue;
    EXPECT_THAT(trial.end->reason + trial.end->error_tail, HasSubstr("only three works"));
  }
}

TEST_F(TuningTest, RecordsTheMachine) {
  start_tuning(store_, "one", quadratic(), run_);
  const RunStarted started = std::get<RunStarted>(events().at(0).body);
  for (const char* key : {"host", "cores", "kernel", "machine", "skipjack"})
    EXPECT_TRUE(started.environment.find(key)) << key;
}

TEST(TuningDefinition, RoundTripsThroughJson) {
  TuningDefinition definition;
  definition.space = SearchSpace::from_text(
      "{x: 'loguniform(1e-6, 1)', n: 'randint(1, 9)', act: [relu, tanh], epochs: 10, constraints: "
      "['n * x <= 5']}");
  definition.metrics = {
      {.name = "loss", .mode = Mode::Max, .role = MetricRole::Cost, .kind = MetricKind::Time}};
  definition.method = "grid";
  definition.method_options = Json::Object{{"num_samples", Json::Object{{"x", 4}}}};
  definition.seed = 0xffffffffffffffffu;
  definition.workers = 7;
  definition.stop = {.max_time = 90s, .max_cost = 2.5};
  definition.at_end = AtEnd::WaitForRunning;
  definition.max_failures = 4;
  definition.trial_time_limit = 1500ms;
  definition.checkpoints = {.delete_checkpoints = true, .max_checkpoints = 7};
  definition.points_to_evaluate = {{Json::Object{{"n", 2}}}};
  definition.program = {.entry_point = "/a b/c.py",
                        .interpreter = {"python3", "-u"},
                        .pass_by = PassBy::Template,
                        .argument_template = {"--x={x}"},
                        .max_resource_attr = "epochs",
                        .working_directory = "/tmp",
                        .environment = {{"A", "b"}},
                        .grace = 250ms,
                        .gpus = {"0", "3"},
                        .gpus_per_trial = 2,
                        .cpus = {0, 3, 8, 9},
                        .cpus_per_trial = 4,
                        .slurm = SlurmJob{.partition = "gpu",
                                          .account = "lab",
                                          .constraint = "p5",
                                          .cpus = 8,
                                          .memory_bytes = std::int64_t{1} << 35,
                                          .gpus = 2,
                                          .time_limit = 90s,
                                          .extra = {"--qos=low"}}};
  definition.extra = Json::Object{{"kind", "s3"}};
  const Json json = to_json(definition);
  const TuningDefinition back = tuning_definition_from_json(parse_json(to_json_text(json)));
  EXPECT_EQ(to_json(back), json);
  EXPECT_EQ(back.seed, definition.seed);
  EXPECT_EQ(back.trial_time_limit, definition.trial_time_limit);
  EXPECT_TRUE(back.checkpoints.delete_checkpoints);
  EXPECT_EQ(back.checkpoints.max_checkpoints, 7);
  EXPECT_EQ(back.program.environment, definition.program.environment);
  EXPECT_EQ(back.program.cpus, definition.program.cpus);
  EXPECT_EQ(back.program.cpus_per_trial, 4);
  ASSERT_TRUE(back.program.slurm);
  EXPECT_EQ(back.program.slurm->memory_bytes, std::int64_t{1} << 35);
  EXPECT_EQ(back.program.slurm->time_limit, 90s);
  EXPECT_EQ(back.program.slurm->extra, definition.program.slurm->extra);
  EXPECT_EQ(back.space.parameters(), definition.space.parameters());
  EXPECT_EQ(back.space.constraints(), definition.space.constraints());
}

TEST(TuningDefinition, NamesTheFieldOfTheWrongType) {
  for (const auto& [text, field] : std::vector<std::pair<std::string, std::string>>{
           {R"({"method": 3})", "method: "},
           {R"({"delete_checkpoints": "yes"})", "delete_checkpoints: "},
           {R"({"points_to_evaluate": 3})", "points_to_evaluate: "},
           {R"({"metrics": [{"name": 3}]})", "metric.name: "},
           {R"({"metrics": [3]})", "metric: "},
           {R"({"program": {"entry_point": 3}})", "program.entry_point: "},
           {R"({"program": {"interpreter": ["a", 3]}})", "program.interpreter: "},
           {R"({"program": {"environment": {"A": 3}}})", "program.environment.A: "},
           {R"({"program": {"slurm": {"memory_bytes": "1"}}})", "slurm.memory_bytes: "},
           {R"({"stop": 3})", "stop: "}})
    EXPECT_THAT(
        error_of([&, &json = text] { tuning_definition_from_json(parse_json(json)); }).what(),
        testing::StartsWith(field));
}

TEST(TuningDefinition, IsReadWithItsObjectivesFirst) {
  const TuningDefinition definition = tuning_definition_from_json(parse_json(
      R"({"metrics": [{"name": "cost", "role": "cost"}, {"name": "b"}, {"name": "a"}]})"));
  std::vector<std::string> names;
  for (const Metric& metric : definition.metrics) names.push_back(metric.name);
  EXPECT_THAT(names, testing::ElementsAre("b", "a", "cost"));
}

TEST(TuningDefinition, NamesAFieldThatIsNotKnown) {
  for (const char* text : {R"({"wrkers": 2})", R"({"program": {"wrkers": 2}})",
                           R"({"metrics": [{"wrkers": 2}]})", R"({"stop": {"wrkers": 2}})"}) {
    try {
      tuning_definition_from_json(parse_json(text));
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::InvalidArgument);
      EXPECT_THAT(e.what(), HasSubstr("'wrkers'")) << text;
    }
  }
}

}  // namespace
}  // namespace skipjack
