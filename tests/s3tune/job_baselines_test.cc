// What the baseline takes in a job: closer to the truth than one download of it wherever several
// jobs share something, and no farther from it where they share nothing.
#include "skipjack/s3tune/job_baselines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "skipjack/base/rng.h"
#include "skipjack/s3tune/node.h"
#include "skipjack/s3tune/search_jobs.h"
#include "skipjack/s3tune/steps.h"
#include "skipjack/s3tune/trial_reports.h"

namespace skipjack::s3tune {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

constexpr double kNoise = 0.1;

struct Job {
  std::string kind, node;
  double seconds;
};
/// What is expected of each, in seconds.
std::vector<double> expected_baselines(const std::vector<Job>& jobs, const Noise& noise) {
  JobBaselines baselines;
  std::map<std::string, std::string> kinds;
  for (const Job& job : jobs) {
    kinds[job.node] = job.kind;
    baselines.add(baselines.node(job.node), std::log(job.seconds));
  }
  baselines.fit(kinds, noise);
  std::vector<double> expected;
  for (const Job& job : jobs)
    expected.push_back(
        std::exp(baselines.expected(baselines.node(job.node), std::log(job.seconds))));
  return expected;
}

struct World {
  int nodes = 4, jobs_a_node = 10;
  /// Logarithm of the baseline's time there and then.
  std::function<double(int node, int job)> level = [](int, int) { return 0.0; };
};

/// Root mean squares of the logarithms' errors: of what is expected, and of the downloads.
struct Errors {
  double expected = 0, download = 0;
};
Errors errors_in(const World& world) {
  Rng rng(1);
  Errors sum;
  double count = 0;
  for (int round = 0; round < 50; ++round) {
    Noise noise;
    std::vector<Job> jobs;
    std::vector<double> truth;
    for (int job = 0; job < world.jobs_a_node; ++job)
      for (int node = 0; node < world.nodes; ++node) {
        truth.push_back(world.level(node, job));
        jobs.push_back(
            {"c5n", "n" + std::to_string(node), std::exp(truth.back() + kNoise * rng.normal())});
        noise.add({std::exp(kNoise * rng.normal()), std::exp(kNoise * rng.normal())});
      }
    const std::vector<double> expected = expected_baselines(jobs, noise);
    for (std::size_t j = 0; j < jobs.size(); ++j) {
      sum.expected += std::pow(std::log(expected[j]) - truth[j], 2);
      sum.download += std::pow(std::log(jobs[j].seconds) - truth[j], 2);
      ++count;
    }
  }
  return {std::sqrt(sum.expected / count), std::sqrt(sum.download / count)};
}

TEST(JobBaselines, WhereNothingDiffersAllJobsAreOne) {
  const Errors errors = errors_in({});
  EXPECT_NEAR(errors.download, kNoise, 0.01);
  // The mean of forty.
  EXPECT_LT(errors.expected, 2 * kNoise / std::sqrt(40));
}

TEST(JobBaselines, NodesThatDifferAreEachTheirOwn) {
  const Errors errors = errors_in({.level = [](int node, int) { return 0.4 * node; }});
  EXPECT_LT(errors.expected, 1.5 * kNoise / std::sqrt(10));
}

TEST(JobBaselines, WhereAllDriftsADownloadIsBelieved) {
  const Errors errors = errors_in({.level = [](int, int job) { return 0.6 * std::sin(job); }});
  EXPECT_LT(errors.expected, 1.02 * errors.download);
  // The mean would be off by as much as it drifts, 0.4.
}

TEST(JobBaselines, OneJobANodeSharesWhatItsKindDoes) {
  EXPECT_LT(errors_in({.nodes = 40, .jobs_a_node = 1}).expected, 0.4 * kNoise);
  const Errors errors = errors_in(
      {.nodes = 40, .jobs_a_node = 1, .level = [](int node, int) { return 0.3 * (node % 5); }});
  EXPECT_LT(errors.expected, errors.download);
}

TEST(JobBaselines, KindsSayNothingOfOneAnother) {
  Noise noise;
  for (int i = 0; i < 5; ++i) noise.add({1.0, 1.2});
  const std::vector<double> expected = expected_baselines(
      std::vector<Job>{{"a", "n1", 1.0}, {"b", "n2", 4.0}, {"a", "n3", 1.0}}, noise);
  EXPECT_THAT(expected, ElementsAre(DoubleNear(1, 1e-9), DoubleNear(4, 1e-9), DoubleNear(1, 1e-9)));
}

TEST(JobBaselines, WithoutAMeasureOfNoiseADownloadIsWhatItWas) {
  const std::vector<Job> jobs = {{"a", "n1", 1.0}, {"a", "n1", 2.0}};
  EXPECT_THAT(expected_baselines(jobs, {}),
              ElementsAre(DoubleNear(1, 1e-12), DoubleNear(2, 1e-12)));
  EXPECT_TRUE(expected_baselines({}, {}).empty());
  // Repeats that do not differ at all say that nothing is noise.
  Noise none;
  none.add({1.0, 1.0, 1.0});
  EXPECT_THAT(expected_baselines(jobs, none),
              ElementsAre(DoubleNear(1, 1e-6), DoubleNear(2, 1e-6)));
}

TEST(JobBaselines, WhatIsTakenBackHasNotBeen) {
  Noise noise;
  for (int i = 0; i < 5; ++i) noise.add({1.0, 1.2});
  JobBaselines mended, never;
  const std::map<std::string, std::string> kinds = {{"n1", "a"}, {"n2", "a"}};
  for (JobBaselines* each : {&mended, &never})
    for (const double time : {0.1, 0.3, 0.9}) each->add(each->node("n1"), time);
  mended.add(mended.node("n2"), 5);
  mended.remove(mended.node("n2"), 5);
  mended.add(mended.node("n1"), 7);
  mended.remove(mended.node("n1"), 7);
  for (JobBaselines* each : {&mended, &never}) each->fit(kinds, noise);
  EXPECT_NEAR(mended.expected(0, 0.3), never.expected(0, 0.3), 1e-9);
  EXPECT_NE(never.expected(0, 0.3), 0.3);
}

/// A trial of the search that runs, with a download of the baseline on a node.
Trial running_on(const std::string& node, double seconds) {
  Trial trial{.tag = Json::Object{{"phase", "search"}}};
  trial.reports.push_back(
      {.metrics = Json::Object{{std::string(kArm), "base"},
                               {std::string(kDownloadTime), seconds},
                               {std::string(kNode), to_json(Node{.name = node})}}});
  return trial;
}

TEST(SearchJobs, AJobThatRunsAgainElsewhereIsOfThatNode) {
  // The first attempt is lost after its baseline; the second's, on another node, takes as long.
  SearchJobs jobs("base");
  jobs.update(running_on("n1", 2));
  jobs.update(running_on("n2", 2));
  Trial other = running_on("n1", 3);
  other.id = 1;
  jobs.update(other);
  jobs.update(running_on("n2", 4));
  EXPECT_NEAR(*jobs.baseline(0), 4, 1e-9);
  EXPECT_NEAR(*jobs.baseline(1), 3, 1e-9);
}

}  // namespace
}  // namespace skipjack::s3tune
