// What a refusal teaches about how requests are made: that the bucket is in another region, that
// this machine's clock is wrong, that the keys have ended. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "skipjack/s3/answer.h"
#include "skipjack/s3/credentials.h"

namespace skipjack::s3 {

/// What a request was made with. Kept by whoever repeats it, over all its attempts.
struct RequestIdentity {
  std::string region;
  /// Seconds by which the server's clock is ahead of ours.
  std::int64_t clock_offset = 0;
  Credentials credentials;
  /// How often it was repeated for a lesson's sake.
  int num_lessons = 0;
};

struct OtherRegion {
  std::string region;
};
struct OtherClock {
  std::int64_t offset = 0;
};
struct KeysEnded {};
using Lesson = std::variant<std::monostate, OtherRegion, OtherClock, KeysEnded>;

/// unix_time: by our clock. monostate: nothing that would make a repetition end otherwise.
Lesson lesson_of(const FinalFailure& failure, const RequestIdentity& made_with,
                 std::int64_t unix_time);

}  // namespace skipjack::s3
