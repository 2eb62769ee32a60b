// Whether a download brought the bytes that were stored. S3 keeps a checksum of the whole object
// but says nothing of it in the answer for a range; a HEAD does, and goes out beside the parts.
// Parts come in any order, so each is summed up while it is hot, and the sums are combined in the
// end; that works for CRCs. Until the HEAD has answered nobody knows which CRC it will be, and all
// three are kept. SHA digests take all bytes in order: they are verified where one answer brings
// the object. Where an answer names a checksum of the range that it brings (a stored part), that is
// verified too, whatever it is.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "skipjack/s3/checksum.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/plan.h"
#include "skipjack/s3/requester.h"
#include "skipjack/s3/transfer_config.h"
#include "skipjack/s3/transport.h"

namespace skipjack::s3 {

/// Sums up the body of one answer that names its checksum.
struct AnswerChecksum {
  ByteRange range;
  Checksum running;
  std::string stated;
};

/// Of one download; lives in it, since requests refer to it. Not thread-safe.
class ObjectChecksum final : private ResponseReceiver {
 public:
  ObjectChecksum(const ObjectAddress& object, ChecksumValidation validation);
  ~ObjectChecksum() override;
  ObjectChecksum(const ObjectChecksum&) = delete;
  ObjectChecksum& operator=(const ObjectChecksum&) = delete;

  /// Adds the header that asks for checksums, if they are wanted.
  void ask(HttpHeaders& headers) const;

  struct FirstAnswer {
    ByteRange range;    ///< that the answer brings.
    ByteRange fetched;  ///< that the download is for.
    std::int64_t object_size = 0;
    std::string etag;  ///< empty if the server sent none.
  };
  /// Once, before any bytes.
  void learn(const HttpHead& head, FirstAnswer answer);

  /// When a HEAD is to be sent; nullopt: not, or it is on its way.
  std::optional<Duration> lookup_due() const { return lookup_due_; }
  /// Sends it. spec: a request for the object, whose method is set here. requester must outlive the
  /// end of the lookup or this.
  void look_up(Requester& requester, RequestSpec spec);
  bool is_looking_up() const { return requester_ != nullptr; }
  /// Asked once all bytes are there: whether nothing is left to wait for. A HEAD that keeps silent
  /// for seconds is given up.
  bool is_settled(Duration now);

  /// Bytes [offset, offset + size) of what is fetched are these. Ranges are disjoint, in any order.
  void add(std::int64_t offset, std::span<const std::byte> bytes);

  /// For an answer that brings this range of the object; nullopt if it names no checksum of its
  /// own.
  std::optional<AnswerChecksum> of_answer(const HttpHead& head, ByteRange range) const;
  /// All bytes of such an answer are there. Throws Corrupted.
  void finish_answer(AnswerChecksum& answer);

  /// All bytes are there. Throws Corrupted if they are not what was stored.
  ChecksumOutcome finish();

 private:
  struct Piece {
    std::int64_t end;
    std::array<std::uint64_t, kNumCrcKinds> crcs;
  };

  void on_head(const HttpHead& head) override { lookup_head_ = head; }
  std::span<std::byte> body_space() override { return scratch_; }
  void on_body(std::size_t) override {}
  void on_end(TransportStatus status, std::string_view detail) override;
  void expect(const std::optional<StatedChecksum>& stated);
  void give_up(std::string note);
  bool wants(std::size_t kind) const;
  [[noreturn]] void fail(std::string_view what, const std::string& stated,
                         const std::string& actual) const;

  const ObjectAddress& object_;
  const ChecksumValidation validation_;
  FirstAnswer first_;
  /// Which CRCs are kept: none, all, or the one that is expected.
  enum class Keep { None, All, Expected } keep_ = Keep::None;
  std::optional<StatedChecksum> expected_;
  std::string note_;
  /// By their first byte; adjacent ones are combined at once, so there are no more than parts on
  /// their way.
  std::map<std::int64_t, Piece> pieces_;
  std::optional<Checksum> in_order_;
  std::int64_t in_order_end_ = 0;

  std::optional<Duration> lookup_due_;
  Requester* requester_ = nullptr;  ///< while a HEAD is on its way.
  HttpHead lookup_head_;
  RequestIdentity lookup_identity_;
  std::int64_t lookup_attempts_ = 0;
  /// Retry tokens to give back when it succeeds.
  std::int64_t lookup_tokens_ = 1;
  std::optional<Duration> patience_ends_;

  std::int64_t bytes_verified_by_answer_ = 0;
  std::string_view answer_algorithm_;
  std::array<std::byte, 512> scratch_;  ///< a HEAD has no body; what comes all the same.
};

}  // namespace skipjack::s3
