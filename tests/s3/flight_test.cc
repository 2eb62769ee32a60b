// The pure decisions of a download: what is asked for next, how many requests, how large, and which
// are late.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "skipjack/base/bytes.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3/flight_control.h"
#include "skipjack/s3/hedge.h"
#include "skipjack/s3/part_queue.h"
#include "skipjack/s3/stall_watch.h"

namespace skipjack::s3 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Any order of taking, breaking and finishing covers what is missing once.
TEST(PartQueue, HandsOutEveryMissingByteOnce) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed, "part queue");
    PartQueue queue;
    std::vector<ByteRange> missing;
    std::vector<int> times;
    for (std::int64_t at = 0; at < 10'000;) {
      const std::int64_t begin = at + rng.uniform_int(0, 500);
      const std::int64_t end = begin + rng.uniform_int(1, 2000);
      missing.push_back({begin, end});
      at = end + 1;
      times.resize(static_cast<std::size_t>(end));
    }
    queue.set_missing(missing);
    std::vector<Part*> taken;
    Duration now{0};
    while (!queue.is_done()) {
      now += milliseconds(1);
      if (Part* part = queue.take(rng.uniform_int(1, 700), now, {})) taken.push_back(part);
      if (taken.empty()) continue;
      const auto i =
          static_cast<std::size_t>(rng.uniform_int(0, static_cast<std::int64_t>(taken.size()) - 1));
      Part& part = *taken[i];
      taken.erase(taken.begin() + static_cast<std::ptrdiff_t>(i));
      const std::int64_t brought = rng.uniform_int(0, part.left());
      for (std::int64_t k = 0; k < brought; ++k)
        ++times[static_cast<std::size_t>(part.frontier() + k)];
      part.received += brought;
      if (part.left() == 0)
        queue.finish(part);
      else
        queue.put_back(part, now + milliseconds(rng.uniform_int(0, 5)));
    }
    std::vector<int> expected(times.size());
    for (const ByteRange& range : missing)
      std::fill(expected.begin() + range.begin, expected.begin() + range.end, 1);
    EXPECT_EQ(times, expected);
    EXPECT_EQ(queue.missing_bytes(), 0);
  }
}

TEST(PartQueue, WaitsForRoomButNotForWhatTheSinkWaitsFor) {
  PartQueue queue;
  queue.set_missing({{100, 1000}});
  EXPECT_EQ(queue.take(500, Duration(0), {.next = 50, .end = 400}), nullptr);
  EXPECT_NE(queue.take(500, Duration(0), {.next = 100, .end = 400}), nullptr);
}

TEST(PartQueue, ABrokenPartComesBeforeWhatIsNewOnceItIsDue) {
  PartQueue queue;
  queue.set_missing({{0, 1000}});
  Part& part = *queue.take(100, Duration(0), {});
  queue.put_back(part, seconds(2));
  EXPECT_NE(queue.take(100, seconds(1), {}), &part);
  EXPECT_EQ(queue.take(100, seconds(2), {}), &part);
}

/// A link of `link` bytes a second with connections of `connection` each: what `number` requests
/// bring.
double link_rate(std::int64_t number, double connection, double link) {
  return std::min(link, static_cast<double>(number) * connection);
}

/// Runs the controller against such a link for so long, with so much that is missing all the while;
/// the last number of requests.
std::int64_t settle(FlightControl& flight, double connection, double link, double seconds_long,
                    std::int64_t missing_bytes = 100 * kGiB) {
  Duration now = seconds(1);
  flight.succeeded(4 * kMiB, 4.0 * kMiB / std::min(connection, link));
  for (int step = 0; step < static_cast<int>(seconds_long * 100); ++step) {
    now += milliseconds(10);
    flight.took(
        {.bytes = static_cast<std::int64_t>(link_rate(flight.requests(), connection, link) / 100),
         .missing_bytes = missing_bytes},
        now);
  }
  return flight.requests();
}

TEST(FlightControl, GrowsWhileMoreRequestsBringMore) {
  FlightControl flight({.requests = 32, .most_requests = 128});
  flight.answered(0.02);
  EXPECT_EQ(settle(flight, 10e6, 10e9, 3), 128);
}

TEST(FlightControl, StaysWhereMoreBringNothing) {
  FlightControl flight({.requests = 32, .most_requests = 128});
  flight.answered(0.02);
  EXPECT_EQ(settle(flight, 10e6, 300e6, 3), 32);
  EXPECT_EQ(flight.experience().requests_in_flight, 32);
}

/// A connection's beginning is worth 0.02 s at 10 MB/s; it is to bring four times as much.
TEST(FlightControl, GrowsOnlyAsFarAsWhatIsMissingPays) {
  FlightControl small({.requests = 32, .most_requests = 128}), large = small;
  small.answered(0.02);
  large.answered(0.02);
  EXPECT_EQ(settle(small, 10e6, 10e9, 3, 4 * 200'000 * 64 - 1), 32);
  EXPECT_EQ(small.experience().requests_in_flight, 0);
  EXPECT_EQ(settle(large, 10e6, 10e9, 3, 4 * 200'000 * 64 + 100), 64);
}

TEST(FlightControl, FindsALinkThatGrewLater) {
  FlightControl flight({.requests = 32, .most_requests = 128});
  flight.answered(0.02);
  settle(flight, 10e6, 300e6, 3);
  EXPECT_GE(settle(flight, 10e6, 600e6, 30), 50);
}

TEST(FlightControl, AMeasuredNumberLeavesOutThoseThatWait) {
  const FlightControl measured({.requests = 16});
  EXPECT_TRUE(measured.may_start({.waiting = 2, .receiving = 15}));
  EXPECT_FALSE(measured.may_start({.waiting = 3, .receiving = 15}));
  EXPECT_FALSE(measured.may_start({.waiting = 18, .receiving = 0}));
  EXPECT_FALSE(measured.may_start({.waiting = 0, .receiving = 16}));
  const FlightControl given({.requests = 8, .number = FlightOptions::Number::Given});
  EXPECT_TRUE(given.may_start({.waiting = 4, .receiving = 3}));
  EXPECT_FALSE(given.may_start({.waiting = 4, .receiving = 4}));
}

TEST(FlightControl, AGivenNumberIsKept) {
  FlightControl flight({.requests = 7, .number = FlightOptions::Number::Given});
  EXPECT_EQ(settle(flight, 10e6, 10e9, 5), 7);
}

TEST(FlightControl, AStartIsOnlyAStart) {
  FlightControl flight({.requests = 4, .most_requests = 128});
  flight.answered(0.02);
  EXPECT_GE(settle(flight, 10e6, 300e6, 5), 30);
}

TEST(FlightControl, ASizeToStartWithHoldsUntilItIsMeasured) {
  FlightControl flight({.requests = 4, .first_worth = 24 * kMiB}), measured = flight;
  EXPECT_EQ(flight.part_size(kGiB), 24 * kMiB);
  measured.answered(0.01);
  measured.succeeded(kMiB, 0.1);
  // Between 8 and 16 MiB.
  EXPECT_EQ(measured.part_size(kGiB), 12 * kMiB);
}

TEST(FlightControl, BeginsWithWhatItLearned) {
  FlightControl flight(
      {.requests = 32,
       .most_requests = 128,
       .experience = {
           .requests_in_flight = 64, .first_byte_seconds = 0.18, .bytes_per_second = 12e6}});
  EXPECT_EQ(flight.requests(), 64);
  // Eight times 0.18 s at 12 MB/s.
  EXPECT_EQ(flight.part_size(100 * kGiB), 16 * kMiB);
  EXPECT_EQ(flight.part_size(640 * kMiB), 10 * kMiB);
}

TEST(FlightControl, SlowDownLowersAndGoodAnswersRaise) {
  FlightControl flight({.requests = 32, .number = FlightOptions::Number::Given});
  for (int i = 0; i < 64; ++i) flight.throttled();
  const std::int64_t lowered = flight.requests();
  EXPECT_LT(lowered, 10);
  // One more a round, so linear: after n rounds n more.
  for (std::int64_t round = 1; round <= 5; ++round) {
    const std::int64_t before = flight.requests();
    for (std::int64_t i = 0; i < before; ++i) flight.succeeded(kMiB, 0.1);
    EXPECT_EQ(flight.requests(), before + 1);
  }
  for (int i = 0; i < 2000; ++i) flight.succeeded(kMiB, 0.1);
  EXPECT_EQ(flight.requests(), 32);
}

TEST(FlightControl, ASlowDownNowAndThenLowersNothing) {
  FlightControl flight({.requests = 32, .number = FlightOptions::Number::Given});
  Rng rng(1, "slow down");
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    if (rng.bernoulli(0.02))
      flight.throttled();
    else
      flight.succeeded(kMiB, 0.1);
    sum += static_cast<double>(flight.requests());
  }
  EXPECT_GT(sum / 10'000, 31);
}

TEST(FlightControl, RangesBecomeShorterTowardsTheEnd) {
  FlightControl flight({.requests = 32});
  std::int64_t last = INT64_MAX;
  for (std::int64_t left = 4 * kGiB; left > 0;) {
    const std::int64_t size = flight.part_size(left);
    flight.began_part();
    if (left <= 32 * 8 * kMiB) {
      EXPECT_LE(size, last);
    }
    EXPECT_GE(size, kMiB);
    if (left > 64 * kMiB) {
      EXPECT_LE(size * flight.requests(), left);
    }
    last = size;
    left -= size;
  }
  EXPECT_EQ(last, kMiB);
}

TEST(FlightControl, RangesThatBeginTogetherEndOneAfterTheOther) {
  FlightControl flight({.requests = 32});
  std::map<std::int64_t, int> times;
  std::int64_t sum = 0;
  for (int i = 0; i < 32; ++i) {
    const std::int64_t size = flight.part_size(100 * kGiB);
    EXPECT_EQ(flight.part_size(100 * kGiB), size) << "asked for again before it is begun";
    flight.began_part();
    ++times[size];
    sum += size;
  }
  EXPECT_GE(times.begin()->first, 8 * kMiB);
  EXPECT_LE(times.rbegin()->first, 16 * kMiB);
  // Whole mebibytes of what is 12 on the average.
  EXPECT_NEAR(static_cast<double>(sum) / 32, 11.5 * kMiB, 0.5 * kMiB);
  // An eighth of them at a time.
  for (const auto& [size, number] : times) EXPECT_LE(number, 5) << size;
}

/// On a link of any delay and speed.
TEST(FlightControl, RangesFarFromTheEndStayWithinTheirBounds) {
  for (double delay = 0.001; delay < 2; delay *= 1.5) {
    FlightControl flight(
        {.requests = 32,
         .experience = {
             .requests_in_flight = 32, .first_byte_seconds = delay, .bytes_per_second = 50e6}});
    for (int i = 0; i < 100; ++i) {
      const std::int64_t size = flight.part_size(100 * kGiB);
      EXPECT_GE(size, 8 * kMiB);
      EXPECT_LE(size, 64 * kMiB);
      flight.began_part();
    }
  }
}

TEST(FlightControl, UntilMoreIsKnownEachConnectionHasItsShare) {
  FlightControl flight({.requests = 32});
  EXPECT_EQ(flight.part_size(32 * 6 * kMiB), 6 * kMiB);
  EXPECT_EQ(flight.part_size(32 * 8 * kMiB), 8 * kMiB);
}

/// Nothing takes the place of one that waits for its first byte, so few wait: 20 ms of 0.7 s.
TEST(FlightControl, AGivenNumberHasLongerRanges) {
  FlightControl flight({.requests = 10, .number = FlightOptions::Number::Given});
  EXPECT_GE(flight.part_size(10 * kGiB), 16 * kMiB);
  flight.answered(0.02);
  flight.succeeded(2 * kMiB, 2.0 * kMiB / 60e6);
  std::int64_t sum = 0;
  for (int i = 0; i < 100; ++i) {
    sum += flight.part_size(10 * kGiB);
    flight.began_part();
  }
  EXPECT_NEAR(static_cast<double>(sum) / 100, 32 * 0.02 * 60e6, 1e6);
}

TEST(FlightControl, RangesFitTogetherIntoTheWindow) {
  const FlightControl flight({.requests = 16,
                              .number = FlightOptions::Number::Given,
                              .window = 256 * kMiB,
                              .experience = {.first_byte_seconds = 0.1, .bytes_per_second = 60e6}});
  EXPECT_EQ(flight.part_size(10 * kGiB), 16 * kMiB);
}

TEST(FlightControl, RangesOfANarrowWindowAreStillOf4MiB) {
  const FlightControl narrow({.requests = 16, .window = kMiB});
  EXPECT_EQ(narrow.part_size(10 * kGiB), 4 * kMiB);
  EXPECT_EQ(narrow.part_size(32 * kMiB), 2 * kMiB);
}

TEST(FlightControl, AGivenSizeIsKept) {
  FlightControl flight({.part_size = 12345});
  EXPECT_EQ(flight.part_size(kGiB), 12345);
  EXPECT_EQ(flight.part_size(20000), 12345);
}

const Experience kTypical{.first_byte_seconds = 0.02, .bytes_per_second = 25e6};

TEST(Hedge, HelpsTheOneThatWouldEndLast) {
  const std::vector<LoneRequest> requests = {{.bytes_left = 4'000'000,
                                              .silent_seconds = 0.1,
                                              .is_answered = true,
                                              .bytes_per_second = 24e6},
                                             {.bytes_left = 4'000'000,
                                              .silent_seconds = 0.1,
                                              .is_answered = true,
                                              .bytes_per_second = 3e6},
                                             {.bytes_left = 4'000'000,
                                              .silent_seconds = 0.1,
                                              .is_answered = true,
                                              .bytes_per_second = 1e6}};
  EXPECT_EQ(choose_late_request(requests, kTypical, 0.05), std::optional<std::size_t>(2));
}

TEST(Hedge, ASilentOneIsLateAfterTheUsualFirstByte) {
  std::vector<LoneRequest> requests = {{.bytes_left = 4'000'000, .silent_seconds = 0.04}};
  EXPECT_EQ(choose_late_request(requests, kTypical, 0.05), std::nullopt);
  requests[0].silent_seconds = 0.06;
  EXPECT_EQ(choose_late_request(requests, kTypical, 0.05), std::optional<std::size_t>(0));
}

TEST(Hedge, ABodyThatHasYetToComeInItsFirstLargePieceIsNotLate) {
  std::vector<LoneRequest> requests = {
      {.bytes_left = 4'000'000, .silent_seconds = 0.2, .is_answered = true}};
  EXPECT_EQ(choose_late_request(requests, kTypical, 0.05), std::nullopt);
  requests[0].silent_seconds = 0.3;
  EXPECT_EQ(choose_late_request(requests, kTypical, 0.05), std::optional<std::size_t>(0));
}

TEST(Hedge, LeavesTheUsualAloneAndKnowsNothingAtFirst) {
  const std::vector<LoneRequest> requests = {
      {.bytes_left = 4'000'000,
       .silent_seconds = 0.2,
       .is_answered = true,
       .bytes_per_second = 20e6},
      {.bytes_left = 10'000, .silent_seconds = 0.2, .is_answered = true, .bytes_per_second = 1e6}};
  EXPECT_EQ(choose_late_request(requests, kTypical, 0.05), std::nullopt);
  EXPECT_EQ(choose_late_request(std::vector<LoneRequest>{{.bytes_left = 1, .silent_seconds = 100}},
                                Experience{}, 0),
            std::nullopt);
}

TEST(StallWatch, ATrickleIsAStallAndASlowLineIsNot) {
  StallWatch trickle(seconds(1)), slow(seconds(1));
  for (int i = 0; i < 50; ++i) trickle.took(1), slow.took(100);
  EXPECT_FALSE(trickle.is_stalled(seconds(5), seconds(5)));
  EXPECT_TRUE(trickle.is_stalled(seconds(6), seconds(5)));
  EXPECT_FALSE(slow.is_stalled(seconds(6), seconds(5)));
}

}  // namespace
}  // namespace skipjack::s3
