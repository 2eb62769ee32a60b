#include "skipjack/benchmark/peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/benchmark/curve_table.h"
#include "skipjack/benchmark/problem.h"
#include "skipjack/benchmark/suite.h"

namespace skipjack::benchmark {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

Problem sphere() { return bbob_problem({.function = {.function = 1, .dimension = 2}}, {}); }

ReplayResult play(const std::string& command, int evaluations = 4) {
  const auto world = sphere().make_world(3);
  return replay(*world, {.peer_command = command,
                         .seed = 3,
                         .evaluations = evaluations,
                         .checkpoints = {evaluations}});
}

std::string complaint(const std::string& command) {
  try {
    play(command);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// Notes what it is told in the file and proposes the middle of the space.
std::string note_taker(const std::string& file) {
  return "python3 -c \"\n"
         "import json, sys\n"
         "told = open('" +
         file +
         "', 'w')\n"
         "names = list(json.loads(sys.stdin.readline())['space'])\n"
         "for line in sys.stdin:\n"
         "    told.write(line); told.flush()\n"
         "    print(json.dumps({'configuration': {name: 0.0 for name in names}}), flush=True)\n\"";
}

TEST(Peer, IsToldWhatEndedAndProposes) {
  const std::string file = testing::TempDir() + "peer_test_told";
  const ReplayResult result = play(note_taker(file));
  EXPECT_EQ(result.trials, 4);
  EXPECT_EQ(result.repeats, 3);
  EXPECT_EQ(result.judgements.back().recommended, result.judgements.back().observed);
  std::ifstream told(file);
  std::vector<Json> questions;
  for (std::string line; std::getline(told, line);) questions.push_back(parse_json(line));
  // One more may be asked for than there is room for.
  ASSERT_GE(questions.size(), 4u);
  EXPECT_EQ(questions[0], parse_json(R"({"ask": 0, "ended": []})"));
  EXPECT_EQ(questions[2].at("ask").as_int(), 2);
  const Json::Array& ended = questions[2].at("ended").as_array();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].at("trial").as_int(), 1);
  EXPECT_TRUE(ended[0].at("value").is_double());
}

TEST(Peer, MayHaveNothingMoreToPropose) {
  EXPECT_EQ(
      play("python3 -c \"\n"
           "import json, sys\n"
           "names = list(json.loads(sys.stdin.readline())['space'])\n"
           "for line in sys.stdin:\n"
           "    more = json.loads(line)['ask'] < 2\n"
           "    print(json.dumps({'configuration': {n: 0.0 for n in names} if more else None}), "
           "flush=True)\n\"")
          .trials,
      2);
}

TEST(Peer, ThatEndsOrTalksNonsenseIsAnError) {
  EXPECT_THAT(complaint("true"), HasSubstr("'true' ended instead of answering"));
  EXPECT_THAT(complaint("there-is-no-such-program 2>/dev/null"), HasSubstr("ended instead"));
  EXPECT_THAT(complaint("yes hello"), HasSubstr("hello"));
  EXPECT_THAT(complaint("yes '{\"x\": 1}'"), HasSubstr("'configuration'"));
  EXPECT_THAT(complaint("yes '{\"configuration\": {\"no\": 1}}'"),
              AllOf(HasSubstr("yes"), HasSubstr("'no'")));
  EXPECT_THAT(complaint("tr -d '\\n' </dev/zero 2>/dev/null"), HasSubstr("no end of line"));
}

/// Ten configurations of three epochs; the value is x at each of them.
std::unique_ptr<World> three_epochs() {
  std::string text = R"({"format":"skipjack-curves-1","name":"three","space":)" +
                     to_json_text(SearchSpace::from_text("x: randint(0, 9)").to_json()) +
                     R"(,"metric":"y","mode":"min","resource":"epoch","max":3})"
                     "\n";
  for (int x = 0; x < 10; ++x)
    text += to_json_text(Json::Array{Json::Array{x}, Json::Array{x, x, x}, Json::Array{1, 1, 1}}) +
            "\n";
  return make_curve_world(std::make_shared<const CurveTable>(parse_curve_table(text, "three")), {});
}

/// Stops trial 0 at its first report, pauses trial 1 at its second, then resumes it; trial 2 starts
/// from the checkpoint of trial 1. Notes what it is told.
std::string director(const std::string& file) {
  return "python3 -c \"\n"
         "import json, sys\n"
         "note = open('" +
         file +
         "', 'w')\n"
         "asked = []\n"
         "for line in sys.stdin:\n"
         "    note.write(line); note.flush()\n"
         "    question = json.loads(line)\n"
         "    if 'space' in question: continue\n"
         "    if 'told' in question:\n"
         "        orders = {(0, 1): 'stop', (1, 2): 'pause'}\n"
         "        found = [(e['trial'], orders.get((e['trial'], e.get('resource')))) for e in "
         "question['told']]\n"
         "        answer = {'decisions': [{'trial': t, 'do': o} for t, o in found if o]}\n"
         "    else:\n"
         "        asked.append(question['ask'])\n"
         "        answer = [{'configuration': {'x': 5}}, {'configuration': {'x': 4}}, {'resume': "
         "1},\n"
         "                  {'configuration': {'x': 3}, 'checkpoint_from': 1}, {'configuration': "
         "None}][len(asked) - 1]\n"
         "    print(json.dumps(answer), flush=True)\n\"";
}

TEST(PeerOnLevels, StopsPausesResumesAndStartsFromCheckpoints) {
  const std::string file = testing::TempDir() + "peer_test_director";
  std::vector<Trial> trials;
  const auto world = three_epochs();
  const ReplayResult result =
      replay(*world, {.peer_command = director(file),
                      .evaluations = 10,
                      .checkpoints = {10},
                      .on_end = [&](const History& history) { trials = history.trials(); }});
  EXPECT_EQ(result.reason, "search space exhausted");
  ASSERT_EQ(trials.size(), 3u);
  EXPECT_EQ(trials[0].status, TrialStatus::Stopped);
  EXPECT_EQ(trials[0].reports.size(), 1u);
  EXPECT_EQ(trials[1].status, TrialStatus::Completed);
  EXPECT_EQ(trials[1].attempt, 1);
  EXPECT_EQ(trials[1].reports.size(), 3u);
  EXPECT_EQ(trials[2].checkpoint_from, 1);
  // Trial 1 had come to its end, and so has what goes on from there: it has nothing to report.
  EXPECT_EQ(trials[2].status, TrialStatus::Failed);
  std::ifstream note(file);
  std::vector<Json> lines;
  for (std::string line; std::getline(note, line);) lines.push_back(parse_json(line));
  EXPECT_EQ(lines[0].at("resource"), parse_json(R"({"name": "epoch", "max": 3})"));
  EXPECT_EQ(lines[1], parse_json(R"({"ask": 0})"));
  EXPECT_EQ(lines[2], parse_json(R"({"told": [{"trial": 0, "resource": 1, "value": 5.0}]})"));
  EXPECT_EQ(lines[3], parse_json(R"({"told": [{"trial": 0, "ended": "stopped"}]})"));
  EXPECT_EQ(lines[4], parse_json(R"({"ask": 1})"));
}

TEST(PeerOnLevels, NonsenseIsAnError) {
  const auto complaint_of = [](const std::string& answer) -> std::string {
    const auto world = three_epochs();
    try {
      replay(*world,
             {.peer_command = "yes '" + answer + "'", .evaluations = 3, .checkpoints = {3}});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(complaint_of(R"({"resume": 7})"), HasSubstr("there is no trial 7"));
  EXPECT_THAT(complaint_of(R"({"configuration": {"x": 1}})"), HasSubstr("'decisions'"));
  EXPECT_THAT(
      complaint_of(R"({"configuration": {"x": 1}, "decisions": [{"trial": 0, "do": "go"}]})"),
      HasSubstr("neither stop nor pause"));
}

TEST(Peer, StandsBesideMethodsInASuite) {
  const ProblemResult result = run_problem(
      sphere(), {.methods = {{.label = "random", .method = "random"},
                             {.label = "peer", .peer_command = note_taker("/dev/null")}},
                 .num_seeds = 2,
                 .evaluations = 3,
                 .checkpoints = {3},
                 .jobs = 2});
  ASSERT_EQ(result.runs.size(), 2u);
  EXPECT_THAT(result.runs[1], Each(testing::Field(&ReplayResult::trials, 3)));
}

}  // namespace
}  // namespace skipjack::benchmark
