// Faults on cue, beside those that a profile's odds bring: the n-th GET of an object goes wrong in
// a named way. For tests that have to see one fault at one moment; a script is data with a JSON
// form. What a fault does to an answer is worked out here; pauses and broken connections are the
// server's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/base/json.h"
#include "skipjack/s3sim/s3_api.h"

namespace skipjack::s3sim {

enum class FaultKind {
  Status,            ///< an S3 error instead of the object: `status` with `code` and `headers`.
  Reset,             ///< the connection is reset in the body, at `at`.
  Truncate,          ///< the connection ends in order in the body, at `at`.
  Stall,             ///< the body pauses at `at` for `seconds` (0: for ever).
  Trickle,           ///< one byte of head and body every `seconds`.
  LateHead,          ///< the answer waits `seconds` before its first byte.
  IgnoreRange,       ///< 200 with the whole object.
  WrongRange,        ///< a Content-Range that is one byte off.
  NoContentRange,    ///< 206 without one.
  NoEtag,            ///< no ETag.
  LowerCaseHeaders,  ///< header names in lower case.
  Chunked,           ///< Transfer-Encoding: chunked, no Content-Length.
  CorruptByte,       ///< one wrong byte at `at`; the length is right.
  Interim,           ///< 100 Continue before the answer.
  Close,             ///< Connection: close, after a whole answer.
  Replace,           ///< the object is replaced by another just before the request is answered.
};

/// Strikes the GETs numbered [first, first + count) over all connections, from 0.
struct ScriptedFault {
  FaultKind kind = FaultKind::Status;
  std::int64_t first = 0;
  std::int64_t count = 1;
  /// Where in the body, in [0, 1).
  double at = 0.5;
  double seconds = 0;
  /// For Status: an error, >= 300.
  int status = 503;
  std::string code{"SlowDown"};
  Fields headers{};
};
using FaultScript = std::vector<ScriptedFault>;

/// Throws InvalidArgument naming fault, field and bound.
void validate(const FaultScript& script);
/// A list of objects with the struct's field names; "kind" as in "wrong-range", "headers" an
/// object. Validated.
FaultScript fault_script_from_json(const Json& json);

/// The first fault that strikes GET `number`; nullptr for none.
const ScriptedFault* fault_for(const FaultScript& script, std::int64_t number);

/// The answer as the fault makes it. Unchanged for faults that are the server's own (Reset,
/// Truncate, Stall, Trickle, LateHead, LowerCaseHeaders, Interim, Close, Replace).
Answer struck(const ScriptedFault& fault, const Request& request, Answer answer);
/// What an object is replaced by: other bytes and another ETag, the same size.
ObjectVersion replaced(const ObjectVersion& version);

}  // namespace skipjack::s3sim
