// The verdict as a whole: which row is the answer, what may be printed for which client, on
// histories whose truth is known.
#include "skipjack/s3tune/s3_verdict.h"

#include <gtest/gtest.h>

#include <cmath>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3tune/rehearsal.h"
#include "skipjack/s3tune/s3_tuning.h"

namespace skipjack::s3tune {
namespace {

constexpr std::int64_t kSize = 256 * kMiB;

S3TuningOptions tuning(const std::string& client) {
  S3TuningOptions options;
  options.target = {.object = "s3://bench/obj", .to = Destination::Discard};
  options.client = client;
  options.max_time = std::chrono::seconds(200);
  options.method = "random";
  options.program = "skipjack";
  if (find_client(client).kind == Client::Kind::Program) options.target.to = Destination::File;
  if (client != "native") options.client_program = ClientProgram{.path = client, .version = "1.2"};
  return options;
}

/// The definition and the history of a tuning in which only max_concurrency matters. seconds: of
/// one download with so many connections, 0 for "left to itself".
struct Rehearsed {
  TuningDefinition definition;
  History history;
};
Rehearsed rehearsed(const std::string& client, const std::function<double(std::int64_t)>& seconds,
                    std::uint64_t seed) {
  S3TuningOptions options = tuning(client);
  options.seed = seed;
  Rehearsed result{.definition = define_s3_tuning(options, {.size = kSize})};
  const auto scheduler = make_scheduler_of(result.definition);
  Rng rng(seed, "noise");
  result.history =
      rehearse(*scheduler, {.download =
                                [&](const Configuration& c, double) {
                                  const Json& connections = c.at(kMaxConcurrency);
                                  return seconds(connections.is_null() ? 0 : connections.as_int()) *
                                         std::exp(0.03 * rng.normal());
                                },
                            .max_time = std::chrono::seconds(200),
                            .object_size = kSize});
  return result;
}

/// The engine by itself takes 1 s, boto3's ten connections 1.5 s, thirty and more 0.5 s.
double worth_tuning(std::int64_t connections) {
  return connections == 0 ? 1.0 : std::max(0.5, 15.0 / static_cast<double>(connections));
}
double nothing_to_gain(std::int64_t) { return 1.0; }

TEST(S3Verdict, WinnerIsTheAnswerWhereTuningPays) {
  const Rehearsed r = rehearsed("native", worth_tuning, 1);
  const S3Verdict verdict = s3_verdict(r.definition, r.history);
  EXPECT_EQ(verdict.answer, kWinnerArm);
  ASSERT_TRUE(verdict.gain && verdict.tuning_gain);
  EXPECT_TRUE(verdict.gain_claimed && verdict.tuning_claimed);
  EXPECT_LE(verdict.gain->lower, 3.1);
  EXPECT_GE(verdict.gain->upper, 2.9);
  const s3::TransferConfig config =
      s3::transfer_config_from_json(parse_json(ready_configuration(verdict, r.definition)));
  EXPECT_GE(config.max_concurrency.value_or(0), 25);
}

TEST(S3Verdict, NothingIsSoldWhereNothingIsGained) {
  int claims = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Rehearsed r = rehearsed("native", nothing_to_gain, seed);
    const S3Verdict verdict = s3_verdict(r.definition, r.history);
    claims += verdict.gain_claimed || verdict.tuning_claimed;
    if (!verdict.tuning_claimed) {
      EXPECT_EQ(verdict.answer, "auto");
      EXPECT_EQ(parse_json(ready_configuration(verdict, r.definition)), Json(Json::Object{}));
    }
  }
  // At most 5 % each: three or more of 20 have a probability of 8 % at that bound, and the 2 %
  // threshold keeps far below.
  EXPECT_LE(claims, 2);
}

TEST(S3Verdict, TransferConfigIsPrintedForWhatBoto3Won) {
  const Rehearsed r = rehearsed("boto3", worth_tuning, 2);
  const S3Verdict verdict = s3_verdict(r.definition, r.history);
  ASSERT_EQ(verdict.answer, kWinnerArm);
  const std::string snippet = ready_configuration(verdict, r.definition);
  EXPECT_TRUE(snippet.starts_with("import boto3\n")) << "pasted as it is, it must run\n" << snippet;
  EXPECT_NE(snippet.find("TransferConfig(\n"), std::string::npos);
  EXPECT_NE(snippet.find("max_concurrency="), std::string::npos);
  EXPECT_NE(snippet.find("max_pool_connections="), std::string::npos);
  EXPECT_EQ(snippet.find("memory_limit"), std::string::npos) << "boto3 knows no such field";
  const std::string text = to_text(verdict, r.definition);
  EXPECT_NE(text.find("boto3, tuned"), std::string::npos) << text;
}

TEST(S3Verdict, WhatAnotherClientWonIsPrintedInItsWords) {
  S3TuningOptions options = tuning("rclone");
  const TuningDefinition definition = define_s3_tuning(options, {.size = kSize});
  const auto scheduler = make_scheduler_of(definition);
  Rng rng(4, "noise");
  const History history =
      rehearse(*scheduler, {.download =
                                [&](const Configuration& c, double) {
                                  const Json* streams = c.find("multi_thread_streams");
                                  return (streams ? worth_tuning(streams->as_int()) : 3.0) *
                                         std::exp(0.03 * rng.normal());
                                },
                            .max_time = std::chrono::seconds(200),
                            .object_size = kSize});
  const S3Verdict verdict = s3_verdict(definition, history);
  ASSERT_EQ(verdict.answer, kWinnerArm);
  ASSERT_EQ(verdict.rows.size(), 3u);
  EXPECT_EQ(verdict.rows[0].label, "rclone, its defaults");
  EXPECT_EQ(verdict.rows[1].label, "skipjack, left to itself");
  EXPECT_EQ(verdict.rows[2].label, "rclone, tuned");
  const std::string text = ready_configuration(verdict, definition);
  EXPECT_NE(text.find("rclone copyto REMOTE:bench/obj ./obj --multi-thread-streams "),
            std::string::npos)
      << text;
  EXPECT_EQ(to_text(verdict, definition).find("boto3"), std::string::npos);
}

TEST(S3Verdict, EngineIsNamedBesideAClientThatTuningDoesNotHelp) {
  const Rehearsed r = rehearsed(
      "boto3", [](std::int64_t connections) { return connections == 0 ? 0.1 : 3.0; }, 1);
  const S3Verdict verdict = s3_verdict(r.definition, r.history);
  ASSERT_EQ(verdict.answer, "boto3");
  const std::string text = to_text(verdict, r.definition);
  EXPECT_NE(text.find("\nBeside it: skipjack, left to itself is "), std::string::npos) << text;
  EXPECT_NE(text.find("; the answer is boto3, its defaults.\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("No gain"), std::string::npos) << "the engine's is thirtyfold\n" << text;
}

TEST(S3Verdict, GainsWithoutAnIntervalAreUnknown) {
  const Rehearsed r = rehearsed("boto3", nothing_to_gain, 1);
  S3Verdict verdict = s3_verdict(r.definition, r.history);
  verdict.answer = "boto3";
  for (VerdictRow& row : verdict.rows) row.gain.reset();
  const std::string text = to_text(verdict, r.definition);
  std::size_t unknown = 0;
  for (std::size_t at = 0; (at = text.find("unknown\n", at)) != std::string::npos; ++at) ++unknown;
  EXPECT_EQ(unknown, verdict.rows.size() - 1) << text;
  EXPECT_NE(text.find("Too few blocks"), std::string::npos) << text;
}

TEST(S3Verdict, WithoutABlockNothingIsSaid) {
  const TuningDefinition definition = define_s3_tuning(tuning("native"), {.size = kSize});
  const S3Verdict verdict = s3_verdict(definition, History());
  EXPECT_EQ(verdict.complete_blocks, 0);
  EXPECT_FALSE(verdict.gain_claimed || verdict.tuning_claimed);
  EXPECT_NE(to_text(verdict, definition).find("none"), std::string::npos);
}

TEST(S3Verdict, SearchThatNeverBeganIsNotSaidToHaveFoundNothing) {
  S3TuningOptions options = tuning("native");
  options.max_trials = 0;
  const TuningDefinition definition = define_s3_tuning(options, {.size = kSize});
  const auto scheduler = make_scheduler_of(definition);
  const History history =
      rehearse(*scheduler, {.download = [](const Configuration&, double) { return 1.0; },
                            .max_time = std::chrono::seconds(200),
                            .object_size = kSize});
  const S3Verdict verdict = s3_verdict(definition, history);
  ASSERT_GT(verdict.complete_blocks, 0);
  const std::string text = to_text(verdict, definition);
  EXPECT_NE(text.find("no configuration was tried"), std::string::npos) << text;
  EXPECT_EQ(text.find("found nothing"), std::string::npos) << text;
}

TEST(S3Verdict, AnUnfinishedBlockIsLeftOutForEveryRow) {
  const Rehearsed r = rehearsed("native", worth_tuning, 3);
  // Replay the trials up to the middle of a block of the verdict.
  const auto plan = verdict_plan(r.history);
  ASSERT_TRUE(plan);
  History cut;
  std::size_t taken = 0;
  for (const Trial& trial : r.history.trials()) {
    if (phase_of(trial) == "verdict" && taken++ == 4 * plan->arms.size() + 1) break;
    const auto add = [&](EventBody body) {
      cut.apply(Event{cut.num_events(), trial.started, 0, std::move(body)});
    };
    add(TrialStarted{.trial = trial.id, .configuration = trial.configuration, .tag = trial.tag});
    for (const Report& report : trial.reports) add(Reported{{trial.id, 0}, report.metrics});
    add(AttemptEnded{{trial.id, 0}, *trial.end});
  }
  const S3Verdict verdict = s3_verdict(r.definition, cut);
  EXPECT_EQ(verdict.complete_blocks, 4);
  for (const VerdictRow& row : verdict.rows) EXPECT_EQ(row.seconds.count, 4u) << row.name;
}

TEST(S3Tuning, DefinitionSurvivesTheJournal) {
  S3TuningOptions options = tuning("native");
  options.max_bytes = 50 * kGiB;
  const TuningDefinition definition = define_s3_tuning(options, {.size = kSize, .etag = "\"abc\""});
  EXPECT_TRUE(is_s3_tuning(definition));
  const TuningDefinition back =
      tuning_definition_from_json(parse_json(to_json_text(to_json(definition))));
  EXPECT_EQ(to_json(back), to_json(definition));
  EXPECT_TRUE(make_scheduler_of(back));
  EXPECT_FALSE(is_s3_tuning(TuningDefinition{}));
}

TEST(S3Tuning, EstimateIsTheTightestBound) {
  S3TuningOptions options = tuning("native");
  options.max_time = std::chrono::seconds(100);
  // 100 s, 80 % of them busy, 1 GiB/s: 320 downloads of 256 MiB in 32 parts of 8 MiB.
  CostEstimate estimate = estimate_cost(options, {.size = kSize}, static_cast<double>(kGiB));
  EXPECT_EQ(estimate.downloads, 320);
  EXPECT_EQ(estimate.bytes, 80 * kGiB);
  EXPECT_EQ(estimate.requests, 320 * 32);
  EXPECT_NEAR(estimate.request_dollars, 320 * 32 * 0.0004 / 1000, 1e-12);
  options.max_bytes = kGiB;
  estimate = estimate_cost(options, {.size = kSize}, static_cast<double>(kGiB));
  EXPECT_EQ(estimate.downloads, 4);
}

TEST(S3Tuning, NoRoomIsSaidBeforeAnythingStarts) {
  S3TuningOptions options = tuning("native");
  options.target.to = Destination::File;
  options.target.folder = std::filesystem::temp_directory_path();
  try {
    check_room(options, std::int64_t{1} << 60);
    FAIL() << "an exbibyte was thought to fit";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Io);
    EXPECT_NE(std::string(error.what()).find("free"), std::string::npos);
    EXPECT_NE(error.try_this().find("--to memory"), std::string::npos);
  }
  options.target.to = Destination::Memory;
  EXPECT_THROW(check_room(options, std::int64_t{1} << 60), Error);
  options.target.to = Destination::Discard;
  EXPECT_NO_THROW(check_room(options, std::int64_t{1} << 60));
}

TEST(S3Tuning, BadOptionsAreRefused) {
  S3TuningOptions options = tuning("native");
  EXPECT_THROW(define_s3_tuning(options, {.size = 0}), Error);
  options.repeats = 0;
  EXPECT_THROW(define_s3_tuning(options, {.size = 1}), Error);
  options = tuning("native");
  options.max_time.reset();
  EXPECT_THROW(define_s3_tuning(options, {.size = 1}), Error);
  options = tuning("boto3");
  options.client_program.reset();
  EXPECT_THROW(define_s3_tuning(options, {.size = 1}), Error);
  options = tuning("s5cmd");
  options.target.to = Destination::Memory;
  EXPECT_THROW(define_s3_tuning(options, {.size = 1}), Error) << "s5cmd has no such destination";
  options = tuning("boto3-crt");
  options.target.to = Destination::File;
  options.target.sign_requests = false;
  EXPECT_THROW(define_s3_tuning(options, {.size = 1}), Error) << "boto3 would not use the CRT";
  options = tuning("native");
  options.client = "boto";
  EXPECT_THROW(define_s3_tuning(options, {.size = 1}), Error);
}

}  // namespace
}  // namespace skipjack::s3tune
