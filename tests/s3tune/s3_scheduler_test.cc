// The course of a tuning, rehearsed on models of a download whose truth is known.
#include "skipjack/s3tune/s3_scheduler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3tune/head_to_head.h"
#include "skipjack/s3tune/rehearsal.h"
#include "skipjack/s3tune/transfer_space.h"

namespace skipjack::s3tune {
namespace {

constexpr std::int64_t kSize = 256 * kMiB;

std::vector<Parameter> constants(const char* client) {
  return {{"client", Json(client)}, {std::string(kRepeats), Json(3)}};
}

S3SchedulerOptions make_options(std::uint64_t seed) {
  const TransferSpaceOptions space_options{
      .object_size = kSize, .cores = 2, .constants = constants("native")};
  S3SchedulerOptions options;
  options.space = transfer_space(space_options);
  options.baseline_point = nearest_configuration(options.space, space_options, kBoto3Point);
  options.method = "random";
  options.seed = seed;
  options.object_size = kSize;
  options.arms = {{"boto3-values", options.baseline_point}, {"auto", options.baseline_point}};
  options.arms[1].configuration.set(kMaxConcurrency, Json());
  return options;
}

/// More connections are faster up to 30; noise of 4 %.
double model(const Configuration& configuration, Rng& rng) {
  const Json& connections = configuration.at(kMaxConcurrency);
  const double c = connections.is_null() ? 12.0 : connections.as_double();
  return (0.3 + 8 / std::min(c, 30.0)) * std::exp(0.04 * rng.normal());
}

RehearsalOptions rehearsal(std::uint64_t seed, double seconds) {
  auto rng = std::make_shared<Rng>(seed, "model");
  return {.download = [rng](const Configuration& c, double) { return model(c, *rng); },
          .max_time = from_seconds(seconds),
          .object_size = kSize};
}

std::vector<std::string> phases(const History& history) {
  std::vector<std::string> names;
  for (const Trial& trial : history.trials())
    if (names.empty() || names.back() != phase_of(trial)) names.emplace_back(phase_of(trial));
  return names;
}

TEST(S3Scheduler, BaselineFirstThenSearchThenVerdict) {
  const auto scheduler = make_s3_scheduler(make_options(1));
  const History history = rehearse(*scheduler, rehearsal(1, 90));
  const std::vector<std::string> names = phases(history);
  ASSERT_GE(names.size(), 3u);
  EXPECT_EQ(names.front(), "baseline");
  EXPECT_EQ(names[1], "search");
  EXPECT_EQ(names.back(), "verdict");
  for (std::size_t i = 0; i + 1 < names.size(); ++i) EXPECT_NE(names[i], "verdict");
  EXPECT_EQ(history.trials().front().tag.at("arm").as_string(), "boto3-values");
  EXPECT_EQ(history.trials().front().configuration.at(kRepeats).as_int(), 3);
}

TEST(S3Scheduler, EachConfigurationIsReadBackOnceWhereAsked) {
  S3SchedulerOptions options = make_options(1);
  options.verify = true;
  options.max_search_trials = 6;
  const auto scheduler = make_s3_scheduler(std::move(options));
  const History history = rehearse(*scheduler, rehearsal(1, 90));
  std::set<std::string> arms;
  for (const Trial& trial : history.trials()) {
    const Json* arm = trial.tag.find("arm");
    const bool is_first = phase_of(trial) == "search" ||
                          (phase_of(trial) == "baseline" && arms.insert(arm->as_string()).second);
    EXPECT_EQ(trial.configuration.at(kVerify).as_bool(), is_first) << "trial " << trial.id;
  }
}

TEST(S3Scheduler, TrialsThatWroteDifferentBytesAreFound) {
  History history;
  const auto add = [&](EventBody body) {
    history.apply(Event{history.num_events(), Duration{0}, 0, std::move(body)});
  };
  for (TrialId id = 0; id < 3; ++id) {
    add(TrialStarted{.trial = id, .configuration = Json(Json::Object{})});
    Json metrics;
    metrics.set(kDownloadTime, 1.0);
    // The second tells nothing, and the third something else than the first.
    if (id != 1) metrics.set(kContent, id == 0 ? "crc32-00000000" : "crc32-00000001");
    EXPECT_FALSE(content_conflict(history));
    add(Reported{{id, 0}, metrics});
    add(AttemptEnded{{id, 0}, {.outcome = Outcome::Completed}});
  }
  const auto conflict = content_conflict(history);
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->first, 0);
  EXPECT_EQ(conflict->other, 2);
}

TEST(S3Scheduler, AReportAfterItsAttemptsEndStillTellsOfTheObject) {
  const auto scheduler = make_s3_scheduler(make_options(1));
  History history;
  const auto add = [&](EventBody body) {
    const Event event{history.num_events(), Duration{0}, 0, std::move(body)};
    history.apply(event);
    scheduler->apply(event, history);
  };
  add(TrialStarted{.trial = 0, .configuration = Json(Json::Object{})});
  add(AttemptEnded{{0, 0}, {.outcome = Outcome::Failed}});
  Json metrics;
  metrics.set(kBytes, 1);
  add(Reported{{0, 0}, metrics});
  EXPECT_TRUE(history.find(0)->reports.empty());
  const auto commands = scheduler->decide(
      {.history = history, .now = {}, .free_workers = 1, .remaining_fraction = {}});
  ASSERT_EQ(commands.size(), 1u);
  const auto* finished = std::get_if<Finished>(&commands.front());
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->reason, "the object changed");
}

TEST(S3Scheduler, MaxTimeIncludesTheVerdict) {
  for (double seconds : {30.0, 60.0, 120.0}) {
    const auto scheduler = make_s3_scheduler(make_options(2));
    const History history = rehearse(*scheduler, rehearsal(2, seconds));
    EXPECT_LE(to_seconds(history.time()), seconds);
    const auto plan = verdict_plan(history);
    ASSERT_TRUE(plan) << seconds;
    const VerdictTimings timings = verdict_timings(history, *plan);
    EXPECT_GE(plan->num_blocks - timings.num_incomplete_blocks, 1) << seconds;
  }
}

TEST(S3Scheduler, VerdictHasTenBlocksWhereTimeAllows) {
  const auto scheduler = make_s3_scheduler(make_options(3));
  const History history = rehearse(*scheduler, rehearsal(3, 120));
  const auto plan = verdict_plan(history);
  ASSERT_TRUE(plan);
  const VerdictTimings timings = verdict_timings(history, *plan);
  EXPECT_EQ(timings.num_incomplete_blocks, 0);
  EXPECT_GE(timings.seconds.front().size(), 10u);
}

TEST(S3Scheduler, EveryBlockHoldsEveryArmOnceInAnOrderThatVaries) {
  const auto scheduler = make_s3_scheduler(make_options(4));
  const History history = rehearse(*scheduler, rehearsal(4, 120));
  const auto plan = verdict_plan(history);
  ASSERT_TRUE(plan);
  std::map<std::int64_t, std::vector<std::string>> blocks;
  for (const Trial& trial : history.trials())
    if (phase_of(trial) == "verdict") {
      blocks[trial.tag.at("block").as_int()].push_back(trial.tag.at("arm").as_string());
      EXPECT_EQ(trial.configuration.at(kRepeats).as_int(), 1);
    }
  std::set<std::vector<std::string>> orders;
  for (auto& [number, order] : blocks) {
    orders.insert(order);
    std::vector<std::string> sorted = order, arms = plan->arms;
    std::sort(sorted.begin(), sorted.end());
    std::sort(arms.begin(), arms.end());
    EXPECT_EQ(sorted, arms) << "block " << number;
  }
  EXPECT_GT(orders.size(), 1u);
}

TEST(S3Scheduler, OneTrialAtATime) {
  const auto scheduler = make_s3_scheduler(make_options(5));
  const History history = rehearse(*scheduler, rehearsal(5, 60));
  for (std::size_t i = 1; i < history.trials().size(); ++i)
    EXPECT_GE(history.trials()[i].started, *history.trials()[i - 1].ended);
}

TEST(S3Scheduler, BaselineIsMeasuredAgainBetweenTrials) {
  S3SchedulerOptions options = make_options(6);
  options.baseline_every = 3;
  const auto scheduler = make_s3_scheduler(std::move(options));
  const History history = rehearse(*scheduler, rehearsal(6, 90));
  int since = 0;
  for (const Trial& trial : history.trials()) {
    if (phase_of(trial) == "baseline") since = 0;
    if (phase_of(trial) == "search") {
      EXPECT_LE(++since, 3);
    }
  }
}

TEST(S3Scheduler, HopelessTrialsAreStoppedEarly) {
  const auto scheduler = make_s3_scheduler(make_options(7));
  const History history = rehearse(*scheduler, rehearsal(7, 120));
  int stopped = 0;
  for (const Trial& trial : history.trials()) {
    if (phase_of(trial) != "search") continue;
    // One connection takes 8.3 s, ten times the best: no such trial may have run for its three
    // downloads.
    EXPECT_LT(to_seconds(*trial.ended - trial.started), 8);
    stopped += trial.status == TrialStatus::Stopped;
  }
  EXPECT_GT(stopped, 0);
}

TEST(S3Scheduler, KeepsMaxBytes) {
  for (std::int64_t downloads : {5, 20, 45}) {
    S3SchedulerOptions options = make_options(8);
    options.max_bytes = downloads * kSize;
    const auto scheduler = make_s3_scheduler(std::move(options));
    const History history = rehearse(*scheduler, rehearsal(8, 300));
    std::int64_t bytes = 0;
    for (const Trial& trial : history.trials())
      bytes += trial.configuration.at(kRepeats).as_int() * kSize;
    EXPECT_LE(bytes, downloads * kSize);
  }
}

/// 50 GiB for an object of 1 GiB: twelve blocks of four rows would leave nothing to search with.
TEST(S3Scheduler, MaxBytesLeaveBothASearchAndAVerdictWithAnInterval) {
  S3SchedulerOptions options = make_options(8);
  options.arms.push_back({"boto3", options.baseline_point});
  options.max_bytes = 50 * kSize;
  const auto scheduler = make_s3_scheduler(std::move(options));
  const History history = rehearse(*scheduler, rehearsal(8, 300));
  int searched = 0;
  for (const Trial& trial : history.trials()) searched += phase_of(trial) == "search";
  EXPECT_GE(searched, 5);
  const auto plan = verdict_plan(history);
  ASSERT_TRUE(plan);
  EXPECT_GE(plan->num_blocks, 6);
}

TEST(S3Scheduler, ObjectThatChangesItsSizeEndsTheTuning) {
  const auto scheduler = make_s3_scheduler(make_options(8));
  RehearsalOptions options = rehearsal(8, 300);
  options.object_size = kSize + 1;
  const History history = rehearse(*scheduler, options);
  EXPECT_EQ(history.trials().size(), 1u);
  const auto found = changed_object(history, {kSize, "\"a\""});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size, kSize + 1);
  EXPECT_EQ(found->etag, "\"a\"");
  EXPECT_FALSE(changed_object(history, {kSize + 1, ""}));
}

TEST(S3Scheduler, ObjectReplacedByOneOfTheSameSizeEndsTheTuning) {
  S3SchedulerOptions scheduler_options = make_options(8);
  scheduler_options.etag = "\"a\"";
  RehearsalOptions options = rehearsal(8, 60);
  options.etag = "\"b\"";
  const History history = rehearse(*make_s3_scheduler(scheduler_options), options);
  EXPECT_EQ(history.trials().size(), 1u);
  EXPECT_EQ(changed_object(history, {kSize, "\"a\""}).value().etag, "\"b\"");
  // The same object, and one of which an ETag is not known, go on to their verdict.
  const std::vector<std::pair<std::string, std::string>> harmless = {
      {"\"a\"", "\"a\""}, {"\"a\"", ""}, {"", "\"b\""}};
  for (const auto& [first, reported] : harmless) {
    scheduler_options.etag = first;
    options = rehearsal(8, 60);
    options.etag = reported;
    const History whole = rehearse(*make_s3_scheduler(scheduler_options), options);
    EXPECT_TRUE(verdict_plan(whole)) << first << " " << reported;
    EXPECT_FALSE(changed_object(whole, {kSize, first}));
  }
}

TEST(S3Scheduler, MaxSearchTrialsCountsTheSearchOnly) {
  S3SchedulerOptions options = make_options(9);
  options.max_search_trials = 6;
  const auto scheduler = make_s3_scheduler(std::move(options));
  const History history = rehearse(*scheduler, rehearsal(9, 300));
  int searched = 0;
  for (const Trial& trial : history.trials()) searched += phase_of(trial) == "search";
  EXPECT_EQ(searched, 6);
  EXPECT_TRUE(verdict_plan(history));
}

/// Every event applied to a fresh scheduler, as a resume does, leads to the same next command at
/// any point.
TEST(S3Scheduler, ReplayedEventsGiveTheSameDecisions) {
  class Recorder final : public Scheduler {
   public:
    explicit Recorder(std::unique_ptr<Scheduler> inner) : inner_(std::move(inner)) {}
    void apply(const Event& event, const History& history) override {
      events.push_back(event);
      inner_->apply(event, history);
    }
    std::vector<Command> decide(const SchedulerView& view) override {
      std::vector<Command> commands = inner_->decide(view);
      for (const Command& command : commands)
        if (const auto* start = std::get_if<Start>(&command))
          decisions.push_back(
              {events.size(), view.now, view.remaining_time, start->configuration, start->tag});
      return commands;
    }
    struct Decision {
      std::size_t num_events;
      Duration now;
      std::optional<Duration> remaining;
      Configuration configuration;
      Json tag;
    };
    std::vector<Event> events;
    std::vector<Decision> decisions;

   private:
    std::unique_ptr<Scheduler> inner_;
  };
  Recorder recorder(make_s3_scheduler(make_options(10)));
  rehearse(recorder, rehearsal(10, 60));
  ASSERT_GT(recorder.decisions.size(), 20u);
  for (std::size_t i = 0; i < recorder.decisions.size(); i += 3) {
    const Recorder::Decision& expected = recorder.decisions[i];
    const auto fresh = make_s3_scheduler(make_options(10));
    History history;
    for (std::size_t e = 0; e < expected.num_events; ++e) {
      history.apply(recorder.events[e]);
      fresh->apply(recorder.events[e], history);
    }
    const std::vector<Command> commands = fresh->decide({.history = history,
                                                         .now = expected.now,
                                                         .free_workers = 1,
                                                         .remaining_fraction = {},
                                                         .remaining_time = expected.remaining});
    ASSERT_EQ(commands.size(), 1u);
    const auto* start = std::get_if<Start>(&commands.front());
    ASSERT_TRUE(start) << "decision " << i;
    EXPECT_EQ(start->configuration, expected.configuration) << "decision " << i;
    EXPECT_EQ(start->tag, expected.tag) << "decision " << i;
  }
}

TEST(S3Scheduler, FindsTheModelsOptimum) {
  S3SchedulerOptions options = make_options(11);
  options.method = "bayesopt";
  const auto scheduler = make_s3_scheduler(std::move(options));
  const History history = rehearse(*scheduler, rehearsal(11, 120));
  const auto plan = verdict_plan(history);
  ASSERT_TRUE(plan);
  ASSERT_FALSE(plan->winner.is_null());
  EXPECT_GT(plan->winner.at(kMaxConcurrency).as_int(), 24);
}

TEST(S3Scheduler, BadOptionsAreRefused) {
  S3SchedulerOptions options = make_options(1);
  options.repeats = 0;
  EXPECT_THROW(make_s3_scheduler(std::move(options)), Error);
  options = make_options(1);
  options.method = "guess";
  EXPECT_THROW(make_s3_scheduler(std::move(options)), Error);
  options = make_options(1);
  options.arms.clear();
  EXPECT_THROW(make_s3_scheduler(std::move(options)), Error);
}

}  // namespace
}  // namespace skipjack::s3tune
