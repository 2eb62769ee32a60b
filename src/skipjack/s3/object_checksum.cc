#include "skipjack/s3/object_checksum.h"

#include <algorithm>

#include "skipjack/base/error.h"
#include "skipjack/s3/retry.h"

namespace skipjack::s3 {
namespace {

// While several CRCs are kept, bytes are taken in pieces that stay in the nearest cache.
constexpr std::size_t kHotBytes = 16 * 1024;
// A HEAD takes as long as a first byte; what takes longer than this after the last byte of the
// object holds the download up.
constexpr Duration kPatience = std::chrono::seconds(3);
constexpr RetryOptions kLookupRetry{.num_attempts = 3, .cap = kPatience};

/// Whether an answer that brings the whole object says all there is to say. Many servers name no
/// checksum where a range was asked for, and S3 leaves the "-N" off a composite one where a range
/// covers an object of several parts [botocore issue 3346]; such objects have a "-N" in their ETag.
bool is_conclusive(const HttpHead& head, const std::optional<StatedChecksum>& stated,
                   const std::string& etag) {
  if (head.status != 206) return true;
  const std::string* type = head.find("x-amz-checksum-type");
  return stated && (stated->composite || etag.find('-') == std::string::npos ||
                    (type != nullptr && *type == "FULL_OBJECT"));
}

}  // namespace

ObjectChecksum::ObjectChecksum(const ObjectAddress& object, ChecksumValidation validation)
    : object_(object), validation_(validation) {}

ObjectChecksum::~ObjectChecksum() {
  if (requester_ != nullptr) requester_->transport().cancel(*this);
}

void ObjectChecksum::ask(HttpHeaders& headers) const {
  if (validation_ == ChecksumValidation::WhenSupported)
    headers.emplace_back("x-amz-checksum-mode", "ENABLED");
}

void ObjectChecksum::learn(const HttpHead& head, FirstAnswer answer) {
  first_ = std::move(answer);
  const ByteRange whole{0, first_.object_size};
  if (validation_ == ChecksumValidation::WhenRequired) return give_up("checksum is when_required");
  if (first_.fetched != whole) return give_up("only a part of the object was fetched");
  if (first_.range == whole) {
    const auto stated = stated_checksum(head);
    if (is_conclusive(head, stated, first_.etag)) return expect(stated);
  }
  keep_ = Keep::All;
  lookup_due_ = Duration(0);
}

void ObjectChecksum::give_up(std::string note) {
  note_ = std::move(note);
  keep_ = Keep::None;
  expected_.reset();
  in_order_.reset();
  lookup_due_.reset();
  pieces_.clear();
}

void ObjectChecksum::expect(const std::optional<StatedChecksum>& stated) {
  if (!stated) return give_up("the server has none for this object");
  const std::string name(to_string(stated->algorithm));
  if (stated->composite)
    return give_up("the server's " + name + " is a checksum of the checksums of parts");
  if (crc_kind(stated->algorithm)) {
    keep_ = Keep::Expected;
  } else if (keep_ == Keep::All) {
    return give_up("a " + name + " that the answer with the bytes doesn't name can't be verified");
  } else {
    in_order_.emplace(stated->algorithm);
  }
  expected_ = stated;
}

void ObjectChecksum::look_up(Requester& requester, RequestSpec spec) {
  spec.method = "HEAD";
  HttpRequest request = requester.make_request(spec, lookup_identity_);
  lookup_due_.reset();
  lookup_head_ = {};
  ++lookup_attempts_;
  requester_ = &requester;
  requester.transport().start(std::move(request), *this);
}

void ObjectChecksum::on_end(TransportStatus status, std::string_view) {
  Requester& requester = *std::exchange(requester_, nullptr);
  if (status == TransportStatus::Complete && lookup_head_.status == 200) {
    requester.quota().give(lookup_tokens_);
    const std::string* etag = lookup_head_.find("etag");
    if (etag != nullptr && !first_.etag.empty() && *etag != first_.etag)
      return give_up("the object was replaced meanwhile");
    return expect(stated_checksum(lookup_head_));
  }
  const FinalFailure failure = describe_failure({.status = status, .head = lookup_head_});
  if (requester.take_lesson(object_, failure, lookup_identity_)) {
    --lookup_attempts_;
    lookup_due_ = Duration(0);
    return;
  }
  const RetryDecision decision = decide_retry(failure.attempt, lookup_attempts_, requester.chance(),
                                              kLookupRetry, requester.quota());
  if (const RetryAfter* after = std::get_if<RetryAfter>(&decision)) {
    lookup_due_ = system_clock().now() + after->delay;
    lookup_tokens_ = after->tokens;
    return;
  }
  give_up("asking for it failed: " + (status == TransportStatus::Complete
                                          ? "HTTP " + std::to_string(lookup_head_.status)
                                          : std::string(to_string(status))));
}

bool ObjectChecksum::is_settled(Duration now) {
  if (requester_ == nullptr && !lookup_due_) return true;
  if (!patience_ends_) patience_ends_ = now + kPatience;
  if (now < *patience_ends_) return false;
  if (requester_ != nullptr) std::exchange(requester_, nullptr)->transport().cancel(*this);
  give_up("asking for it took too long");
  return true;
}

bool ObjectChecksum::wants(std::size_t kind) const {
  return keep_ == Keep::All || static_cast<std::size_t>(*crc_kind(expected_->algorithm)) == kind;
}

void ObjectChecksum::add(std::int64_t offset, std::span<const std::byte> bytes) {
  if (in_order_ && offset == in_order_end_) {
    in_order_->update(bytes);
    in_order_end_ += static_cast<std::int64_t>(bytes.size());
  } else if (in_order_) {
    // What an earlier download left comes before what it lacks.
    give_up("a " + std::string(to_string(expected_->algorithm)) + " needs all bytes in order");
  }
  if (keep_ == Keep::None || bytes.empty()) return;
  const auto next = pieces_.upper_bound(offset);
  auto piece = next == pieces_.begin() ? pieces_.end() : std::prev(next);
  SKIPJACK_CHECK(piece == pieces_.end() || piece->second.end <= offset);
  if (piece == pieces_.end() || piece->second.end != offset)
    piece = pieces_.emplace_hint(next, offset, Piece{.end = offset, .crcs = {}});
  Piece& grown = piece->second;
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), kHotBytes))) {
    const auto hot = bytes.first(std::min(bytes.size(), kHotBytes));
    for (std::size_t kind = 0; kind < kNumCrcKinds; ++kind)
      if (wants(kind))
        grown.crcs[kind] = crc_update(static_cast<CrcKind>(kind), grown.crcs[kind], hot);
    grown.end += static_cast<std::int64_t>(hot.size());
  }
  if (next == pieces_.end() || next->first != grown.end) return;
  const Piece& other = next->second;
  for (std::size_t kind = 0; kind < kNumCrcKinds; ++kind)
    if (wants(kind))
      grown.crcs[kind] = crc_combine(static_cast<CrcKind>(kind), grown.crcs[kind], other.crcs[kind],
                                     other.end - next->first);
  grown.end = other.end;
  pieces_.erase(next);
}

std::optional<AnswerChecksum> ObjectChecksum::of_answer(const HttpHead& head,
                                                        ByteRange range) const {
  // What covers the whole object is looked at in the end.
  if (validation_ == ChecksumValidation::WhenRequired || expected_ ||
      range == ByteRange{0, first_.object_size})
    return std::nullopt;
  const auto stated = stated_checksum(head);
  if (!stated || stated->composite) return std::nullopt;
  return AnswerChecksum{
      .range = range, .running = Checksum(stated->algorithm), .stated = stated->text};
}

void ObjectChecksum::finish_answer(AnswerChecksum& answer) {
  const ByteRange& range = answer.range;
  answer_algorithm_ = to_string(answer.running.algorithm());
  const std::string actual = answer.running.text();
  if (actual != answer.stated)
    fail("bytes " + std::to_string(range.begin) + "-" + std::to_string(range.end - 1) + " of " +
             to_s3_uri(object_) + " arrived damaged: their " + std::string(answer_algorithm_),
         answer.stated, actual);
  bytes_verified_by_answer_ += range.size();
}

void ObjectChecksum::fail(std::string_view what, const std::string& stated,
                          const std::string& actual) const {
  throw Error(ErrorCode::Corrupted,
              std::string(what) + " is " + actual + ", the server says " + stated,
              "download again; if that fails too, the stored object or its checksum is wrong, and "
              "checksum = when_required does without");
}

ChecksumOutcome ObjectChecksum::finish() {
  if (expected_) {
    const std::string name(to_string(expected_->algorithm));
    std::string actual;
    if (in_order_) {
      SKIPJACK_CHECK(in_order_end_ == first_.object_size);
      actual = in_order_->text();
    } else {
      const CrcKind kind = *crc_kind(expected_->algorithm);
      const bool is_whole = pieces_.size() == 1 && pieces_.begin()->first == 0 &&
                            pieces_.begin()->second.end == first_.object_size;
      SKIPJACK_CHECK(is_whole || first_.object_size == 0);
      actual = crc_text(
          kind, is_whole ? pieces_.begin()->second.crcs[static_cast<std::size_t>(kind)] : 0);
    }
    if (actual != expected_->text)
      fail(to_s3_uri(object_) + " arrived damaged: its " + name, expected_->text, actual);
    return {.verified = name};
  }
  if (bytes_verified_by_answer_ > 0 && bytes_verified_by_answer_ == first_.fetched.size())
    return {.verified = std::string(answer_algorithm_) + " of each part"};
  return {.note = note_};
}

}  // namespace skipjack::s3
