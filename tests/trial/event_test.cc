// The journal's form of events: everything that can be written is read back, everything else is
// Corrupted.
#include "skipjack/trial/event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../thrown.h"
#include "random_event.h"
#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using testing::HasSubstr;

std::string corruption(const std::string& text) {
  return message_of(ErrorCode::Corrupted, [&] { event_body_from_json(parse_json(text)); });
}

class EventProperty : public testing::TestWithParam<std::uint64_t> {};

TEST_P(EventProperty, EveryBodySurvivesJsonText) {
  Rng rng(GetParam(), "events");
  std::vector<int> kinds(std::variant_size_v<EventBody>);
  for (int i = 0; i < 500; ++i) {
    const EventBody body = random_event_body(rng);
    ++kinds[body.index()];
    const std::string text = to_json_text(to_json(body));
    const EventBody back = event_body_from_json(parse_json(text));
    ASSERT_EQ(back.index(), body.index()) << text;
    ASSERT_TRUE(same(back, body)) << text;
  }
  for (const int count : kinds) EXPECT_GT(count, 0);
}

INSTANTIATE_TEST_SUITE_P(Seeds, EventProperty, testing::Range<std::uint64_t>(1, 4));

TEST(Event, UnsetFieldsAreLeftOut) {
  EXPECT_EQ(to_json_text(to_json(TrialResumed{{3, 1}, std::nullopt})),
            R"({"type":"trial_resumed","trial":3,"attempt":1})");
}

TEST(Event, UnreadableBodiesAreCorrupted) {
  EXPECT_THAT(corruption("3"), HasSubstr("unreadable event"));
  EXPECT_THAT(corruption("{}"), HasSubstr("'type' is missing"));
  EXPECT_THAT(corruption(R"({"type":"teleported"})"), HasSubstr("'teleported'"));
  EXPECT_THAT(corruption(R"({"type":"pause_ordered"})"), HasSubstr("'trial' is missing"));
  EXPECT_THAT(corruption(R"({"type":"pause_ordered","trial":-1})"), HasSubstr("trial = -1"));
  EXPECT_THAT(corruption(R"({"type":"reported","trial":1,"attempt":-1,"metrics":{}})"),
              HasSubstr("attempt = -1"));
  EXPECT_THAT(corruption(R"({"type":"reported","trial":1,"attempt":99999999999,"metrics":{}})"),
              HasSubstr("32 bits"));
  EXPECT_THAT(corruption(R"({"type":"reported","trial":1,"attempt":0,"metrics":[]})"),
              HasSubstr("object"));
  EXPECT_THAT(
      corruption(R"({"type":"attempt_ended","trial":1,"attempt":0,"outcome":"won","reason":""})"),
      HasSubstr("'won'"));
}

TEST(Event, OutcomesHaveNamesThatReadBack) {
  for (const Outcome outcome :
       {Outcome::Completed, Outcome::Failed, Outcome::Stopped, Outcome::Paused, Outcome::Lost})
    EXPECT_EQ(outcome_from_string(to_string(outcome)), outcome);
  EXPECT_EQ(outcome_from_string("Completed"), std::nullopt);
}

}  // namespace
}  // namespace skipjack
