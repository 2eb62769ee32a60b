// What the head of an answer to a GET says of the object, and whether it fits what was asked and
// what is known. Pure; heads are hostile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "skipjack/s3/answer.h"
#include "skipjack/s3/plan.h"

namespace skipjack::s3 {

/// What a request asked for.
struct AskedFor {
  const RequestContext& context;
  /// Bytes of the object; its end may lie behind the object's. nullopt: all of it, without a range.
  std::optional<ByteRange> range{};
  /// Whether the whole object will do instead of the range.
  bool may_be_whole = false;
  /// Known from earlier answers; empty etag: none was sent.
  std::optional<std::int64_t> object_size{};
  std::string etag{};
};

/// What the body holds, in bytes of the object.
struct AnsweredBody {
  ByteRange range;
  std::int64_t object_size = 0;
  /// 200: the whole object.
  bool is_whole = false;
};

/// For a head with status 200 or 206. Throws Error: Corrupted if it contradicts what was asked for,
/// or what is known of the object (then it changed), Unsupported if no length is said.
AnsweredBody read_object_head(const HttpHead& head, const AskedFor& asked);

}  // namespace skipjack::s3
