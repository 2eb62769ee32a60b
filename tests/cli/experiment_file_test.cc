// Experiments as people write them, good and bad.
#include "skipjack/cli/experiment_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "skipjack/base/error.h"
#include "skipjack/cli/flag_text.h"

namespace skipjack::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Experiment parse(std::string_view yaml) {
  return experiment_from_json(experiment_from_yaml(yaml, "/exp"));
}

/// The message and advice of the Error that reading yaml throws.
std::string complaint(std::string_view yaml) {
  try {
    parse(yaml);
  } catch (const Error& error) {
    return std::string(error.what()) + "; " + error.try_this();
  }
  ADD_FAILURE() << "no error for\n" << yaml;
  return {};
}

constexpr const char* kNoMetric = "entry_point: train.py\nspace: {x: 'uniform(0, 1)'}\n";
constexpr const char* kSmall = "entry_point: train.py\nspace: {x: 'uniform(0, 1)'}\nmetric: loss\n";

TEST(ExperimentFile, ReadsEveryKindOfKey) {
  const Experiment experiment = parse(R"(
name: first
entry_point: sub/train.py
interpreter: python3 -u
template: "--lr={lr} 'two words' {act}"
space:
  lr: loguniform(1e-6, 1)
  act: [relu, tanh]
  epochs: 10
metric: accuracy
mode: max
method: random
workers: 4
seed: 7
max_time: 1m30s
max_trials: 100
target: 0.99
max_failures: 0
trial_time_limit: 20
delete_checkpoints: true
max_checkpoints: 3
at_end: wait
points_to_evaluate: [{lr: 0.1, act: tanh}]
environment: {OMP_NUM_THREADS: 1}
gpus: [0, 1]
cpus: 0-2,5
cpus_per_trial: 2
)");
  const TuningDefinition& definition = experiment.definition;
  EXPECT_EQ(experiment.name, "first");
  EXPECT_EQ(definition.program.entry_point, "/exp/sub/train.py");
  EXPECT_THAT(definition.program.interpreter, ElementsAre("python3", "-u"));
  EXPECT_THAT(definition.program.argument_template, ElementsAre("--lr={lr}", "two words", "{act}"));
  EXPECT_EQ(definition.program.pass_by, PassBy::Template);
  EXPECT_EQ(definition.space.parameters().at(2).name, "epochs");
  EXPECT_EQ(definition.space.dimension(), 2u);
  EXPECT_EQ(definition.metrics.at(0).mode, Mode::Max);
  EXPECT_EQ(definition.method, "random");
  EXPECT_EQ(definition.workers, 4);
  EXPECT_EQ(definition.seed, 7u);
  EXPECT_EQ(definition.stop.max_time, std::chrono::seconds(90));
  EXPECT_EQ(definition.stop.max_trials_started, 100);
  ASSERT_EQ(definition.stop.max_metric_value.size(), 1u);
  EXPECT_EQ(definition.stop.max_metric_value[0].second, 0.99);
  EXPECT_EQ(definition.max_failures, 0);
  EXPECT_EQ(definition.trial_time_limit, std::chrono::seconds(20));
  EXPECT_TRUE(definition.checkpoints.delete_checkpoints);
  EXPECT_EQ(definition.checkpoints.max_checkpoints, 3);
  EXPECT_EQ(definition.at_end, AtEnd::WaitForRunning);
  EXPECT_EQ(definition.points_to_evaluate->at(0).at("act"), Json("tanh"));
  EXPECT_THAT(definition.program.environment,
              ElementsAre(std::pair<std::string, std::string>("OMP_NUM_THREADS", "1")));
  EXPECT_THAT(definition.program.gpus, ElementsAre("0", "1"));
  EXPECT_THAT(definition.program.cpus, ElementsAre(0, 1, 2, 5));
  EXPECT_EQ(definition.program.cpus_per_trial, 2);
}

TEST(ExperimentFile, ReadsProcessorsAsListOrText) {
  const auto cpus = [](const std::string& value) {
    return parse(std::string(kSmall) + "cpus: " + value + "\n").definition.program.cpus;
  };
  EXPECT_THAT(cpus("3"), ElementsAre(3));
  EXPECT_THAT(cpus("7,0-1"), ElementsAre(7, 0, 1));
  EXPECT_THAT(cpus("[4, '0-1', 9]"), ElementsAre(4, 0, 1, 9));
  EXPECT_THAT(cpus("'0 2'"), ElementsAre(0, 2));
  EXPECT_TRUE(cpus("[]").empty());
  for (const char* bad :
       {"3-1", "-1", "1-", "1,", "','", "0x1", "1.5", "1-2-3", "99999999999", "0-70000", "one"})
    EXPECT_THAT(complaint(std::string(kSmall) + "cpus: " + bad + "\n"),
                testing::AllOf(HasSubstr("cpus = '"), HasSubstr("0-3,8")));
}

TEST(ExperimentFile, ReadsWhatATrialAsksOfSlurm) {
  const std::string small(kSmall);
  EXPECT_FALSE(parse(small + "backend: local\n").definition.program.slurm);
  const auto job = parse(small + R"(backend: slurm
slurm_partition: gpu
slurm_account: lab
slurm_constraint: p5&efa
slurm_cpus: 8
slurm_memory: 1.5GiB
slurm_gpus: 2
slurm_time: 2h
slurm_options: --qos=low --exclusive
)")
                       .definition.program.slurm;
  ASSERT_TRUE(job);
  EXPECT_EQ(job->partition, "gpu");
  EXPECT_EQ(job->account, "lab");
  EXPECT_EQ(job->constraint, "p5&efa");
  EXPECT_EQ(job->cpus, 8);
  EXPECT_EQ(job->memory_bytes, std::int64_t{3} << 29);
  EXPECT_EQ(job->gpus, 2);
  EXPECT_EQ(job->time_limit, std::chrono::hours(2));
  EXPECT_THAT(job->extra, ElementsAre("--qos=low", "--exclusive"));
  EXPECT_THAT(complaint(small + "slurm_cpus: 8\n"), HasSubstr("slurm_cpus is given"));
  EXPECT_THAT(complaint(small + "backend: moon\n"), HasSubstr("local, slurm"));
  EXPECT_THAT(complaint(small + "backend: slurm\nslurm_gpus: -1\n"), HasSubstr("slurm_gpus"));
  EXPECT_THAT(complaint(small + "backend: slurm\nslurm_memory: lots\n"), HasSubstr("lots"));
}

TEST(ExperimentFile, ReadsSourcesAsListOrText) {
  const std::vector<std::string> both = {"eu", "us"};
  EXPECT_EQ(parse(std::string(kSmall) + "warm_start_from: [eu, us]\n").warm_start_from, both);
  EXPECT_EQ(parse(std::string(kSmall) + "warm_start_from: eu, us\n").warm_start_from, both);
  EXPECT_TRUE(parse(kSmall).warm_start_from.empty());
  EXPECT_NE(complaint(std::string(kSmall) + "warm_start_from: 'eu,'\n").find("empty name"),
            std::string::npos);
}

TEST(ExperimentFile, SaysWhatIsMissing) {
  EXPECT_THAT(complaint("metric: loss\nspace: {x: 'uniform(0, 1)'}\n"), HasSubstr("--entry-point"));
  EXPECT_THAT(complaint("entry_point: a\nmetric: loss\n"), HasSubstr("--space"));
  EXPECT_THAT(complaint("entry_point: a\nspace: {x: 'uniform(0, 1)'}\n"), HasSubstr("--metric"));
}

TEST(ExperimentFile, NamesUnknownKeyAndItsLine) {
  EXPECT_THAT(complaint(std::string(kSmall) + "max_trails: 3\n"),
              testing::AllOf(HasSubstr("line 4"), HasSubstr("'max_trails'"), HasSubstr("max_t")));
}

TEST(ExperimentFile, NamesValueAndBound) {
  EXPECT_THAT(complaint(std::string(kSmall) + "workers: 0\n"),
              HasSubstr("workers = 0 must be >= 1"));
  EXPECT_THAT(complaint(std::string(kSmall) + "workers: many\n"), HasSubstr("workers = \"many\""));
  EXPECT_THAT(complaint(std::string(kSmall) + "mode: least\n"),
              HasSubstr("mode = 'least' is unknown; use one of min, max"));
  EXPECT_THAT(complaint(std::string(kSmall) + "max_time: soon\n"), HasSubstr("max_time"));
  EXPECT_THAT(complaint("entry_point: a\nmetric: m\nspace: {x: 'uniform(2, 1)'}\n"),
              HasSubstr("x"));
}

TEST(ExperimentFile, RefusesTextThatIsNoExperiment) {
  for (const char* text : {"", "- a\n- b\n", "a: [", "just words", "? [a]\n: b", "\t",
                           "entry_point: a\nentry_point: b"})
    EXPECT_THROW(parse(text), Error) << text;
}

TEST(ExperimentFile, SmallTextCannotBlowUp) {
  std::string text =
      std::string(kSmall) + "method_options:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    text += "  a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
    for (int j = 0; j < 9; ++j) text += ", " + last;
    text += "]\n";
  }
  EXPECT_THAT(complaint(text), HasSubstr("too large"));
}

TEST(ExperimentFile, QuotedNumbersStayText) {
  const Json experiment = experiment_from_yaml("name: '42'\nseed: 42\nmax_time: 1_000\n", "/exp");
  EXPECT_EQ(experiment.at("name"), Json("42"));
  EXPECT_EQ(experiment.at("seed"), Json(42));
  EXPECT_EQ(experiment.at("max_time"), Json("1_000"));
}

TEST(PointsToEvaluate, MayBeJsonOrYaml) {
  EXPECT_EQ(points_from_text(R"([{"x": 1e-05}])"), points_from_text("- x: 1e-05\n"));
}

TEST(SplitWords, KnowsQuotesAsAShellDoes) {
  EXPECT_THAT(split_words(R"(a 'b c' "d e"f g\ h '' 'it"s' "\"")"),
              ElementsAre("a", "b c", "d ef", "g h", "", "it\"s", "\""));
  EXPECT_THAT(split_words("  "), ElementsAre());
  EXPECT_THROW(split_words("a 'b"), Error);
}

TEST(ExperimentFile, ConstraintsAreBoundsOfMetrics) {
  const auto metrics =
      parse(std::string(kSmall) + "constraints: [memory <= 512, 'accuracy>=-0.5']\n")
          .definition.metrics;
  ASSERT_EQ(metrics.size(), 3u);
  EXPECT_EQ(metrics[0].role, MetricRole::Objective);
  EXPECT_EQ(metrics[1].name, "memory");
  EXPECT_EQ(metrics[1].role, MetricRole::Constraint);
  EXPECT_EQ(metrics[1].mode, Mode::Min);
  EXPECT_EQ(metrics[1].bound, 512);
  EXPECT_EQ(metrics[2].name, "accuracy");
  EXPECT_EQ(metrics[2].mode, Mode::Max);
  EXPECT_EQ(metrics[2].bound, -0.5);
  EXPECT_EQ(parse(std::string(kSmall) + "constraints: memory <= 512\n").definition.metrics.size(),
            2u);
  for (const char* wrong : {"memory", "<= 3", "memory <= much", "memory < 3", "memory <= "})
    EXPECT_THAT(complaint(std::string(kSmall) + "constraints: ['" + wrong + "']\n"),
                HasSubstr("is no constraint"))
        << wrong;
}

TEST(ExperimentFile, ObjectivesAreSeveralMetrics) {
  const auto metrics =
      parse(std::string(kNoMetric) + "objectives: [loss, accuracy max]\n").definition.metrics;
  ASSERT_EQ(metrics.size(), 2u);
  EXPECT_EQ(metrics[0].name, "loss");
  EXPECT_EQ(metrics[0].mode, Mode::Min);
  EXPECT_EQ(metrics[1].name, "accuracy");
  EXPECT_EQ(metrics[1].mode, Mode::Max);
  EXPECT_THAT(complaint(std::string(kSmall) + "objectives: [loss]\n"),
              HasSubstr("'metric' is given beside"));
  EXPECT_THAT(complaint(std::string(kNoMetric) + "objectives: [loss most]\n"),
              HasSubstr("is no objective"));
}

}  // namespace
}  // namespace skipjack::cli
