// The state machine of one download, private to download*.cc: download.cc knows the object and its
// target, download_requests.cc the requests for it, download_body.cc the bytes that they bring.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/s3/download.h"
#include "skipjack/s3/flight_control.h"
#include "skipjack/s3/object_answer.h"
#include "skipjack/s3/object_checksum.h"
#include "skipjack/s3/part_queue.h"
#include "skipjack/s3/partial_file.h"
#include "skipjack/s3/stall_watch.h"
#include "skipjack/s3/write_queue.h"

namespace skipjack::s3 {

// Bytes that second requests may bring twice, as a share of what is fetched.
inline constexpr std::int64_t kHedgedShare = 20;

class Download final : public DownloadTask {
 public:
  Download(Requester& requester, const DownloadOptions& options, TokenBucket* bandwidth);
  ~Download() override;

  bool advance(Duration now) override;
  Duration next_event(Duration now) const override;
  bool is_closing() const override { return size_ && !parts_.has_more(); }
  std::int64_t bytes_done() const override { return bytes_received_; }
  std::int64_t bytes_resumed() const override { return result_.resumed_bytes; }
  DownloadResult finish() override;

 private:
  /// One connection's worth of work: at most one request at a time. Two may bring the same part;
  /// what is new is taken from the one that is ahead.
  class Lane final : public ResponseReceiver {
   public:
    explicit Lane(Download& download) : download_(download) {}
    void on_head(const HttpHead& answer) override {
      download_.guard(*this, [&] { download_.take_head(*this, answer); });
    }
    std::span<std::byte> body_space() override {
      space = {};
      download_.guard(*this, [&] { space = download_.space_for(*this); });
      return space;
    }
    void on_body(std::size_t n) override {
      download_.guard(*this, [&] { download_.take_body(*this, n); });
    }
    void on_end(TransportStatus status, std::string_view detail) override {
      download_.guard(*this, [&] { download_.take_end(*this, status, detail); });
    }

    Part* part = nullptr;  ///< nullptr: idle, or beaten.
    /// Another request has brought its part: to be taken back.
    bool is_beaten = false;
    /// Where its next byte belongs. Before the part's frontier, its bytes are known already.
    std::int64_t at = 0;
    /// At the part's frontier, and the only one to move it.
    bool leads = false;
    HttpHead head;
    bool has_answered = false;  ///< ever.
    bool carries_data = false;  ///< the answer's body is the object's.
    RequestIdentity identity;
    bool had_if_match = false;
    std::string error_body;
    std::span<std::byte> space;              ///< for the next bytes of the body.
    std::optional<AnswerChecksum> checksum;  ///< where the answer names one of its own.
    WriteQueue::Buffer buffer = nullptr;
    std::int64_t buffer_offset = 0;  ///< in the object.
    std::int64_t buffer_begin = 0;   ///< of its bytes, in the buffer.
    std::size_t buffer_used = 0;
    Duration started{0}, body_began{0}, last_byte{0};
    std::int64_t body_bytes = 0;
    StallWatch watch;

    bool is_idle() const { return part == nullptr && !is_beaten; }

   private:
    Download& download_;
  };

  template <class Function>
  void guard(Lane& lane, Function&& function);
  std::unique_ptr<Sink> file_sink(const ToFile& file);
  std::unique_ptr<Sink> consumer_sink(const ToConsumer& consumer);
  std::string identity_name() const;
  ByteRange first_request(const ByteRange& first);
  std::vector<ByteRange> missing_ranges(std::int64_t size);
  template <class Function>
  void forget_if_corrupted(Function&& function);
  void keep_what_came() noexcept;
  Lane& idle_lane();
  FlightControl::InFlight in_flight() const;
  bool may_start() const;
  RequestSpec request_for_object() const;
  void start(Lane& lane, Part& part);
  void start_requests(Duration now);
  void start_hedges(Duration now);
  bool may_hedge() const;
  void end_stalled(Duration now);
  Lane* companion(const Lane& lane);
  void beat(Lane& lane);
  void take_back_beaten();
  void take_head(Lane& lane, const HttpHead& head);
  void learn_object(const HttpHead& head, const AnsweredBody& body, Part& first);
  FlightOptions flight_options(const Plan& plan) const;
  std::span<std::byte> space_for(Lane& lane);
  void take_body(Lane& lane, std::size_t n);
  void take_end(Lane& lane, TransportStatus status, std::string_view detail);
  void complete(Lane& lane);
  void fail_attempt(Lane& lane, TransportStatus status, std::string_view detail);
  void flush(Lane& lane);
  std::int64_t buffer_end() const { return result_.config.io_chunksize / alignment_ * alignment_; }
  void report_progress(Duration now);

  Requester& requester_;
  const DownloadOptions& options_;
  const Duration begin_ = system_clock().now();
  const std::int64_t connections_before_;
  const RequestContext context_;
  DownloadResult result_;
  std::unique_ptr<Sink> sink_;
  /// The same as sink_, where there is one.
  PartialFile* partial_ = nullptr;
  /// What is asked for first unless an earlier download says otherwise, and whether one does.
  ByteRange plain_first_;
  bool is_resuming_ = false;
  /// What came proved wrong.
  bool is_forgotten_ = false;
  std::unique_ptr<WriteQueue> queue_;
  std::int64_t alignment_ = 1;  ///< of the bytes' place in file and buffer.
  TokenBucket* const bandwidth_;
  PartQueue parts_;
  std::deque<Lane> lanes_;  // stable addresses
  /// Set with size_.
  std::optional<FlightControl> flight_;
  std::int64_t most_in_flight_ = 0, largest_part_ = 0;
  /// What is fetched: bytes [first_byte_, first_byte_ + size_) of an object of object_size_ bytes.
  /// Parts and sink count from first_byte_.
  std::int64_t first_byte_ = 0;
  std::optional<std::int64_t> size_;
  std::int64_t object_size_ = 0;
  /// options.config with what this target leaves of it.
  TransferConfig config_;
  /// Bytes that an ordered sink may hold back.
  std::int64_t window_ = 0;
  HttpHeaders access_headers_;
  ObjectChecksum checksum_;
  bool has_ended_part_ = false;
  bool whole_ = false;  ///< asked without a range (an empty object refuses ranges).
  std::int64_t bytes_received_ = 0;
  Duration last_progress_, last_advance_;
  std::exception_ptr failure_;
  std::array<std::byte, 1024 * 1024>
      scratch_;  ///< for bytes that nobody wants: as many as a reception.
};

/// Receivers are called from C code: what is thrown waits until that has returned.
template <class Function>
void Download::guard(Lane& lane, Function&& function) {
  if (failure_) return;
  try {
    function();
  } catch (...) {
    failure_ = std::current_exception();
    lane.carries_data = false;
  }
}

}  // namespace skipjack::s3
