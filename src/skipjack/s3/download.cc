#include "skipjack/s3/download.h"

#include <algorithm>
#include <array>
#include <deque>
#include <exception>
#include <set>
#include <vector>

#include "skipjack/base/bytes.h"
#include "skipjack/s3/machine.h"
#include "skipjack/s3/ordered_sink.h"
#include "skipjack/s3/write_queue.h"

namespace skipjack::s3 {
namespace {

constexpr std::size_t kLongestErrorBody = 64 * 1024;

/// A part on its way. received counts from the beginning of its range, over all attempts.
struct Part {
  ByteRange range;
  std::int64_t received = 0;
  std::int64_t attempts = 0;
  /// Retry tokens to give back when it succeeds.
  std::int64_t tokens = 1;
};

class Download final : public DownloadTask {
 public:
  Download(Requester& requester, const DownloadOptions& options, TokenBucket* bandwidth);
  ~Download() override;

  bool advance(Duration now) override;
  Duration next_event(Duration now) const override;
  bool is_closing() const override {
    return size_ && next_unstarted_ >= parts_.size() && retries_.empty();
  }
  DownloadResult finish() override;

 private:
  /// One connection's worth of work: at most one request at a time.
  class Lane final : public ResponseReceiver {
   public:
    explicit Lane(Download& download) : download_(download) {}
    void on_head(const HttpHead& answer) override {
      download_.guard(*this, [&] { download_.take_head(*this, answer); });
    }
    std::span<std::byte> body_space() override {
      std::span<std::byte> space;
      download_.guard(*this, [&] { space = download_.space_for(*this); });
      return space;
    }
    void on_body(std::size_t n) override {
      download_.guard(*this, [&] { download_.take_body(*this, n); });
    }
    void on_end(TransportStatus status, std::string_view detail) override {
      download_.guard(*this, [&] { download_.take_end(*this, status, detail); });
    }

    Part* part = nullptr;  ///< nullptr: idle.
    HttpHead head;
    bool carries_data = false;  ///< the answer's body is the object's.
    bool had_if_match = false;
    std::string error_body;
    WriteQueue::Buffer buffer = nullptr;
    std::int64_t buffer_offset = 0;  ///< in the object.
    std::size_t buffer_used = 0;

   private:
    Download& download_;
  };

  struct Retry {
    Duration due;
    Part* part;
    bool operator<(const Retry& other) const { return due < other.due; }
  };

  template <class Function>
  void guard(Lane& lane, Function&& function);
  std::unique_ptr<Sink> consumer_sink(const ToConsumer& consumer);
  void start(Lane& lane, Part& part);
  void start_idle_lanes(Duration now);
  Part* next_part(Duration now);
  void take_head(Lane& lane, const HttpHead& head);
  void learn_object(const HttpHead& head, std::int64_t object_size);
  void check_same_object(const HttpHead& head) const;
  std::span<std::byte> space_for(Lane& lane);
  void take_body(Lane& lane, std::size_t n);
  void take_end(Lane& lane, TransportStatus status, std::string_view detail);
  void fail_attempt(Lane& lane, TransportStatus status, std::string_view detail);
  void flush(Lane& lane);
  void report_progress(Duration now);
  [[noreturn]] void contradict(const std::string& what) const;

  Requester& requester_;
  const DownloadOptions& options_;
  const Duration begin_ = system_clock().now();
  const std::int64_t connections_before_;
  DownloadResult result_;
  std::unique_ptr<Sink> sink_;
  std::optional<WriteQueue> queue_;
  TokenBucket* const bandwidth_;
  std::deque<Part> parts_;  // stable addresses
  std::size_t next_unstarted_ = 1;
  std::deque<Lane> lanes_;
  std::multiset<Retry> retries_;
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
  bool whole_ = false;  ///< asked without a range (an empty object refuses ranges).
  std::int64_t parts_done_ = 0;
  std::int64_t bytes_received_ = 0;
  std::int64_t progress_shown_ = 0;
  Duration last_progress_;
  std::exception_ptr failure_;
  std::array<std::byte, 64 * 1024> scratch_;  ///< for bytes that nobody wants.
};

Download::Download(Requester& requester, const DownloadOptions& options, TokenBucket* bandwidth)
    : requester_(requester),
      options_(options),
      connections_before_(requester.transport().num_connections()),
      bandwidth_(bandwidth),
      config_(options.config),
      access_headers_(access_headers(options.access)),
      last_progress_(begin_) {
  validate(config_);
  if (options.object.key.empty())
    throw Error(ErrorCode::InvalidArgument,
                to_s3_uri(options.object) + " names a bucket, not an object",
                "write it like s3://bucket/key");
  ByteRange first = first_range(config_);
  if (options.range) {
    const ByteSpan& span = std::get<ByteSpan>(*options.range);
    if (span.begin < 0 || (span.end && *span.end <= span.begin))
      throw Error(ErrorCode::InvalidArgument,
                  "the range of bytes " + std::to_string(span.begin) + " to " +
                      (span.end ? std::to_string(*span.end) : "the end") + " is empty",
                  "give the first byte, counted from 0, and a later end");
    first_byte_ = span.begin;
    if (span.end) first.end = std::min(first.end, *span.end - span.begin);
  }
  result_.etag = options.if_match;
  if (const auto* file = std::get_if<ToFile>(&options.target))
    sink_ = make_file_sink(file->path);
  else if (std::holds_alternative<ToMemory>(options.target))
    sink_ = make_memory_sink(result_.memory);
  else if (const auto* consumer = std::get_if<ToConsumer>(&options.target))
    sink_ = consumer_sink(*consumer);
  else
    sink_ = make_discard_sink();
  parts_.push_back({first});
  lanes_.emplace_back(*this);
  requester_.transport().set_receive_buffer(
      plan_download(first.end, config_, machine_limits()).config.receive_buffer);
  start(lanes_.front(), parts_.front());
}

/// Half of the memory is for what waits for its turn.
std::unique_ptr<Sink> Download::consumer_sink(const ToConsumer& consumer) {
  const std::int64_t memory = plan_download(0, config_, machine_limits()).config.memory_limit;
  config_.memory_limit = std::max(kMiB, memory / 2);
  window_ = memory - *config_.memory_limit;
  return make_ordered_sink({.consume = consumer.consume, .window = window_, .on_room = [this] {
                              requester_.transport().wake();
                            }});
}

Download::~Download() {
  for (Lane& lane : lanes_)
    if (lane.part != nullptr) requester_.transport().cancel(lane);
  queue_.reset();
  if (sink_) sink_->abandon();
}

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

DownloadResult Download::finish() {
  if (queue_) {
    queue_->drain();
    result_.peak_buffer_bytes =
        queue_->allocated_bytes() + result_.config.max_concurrency * result_.config.receive_buffer;
    queue_.reset();
  } else {
    result_.peak_buffer_bytes = result_.config.max_concurrency * result_.config.receive_buffer;
  }
  if (options_.stop.stop_requested()) throw_cancelled(options_.object);
  sink_->finish();
  sink_.reset();
  result_.bytes = *size_;
  result_.duration = system_clock().now() - begin_;
  result_.num_connections = requester_.transport().num_connections() - connections_before_;
  if (options_.progress) options_.progress(result_.bytes, result_.bytes);
  return std::move(result_);
}

bool Download::advance(Duration now) {
  if (failure_) std::rethrow_exception(failure_);
  if (size_ && parts_done_ == static_cast<std::int64_t>(parts_.size())) return true;
  start_idle_lanes(now);
  report_progress(now);
  return false;
}

Duration Download::next_event(Duration now) const {
  Duration wait =
      options_.progress ? options_.progress_interval : Duration(std::chrono::seconds(1));
  if (!retries_.empty()) wait = std::min(wait, retries_.begin()->due - now);
  return std::max(wait, Duration(0));
}

void Download::report_progress(Duration now) {
  if (!options_.progress || now - last_progress_ < options_.progress_interval) return;
  last_progress_ = now;
  // A body that begins again does not show.
  progress_shown_ = std::max(progress_shown_, bytes_received_);
  options_.progress(progress_shown_, size_);
}

Part* Download::next_part(Duration now) {
  if (!retries_.empty() && retries_.begin()->due <= now) {
    Part* part = retries_.begin()->part;
    retries_.erase(retries_.begin());
    return part;
  }
  if (!size_ || next_unstarted_ >= parts_.size()) return nullptr;
  const Room room = sink_->room();
  const ByteRange& range = parts_[next_unstarted_].range;
  // What the sink waits for may always come: it passes through.
  if (range.end > room.end && range.begin != room.next) return nullptr;
  return &parts_[next_unstarted_++];
}

void Download::start_idle_lanes(Duration now) {
  for (Lane& lane : lanes_) {
    if (lane.part != nullptr) continue;
    Part* part = next_part(now);
    if (part == nullptr) return;
    start(lane, *part);
  }
}

void Download::start(Lane& lane, Part& part) {
  RequestSpec spec{.object = options_.object, .headers = access_headers_};
  if (!options_.version_id.empty()) spec.query.emplace_back("versionId", options_.version_id);
  if (!whole_)
    spec.headers.emplace_back(
        "Range", "bytes=" + std::to_string(first_byte_ + part.range.begin + part.received) + "-" +
                     std::to_string(first_byte_ + part.range.end - 1));
  lane.had_if_match = !result_.etag.empty();
  if (lane.had_if_match) spec.headers.emplace_back("If-Match", result_.etag);
  lane.head = {};
  lane.carries_data = false;
  lane.error_body.clear();
  lane.buffer_offset = part.range.begin + part.received;
  ++part.attempts;
  ++result_.num_requests;
  HttpRequest request = requester_.make_request(spec);
  lane.part = &part;
  requester_.transport().start(std::move(request), lane);
}

void Download::contradict(const std::string& what) const {
  throw Error(ErrorCode::Corrupted,
              requester_.context_of(options_.object).endpoint + " contradicts itself about " +
                  to_s3_uri(options_.object) + ": " + what,
              "check that the endpoint is an S3 server, and what stands between");
}

void Download::take_head(Lane& lane, const HttpHead& head) {
  lane.head = head;
  if (head.status != 200 && head.status != 206) return;
  Part& part = *lane.part;
  const std::string* length_text = head.find("content-length");
  // -1: not said, or no number.
  const std::int64_t length = length_text ? parse_size(*length_text).value_or(-1) : -1;
  if (head.status == 200) {
    // The whole object: it was asked for so, or the server knows no ranges.
    if (length < 0)
      throw Error(ErrorCode::Unsupported,
                  "the answer for " + to_s3_uri(options_.object) + " has no Content-Length",
                  "check that the endpoint is an S3 server");
    if (options_.range && length > 0)
      throw Error(ErrorCode::Unsupported,
                  requester_.context_of(options_.object).endpoint + " sent all of " +
                      to_s3_uri(options_.object) + " where a range was asked for",
                  "download the whole object");
    if (size_ && (length != *size_ || part.range != ByteRange{0, *size_}))
      contradict("it sent the whole object where a range was asked for");
    if (size_) check_same_object(head);
    if (!size_) {
      whole_ = true;
      learn_object(head, length);
    }
    // A retried body begins again; what is there already is received twice.
    bytes_received_ -= part.received;
    part.received = 0;
    lane.buffer_offset = 0;
  } else {
    const std::string* text = head.find("content-range");
    const auto content_range = text ? parse_content_range(*text) : std::nullopt;
    if (!content_range || !content_range->total)
      contradict("206 with Content-Range \"" + (text ? text->substr(0, 100) : "") + "\"");
    const std::int64_t total = *content_range->total;
    const ByteRange asked{first_byte_ + part.range.begin + part.received,
                          std::min(first_byte_ + part.range.end, total)};
    if (content_range->range != asked || (length >= 0 && length != asked.size()))
      contradict("asked for bytes " + std::to_string(asked.begin) + "-" +
                 std::to_string(asked.end - 1) + ", got \"" + text->substr(0, 100) + "\"");
    if (!size_) {
      learn_object(head, total);
    } else {
      if (total != object_size_)
        throw Error(ErrorCode::Corrupted,
                    to_s3_uri(options_.object) + " changed during the download: it had " +
                        std::to_string(object_size_) + " bytes, now it has " +
                        std::to_string(total),
                    "download again; nothing was kept of the mixture");
      check_same_object(head);
    }
  }
  lane.carries_data = true;
}

void Download::check_same_object(const HttpHead& head) const {
  const std::string* etag = head.find("etag");
  if (etag != nullptr && !result_.etag.empty() && *etag != result_.etag)
    throw Error(ErrorCode::Corrupted,
                to_s3_uri(options_.object) + " changed during the download: its ETag was " +
                    result_.etag + ", now it is " + etag->substr(0, 100),
                "download again; nothing was kept of the mixture");
}

/// The first answer: size and ETag are known, so the plan can be made and the sink opened.
void Download::learn_object(const HttpHead& head, std::int64_t object_size) {
  std::int64_t size = object_size - first_byte_;
  if (options_.range)
    if (const auto end = std::get<ByteSpan>(*options_.range).end)
      size = std::min(object_size, *end) - first_byte_;
  size = std::max<std::int64_t>(0, size);
  object_size_ = object_size;
  result_.time_to_first_byte = system_clock().now() - begin_;
  if (const std::string* etag = head.find("etag")) result_.etag = *etag;
  if (const std::string* version = head.find("x-amz-version-id")) result_.version_id = *version;
  Plan plan = plan_download(size, config_, machine_limits());
  if (whole_) {
    plan.parts = {{0, size}};
    plan.config.max_concurrency = 1;
  }
  size_ = size;
  result_.config = plan.config;
  result_.config.memory_limit += window_;
  result_.num_parts = static_cast<std::int64_t>(plan.parts.size());
  sink_->open(size);
  parts_.front().range = plan.parts.empty() ? ByteRange{0, 0} : plan.parts.front();
  for (std::size_t i = 1; i < plan.parts.size(); ++i) parts_.push_back({plan.parts[i]});
  while (static_cast<std::int64_t>(lanes_.size()) < plan.config.max_concurrency)
    lanes_.emplace_back(*this);
  requester_.transport().set_receive_buffer(plan.config.receive_buffer);
  if (sink_->delivery() == Delivery::Written)
    queue_.emplace(
        *sink_,
        WriteQueueOptions{.buffer_bytes = plan.config.io_chunksize,
                          .num_buffers = plan.config.max_concurrency + plan.config.max_io_queue,
                          .max_outstanding = plan.config.max_io_queue,
                          .writer = plan.config.use_threads ? WriteQueueOptions::Writer::Own
                                                            : WriteQueueOptions::Writer::Inline});
}

std::span<std::byte> Download::space_for(Lane& lane) {
  if (!lane.carries_data) return scratch_;
  const Part& part = *lane.part;
  const std::int64_t left = part.range.size() - part.received;
  if (left <= 0) contradict("more bytes than asked for");
  switch (sink_->delivery()) {
    case Delivery::Dropped:
      return std::span(scratch_).first(
          static_cast<std::size_t>(std::min<std::int64_t>(left, scratch_.size())));
    case Delivery::InPlace:
      return {sink_->memory() + part.range.begin + part.received, static_cast<std::size_t>(left)};
    case Delivery::Written:
      break;
  }
  if (lane.buffer == nullptr) {
    lane.buffer = queue_->acquire();
    lane.buffer_used = 0;
    if (lane.buffer == nullptr) queue_->rethrow_failure();
  }
  const std::int64_t room =
      result_.config.io_chunksize - static_cast<std::int64_t>(lane.buffer_used);
  return {lane.buffer + lane.buffer_used, static_cast<std::size_t>(std::min(room, left))};
}

void Download::take_body(Lane& lane, std::size_t n) {
  if (bandwidth_ != nullptr) bandwidth_->take(static_cast<std::int64_t>(n), system_clock().now());
  if (!lane.carries_data) {
    const std::size_t room =
        kLongestErrorBody - std::min(kLongestErrorBody, lane.error_body.size());
    lane.error_body.append(reinterpret_cast<const char*>(scratch_.data()), std::min(n, room));
    return;
  }
  Part& part = *lane.part;
  part.received += static_cast<std::int64_t>(n);
  bytes_received_ += static_cast<std::int64_t>(n);
  if (lane.buffer == nullptr) return;
  lane.buffer_used += n;
  if (static_cast<std::int64_t>(lane.buffer_used) == result_.config.io_chunksize ||
      part.received == part.range.size())
    flush(lane);
}

void Download::flush(Lane& lane) {
  if (lane.buffer == nullptr) return;
  const WriteQueue::Buffer buffer = std::exchange(lane.buffer, nullptr);
  const std::int64_t offset = lane.buffer_offset;
  lane.buffer_offset += static_cast<std::int64_t>(lane.buffer_used);
  if (lane.buffer_used == 0)
    queue_->release(buffer);
  else
    queue_->submit(buffer, offset, lane.buffer_used);
  queue_->rethrow_failure();
}

void Download::take_end(Lane& lane, TransportStatus status, std::string_view detail) {
  Part& part = *lane.part;
  flush(lane);
  if (status == TransportStatus::Complete && lane.carries_data) {
    if (part.received == part.range.size()) {
      lane.part = nullptr;
      ++parts_done_;
      requester_.quota().give(part.tokens);
      return;
    }
    status = TransportStatus::Truncated;
    detail = "the answer ended early";
  }
  // An empty object has no first byte to give: ask for all of it.
  if (status == TransportStatus::Complete && lane.head.status == 416 && first_byte_ > 0 && !size_)
    throw Error(ErrorCode::InvalidArgument,
                "the range begins at byte " + std::to_string(first_byte_) + ", after the end of " +
                    to_s3_uri(options_.object),
                "give an earlier one");
  if (status == TransportStatus::Complete && lane.head.status == 416 && !size_ && !whole_) {
    whole_ = true;
    --part.attempts;
    lane.part = nullptr;
    retries_.insert({Duration(0), &part});
    return;
  }
  fail_attempt(lane, status, detail);
}

void Download::fail_attempt(Lane& lane, TransportStatus status, std::string_view detail) {
  Part& part = *lane.part;
  lane.part = nullptr;
  FinalFailure failure = describe_failure(status, detail, lane.head, lane.error_body);
  failure.attempts_made = part.attempts;
  failure.had_if_match = lane.had_if_match;

  const RetryOptions retry{.num_attempts = *with_boto3_defaults(config_).num_download_attempts};
  const RetryDecision decision =
      decide_retry(failure.attempt, part.attempts, requester_.chance(), retry, requester_.quota());
  if (!std::holds_alternative<RetryAfter>(decision))
    throw to_error(requester_.context_of(options_.object), failure);
  const RetryAfter& after = std::get<RetryAfter>(decision);
  ++result_.num_retries;
  part.tokens = after.tokens;
  log(requester_.log_sink(), LogLevel::Debug,
      "bytes " + std::to_string(part.range.begin + part.received) + "-" +
          std::to_string(part.range.end - 1) + " of " + to_s3_uri(options_.object) + ": attempt " +
          std::to_string(part.attempts) + " failed (" + std::string(to_string(status)) + ", HTTP " +
          std::to_string(lane.head.status) + "), trying again");
  retries_.insert({system_clock().now() + after.delay, &part});
}

}  // namespace

std::unique_ptr<DownloadTask> start_download(Requester& requester, const DownloadOptions& options,
                                             TokenBucket* bandwidth) {
  return std::make_unique<Download>(requester, options, bandwidth);
}

DownloadResult run_download(Requester& requester, const DownloadOptions& options) {
  validate(options.config);
  std::optional<TokenBucket> bandwidth;
  if (options.config.max_bandwidth) bandwidth.emplace(*options.config.max_bandwidth);
  TokenBucket* const bucket = bandwidth ? &*bandwidth : nullptr;
  const auto task = start_download(requester, options, bucket);
  if (!drive_to_end(*task, {.transport = requester.transport(),
                            .bandwidth = bucket,
                            .slice = options.progress_interval,
                            .stop = options.stop}))
    throw_cancelled(options.object);
  return task->finish();
}

}  // namespace skipjack::s3
