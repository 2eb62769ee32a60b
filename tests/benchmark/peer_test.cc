#include "skipjack/benchmark/peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "skipjack/base/error.h"
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
