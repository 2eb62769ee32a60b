#include "skipjack/s3/download.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <exception>
#include <vector>

#include "skipjack/base/bytes.h"
#include "skipjack/s3/flight_control.h"
#include "skipjack/s3/hedge.h"
#include "skipjack/s3/object_answer.h"
#include "skipjack/s3/object_checksum.h"
#include "skipjack/s3/ordered_sink.h"
#include "skipjack/s3/part_queue.h"
#include "skipjack/s3/partial_file.h"
#include "skipjack/s3/stall_watch.h"
#include "skipjack/s3/write_queue.h"

namespace skipjack::s3 {
namespace {

constexpr std::size_t kLongestErrorBody = 64 * 1024;
/// How often to look whether keys that are being fetched are there.
constexpr Duration kKeysLook = std::chrono::milliseconds(10);
// Requests in flight, however fast a link is: more than a loop on one thread can take in.
constexpr std::int64_t kMostRequests = 128;
// Bytes that second requests may bring twice, as a share of what is fetched.
constexpr std::int64_t kHedgedShare = 20;
// How often the end of a download is looked at for late requests.
constexpr Duration kHedgeLook = std::chrono::milliseconds(20);

PlanLimits machine_limits() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGE_SIZE);
  if (pages <= 0 || page <= 0) return {};
  return {.memory_bytes = static_cast<std::int64_t>(pages) * page};
}

/// Disjoint ranges in order, less what is in range.
std::vector<ByteRange> without(const std::vector<ByteRange>& ranges, const ByteRange& range) {
  std::vector<ByteRange> rest;
  for (const ByteRange& piece : ranges) {
    const ByteRange before{piece.begin, std::min(piece.end, range.begin)};
    const ByteRange after{std::max(piece.begin, range.end), piece.end};
    if (before.size() > 0) rest.push_back(before);
    if (after.size() > 0) rest.push_back(after);
  }
  return rest;
}

/// Small writes are what the page cache is for.
WriteMode write_mode_for(const TransferConfig& config) {
  constexpr std::int64_t kSmallestDirectWrite = 64 * 1024;
  const bool is_small = config.io_chunksize.value_or(kSmallestDirectWrite) < kSmallestDirectWrite;
  return config.write_mode == WriteMode::Auto && is_small ? WriteMode::Buffered : config.write_mode;
}

class Download final : public DownloadTask {
 public:
  Download(Requester& requester, const DownloadOptions& options, TokenBucket* bandwidth);
  ~Download() override;

  bool advance(Duration now) override;
  Duration next_event(Duration now) const override;
  bool is_closing() const override { return size_ && !parts_.has_more(); }
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
  std::optional<WriteQueue> queue_;
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

Download::Download(Requester& requester, const DownloadOptions& options, TokenBucket* bandwidth)
    : requester_(requester),
      options_(options),
      connections_before_(requester.transport().num_connections()),
      context_(requester.context_of(options.object)),
      bandwidth_(bandwidth),
      config_(options.config),
      access_headers_(access_headers(options.access)),
      checksum_(options.object, config_.checksum.value_or(ChecksumValidation::WhenSupported)),
      last_progress_(begin_),
      last_advance_(begin_) {
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
    sink_ = file_sink(*file);
  else if (std::holds_alternative<ToMemory>(options.target))
    sink_ = make_memory_sink(result_.memory);
  else if (const auto* consumer = std::get_if<ToConsumer>(&options.target))
    sink_ = consumer_sink(*consumer);
  else
    sink_ = make_discard_sink();
  requester_.transport().set_receive_buffer(
      plan_download(first.end, config_, machine_limits()).config.receive_buffer);
  start(idle_lane(), parts_.add(first_request(first)));
}

std::unique_ptr<Sink> Download::file_sink(const ToFile& file) {
  if (config_.resume.value_or(false)) {
    if (auto partial = make_partial_file(file.path, write_mode_for(config_))) {
      partial_ = partial.get();
      return partial;
    }
  }
  return make_file_sink(file.path, {.write_mode = write_mode_for(config_)});
}

std::string Download::identity_name() const {
  return context_.endpoint + " " + to_s3_uri(options_.object) + " from byte " +
         std::to_string(first_byte_);
}

/// The first range that an earlier download lacks, if there was one for the same object as far as
/// can be known by now.
ByteRange Download::first_request(const ByteRange& first) {
  plain_first_ = first;
  if (partial_ == nullptr || !partial_->earlier()) return first;
  const PartialFile::Earlier& earlier = *partial_->earlier();
  const std::string& etag = earlier.identity.etag;
  if (earlier.identity.name != identity_name() || etag.empty()) return first;
  if (!result_.etag.empty() && result_.etag != etag) return first;
  is_resuming_ = true;
  result_.etag = etag;
  const ByteRange& missing = earlier.missing.front();
  return {missing.begin, std::min(missing.end, missing.begin + first.size())};
}

/// Of the object that is known by now.
std::vector<ByteRange> Download::missing_ranges(std::int64_t size) {
  if (partial_ != nullptr) {
    if (whole_) partial_->forget();
    return partial_->take_up({identity_name(), result_.etag, result_.version_id, size},
                             [&](std::int64_t offset, std::span<const std::byte> bytes) {
                               if (options_.stop.stop_requested()) throw_cancelled(options_.object);
                               checksum_.add(offset, bytes);
                               result_.resumed_bytes += static_cast<std::int64_t>(bytes.size());
                             });
  }
  if (size == 0) return {};
  return {{0, size}};
}

/// What proved wrong is not to be resumed.
template <class Function>
void Download::forget_if_corrupted(Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    if (partial_ != nullptr && error.code() == ErrorCode::Corrupted) partial_->forget();
    throw;
  }
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
    if (!lane.is_idle()) requester_.transport().cancel(lane);
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
  result_.config.max_concurrency = std::max<std::int64_t>(1, most_in_flight_);
  result_.config.multipart_chunksize = std::max<std::int64_t>(1, largest_part_);
  result_.peak_buffer_bytes = result_.config.max_concurrency * result_.config.receive_buffer;
  if (queue_) {
    queue_->drain();
    result_.peak_buffer_bytes += queue_->allocated_bytes();
    queue_.reset();
  }
  if (options_.stop.stop_requested()) throw_cancelled(options_.object);
  forget_if_corrupted([&] { result_.checksum = checksum_.finish(); });
  sink_->finish();
  partial_ = nullptr;
  sink_.reset();
  result_.bytes = *size_;
  result_.duration = system_clock().now() - begin_;
  result_.num_connections = requester_.transport().num_connections() - connections_before_;
  if (flight_) requester_.learn(flight_->experience());
  if (options_.progress) options_.progress(result_.bytes, result_.bytes);
  return std::move(result_);
}

bool Download::advance(Duration now) {
  if (failure_) forget_if_corrupted([&] { std::rethrow_exception(failure_); });
  take_back_beaten();
  if (size_ && parts_.is_done() && checksum_.is_settled(now)) return true;
  end_stalled(now);
  start_requests(now);
  start_hedges(now);
  report_progress(now);
  return false;
}

Duration Download::next_event(Duration now) const {
  Duration wait =
      options_.progress ? options_.progress_interval : Duration(std::chrono::seconds(1));
  if (!requester_.is_ready()) return std::min(wait, kKeysLook);
  if (parts_.next_due() != Duration::max()) wait = std::min(wait, parts_.next_due() - now);
  if (may_hedge()) wait = std::min(wait, kHedgeLook);
  if (const auto due = checksum_.lookup_due(); due && has_ended_part_)
    wait = std::min(wait, *due - now);
  return std::max(wait, Duration(0));
}

void Download::report_progress(Duration now) {
  if (!options_.progress || now - last_progress_ < options_.progress_interval) return;
  last_progress_ = now;
  options_.progress(bytes_received_, size_);
}

Download::Lane& Download::idle_lane() {
  for (Lane& lane : lanes_)
    if (lane.is_idle()) return lane;
  return lanes_.emplace_back(*this);
}

FlightControl::InFlight Download::in_flight() const {
  FlightControl::InFlight now{.waiting = checksum_.is_looking_up() ? 1 : 0};
  for (const Lane& lane : lanes_)
    if (!lane.is_idle()) ++(lane.carries_data ? now.receiving : now.waiting);
  return now;
}

/// One at a time until the object is known.
bool Download::may_start() const {
  const FlightControl::InFlight now = in_flight();
  return flight_ ? flight_->may_start(now) : now.waiting + now.receiving == 0;
}

void Download::start_requests(Duration now) {
  // Bodies on their way don't wait for keys.
  if (!requester_.is_ready()) return;
  while (may_start()) {
    // The question for the checksum takes the place of a part. The first part ends before those
    // that were asked for after it, so this delays nothing.
    if (const auto due = checksum_.lookup_due(); due && *due <= now && has_ended_part_) {
      checksum_.look_up(requester_, request_for_object());
      ++result_.num_requests;
      continue;
    }
    const std::int64_t size = flight_ ? flight_->part_size(parts_.missing_bytes()) : 1;
    Part* const part = parts_.take(size, now, sink_->room());
    if (part == nullptr) return;
    if (part->attempts == 0) ++result_.num_parts;
    largest_part_ = std::max(largest_part_, part->range.size());
    start(idle_lane(), *part);
  }
}

RequestSpec Download::request_for_object() const {
  RequestSpec spec{.object = options_.object, .headers = access_headers_};
  if (!options_.version_id.empty()) spec.query.emplace_back("versionId", options_.version_id);
  if (!result_.etag.empty()) spec.headers.emplace_back("If-Match", result_.etag);
  checksum_.ask(spec.headers);
  return spec;
}

void Download::start(Lane& lane, Part& part) {
  RequestSpec spec = request_for_object();
  if (!whole_)
    spec.headers.emplace_back("Range", "bytes=" + std::to_string(first_byte_ + part.frontier()) +
                                           "-" + std::to_string(first_byte_ + part.range.end - 1));
  lane.had_if_match = !result_.etag.empty();
  lane.checksum.reset();
  lane.head = {};
  lane.carries_data = lane.leads = false;
  lane.error_body.clear();
  lane.at = whole_ ? 0 : part.frontier();
  lane.body_bytes = 0;
  lane.started = lane.last_byte = system_clock().now();
  lane.watch = StallWatch(lane.started);
  ++part.attempts;
  ++result_.num_requests;
  HttpRequest request = requester_.make_request(spec, lane.identity, options_.stop);
  lane.part = &part;
  requester_.transport().start(std::move(request), lane);
  const FlightControl::InFlight now = in_flight();
  most_in_flight_ = std::max(most_in_flight_, now.waiting + now.receiving);
}

/// The other request for the same part; nullptr if there is none.
Download::Lane* Download::companion(const Lane& lane) {
  for (Lane& other : lanes_)
    if (&other != &lane && other.part == lane.part) return &other;
  return nullptr;
}

/// Its part needs it no longer. The request is taken back by the next advance(), since the
/// transport may be in the midst of it.
void Download::beat(Lane& lane) {
  lane.part = nullptr;
  lane.is_beaten = true;
}

void Download::take_back_beaten() {
  for (Lane& lane : lanes_) {
    if (!lane.is_beaten) continue;
    requester_.transport().cancel(lane);
    flush(lane);
    lane.is_beaten = false;
  }
}

/// At the end, when there is nothing more to ask for, but connections to ask with.
bool Download::may_hedge() const {
  return flight_ && config_.hedge.value_or(true) && !whole_ && parts_.missing_bytes() == 0 &&
         result_.hedged_bytes * kHedgedShare < *size_ && may_start();
}

void Download::start_hedges(Duration now) {
  while (may_hedge()) {
    std::vector<LoneRequest> requests;
    std::vector<Lane*> lanes;
    for (Lane& lane : lanes_) {
      if (lane.part == nullptr || lane.part->left() == 0 || companion(lane) != nullptr) continue;
      const double seconds = to_seconds(now - lane.body_began);
      const double rate =
          lane.body_bytes > 0 && seconds > 0 ? static_cast<double>(lane.body_bytes) / seconds : 0;
      lanes.push_back(&lane);
      requests.push_back({.bytes_left = lane.part->left(),
                          .silent_seconds = to_seconds(now - lane.last_byte),
                          .bytes_per_second = rate});
    }
    const auto late =
        choose_late_request(requests, flight_->experience(), flight_->patience_seconds());
    if (!late) return;
    ++result_.num_hedges;
    start(idle_lane(), *lanes[*late]->part);
  }
}

/// Answers that trickle: the transport ends those that are silent.
void Download::end_stalled(Duration now) {
  // Away for so long (a slow disk, a slow consumer), what is not there is not the servers' fault.
  const bool was_away = now - std::exchange(last_advance_, now) > std::chrono::seconds(2);
  const Duration timeout = requester_.transport_options().stall_timeout;
  for (Lane& lane : lanes_) {
    if (lane.part == nullptr) continue;
    if (was_away || bandwidth_ != nullptr) lane.watch = StallWatch(now);
    if (!lane.watch.is_stalled(now, timeout)) continue;
    requester_.transport().cancel(lane);
    flush(lane);
    fail_attempt(lane, TransportStatus::TimedOut, "the answer only trickles");
  }
}

void Download::take_head(Lane& lane, const HttpHead& head) {
  if (lane.is_beaten) return;
  lane.head = head;
  if (head.status != 200 && head.status != 206) return;
  Part& part = *lane.part;
  AskedFor asked{.context = context_, .etag = result_.etag};
  if (!whole_) asked.range = {first_byte_ + lane.at, first_byte_ + part.range.end};
  asked.may_be_whole = !options_.range && (!size_ || part.range == ByteRange{0, *size_});
  if (size_) asked.object_size = object_size_;
  const AnsweredBody body = read_object_head(head, asked);
  if (body.is_whole) {
    // A retried body begins again.
    lane.at = 0;
    whole_ = whole_ || !size_;
  }
  lane.body_began = lane.last_byte = system_clock().now();
  if (!size_) learn_object(head, body, part);
  lane.checksum = checksum_.of_answer(head, body.range);
  flight_->answered(to_seconds(lane.body_began - lane.started));
  lane.carries_data = true;
}

/// The first answer: size and ETag are known, so the plan can be made and the sink opened.
void Download::learn_object(const HttpHead& head, const AnsweredBody& body, Part& first) {
  const std::int64_t object_size = body.object_size;
  std::int64_t size = object_size - first_byte_;
  if (options_.range)
    if (const auto end = std::get<ByteSpan>(*options_.range).end)
      size = std::min(object_size, *end) - first_byte_;
  size = std::max<std::int64_t>(0, size);
  object_size_ = object_size;
  size_ = size;
  result_.time_to_first_byte = system_clock().now() - begin_;
  if (const std::string* etag = head.find("etag")) result_.etag = *etag;
  if (const std::string* version = head.find("x-amz-version-id")) result_.version_id = *version;
  checksum_.learn(head, {.range = body.range,
                         .fetched = {first_byte_, first_byte_ + size},
                         .object_size = object_size,
                         .etag = result_.etag});
  Plan plan = plan_download(size, config_, machine_limits());
  if (whole_) plan.config.max_concurrency = 1;
  result_.config = plan.config;
  result_.config.memory_limit += window_;
  first.range =
      whole_ ? ByteRange{0, size} : ByteRange{first.range.begin, std::min(first.range.end, size)};
  std::vector<ByteRange> missing = missing_ranges(size);
  bytes_received_ = result_.resumed_bytes;
  sink_->open(size);
  result_.num_parts = size > 0 ? 1 : 0;
  largest_part_ = first.range.size();
  parts_.set_missing(without(missing, first.range));
  const FlightOptions flight = flight_options(plan);
  flight_.emplace(flight);
  requester_.transport().set_receive_buffer(plan.config.receive_buffer);
  if (sink_->delivery() == Delivery::Written) {
    // Writes begin and end at multiples of the sink's alignment, if they hold some.
    alignment_ = sink_->hints().alignment;
    result_.config.write_mode = alignment_ > 1 ? WriteMode::Direct : WriteMode::Buffered;
    if (result_.config.io_chunksize < 2 * alignment_) alignment_ = 1;
    queue_.emplace(
        *sink_,
        WriteQueueOptions{.buffer_bytes = plan.config.io_chunksize,
                          .num_buffers = flight.most_requests + plan.config.max_io_queue,
                          .max_outstanding = plan.config.max_io_queue,
                          .num_writers = plan.config.use_threads ? sink_->hints().num_writers : 0});
  }
}

/// What the configuration names is given; the rest is found by measuring.
FlightOptions Download::flight_options(const Plan& plan) const {
  const EffectiveConfig& config = plan.config;
  const bool is_one = !config.use_threads || whole_ ||
                      (config_.multipart_threshold && *size_ < *config_.multipart_threshold);
  FlightOptions flight{.requests = config.max_concurrency,
                       .most_requests = config.max_concurrency,
                       .number = FlightOptions::Number::Given,
                       .experience = requester_.experience()};
  if (config_.multipart_chunksize || is_one) flight.part_size = config.multipart_chunksize;
  if (config_.max_concurrency || is_one) return flight;
  flight.number = FlightOptions::Number::Measured;
  flight.most_requests =
      std::max(config.max_concurrency, std::min(kMostRequests, most_requests(config)));
  return flight;
}

std::span<std::byte> Download::space_for(Lane& lane) {
  if (lane.is_beaten) return {};
  if (!lane.carries_data) return scratch_;
  const Part& part = *lane.part;
  const std::int64_t known = part.frontier() - lane.at;
  if (known > 0)
    return std::span(scratch_).first(
        static_cast<std::size_t>(std::min<std::int64_t>(known, scratch_.size())));
  if (!lane.leads) {
    // The one that has caught up is the faster one.
    if (Lane* const other = companion(lane)) beat(*other);
    lane.leads = true;
  }
  const std::int64_t left = part.left();
  if (left <= 0)
    throw Error(ErrorCode::Corrupted,
                context_.endpoint + " sent more bytes of " + to_s3_uri(options_.object) +
                    " than it was asked for",
                "check that the endpoint is an S3 server, and what stands between");
  switch (sink_->delivery()) {
    case Delivery::Dropped:
      return std::span(scratch_).first(
          static_cast<std::size_t>(std::min<std::int64_t>(left, scratch_.size())));
    case Delivery::InPlace:
      return {sink_->memory() + lane.at, static_cast<std::size_t>(left)};
    case Delivery::Written:
      break;
  }
  if (lane.buffer == nullptr) {
    lane.buffer = queue_->acquire();
    lane.buffer_offset = lane.at;
    lane.buffer_used = 0;
    lane.buffer_begin = lane.buffer_offset % alignment_;
    if (lane.buffer == nullptr) queue_->rethrow_failure();
  }
  const std::int64_t begin = lane.buffer_begin + static_cast<std::int64_t>(lane.buffer_used);
  return {lane.buffer + begin, static_cast<std::size_t>(std::min(buffer_end() - begin, left))};
}

void Download::take_body(Lane& lane, std::size_t n) {
  const Duration now = system_clock().now();
  const auto bytes = static_cast<std::int64_t>(n);
  if (bandwidth_ != nullptr) bandwidth_->take(bytes, now);
  if (lane.is_beaten) return;
  if (!lane.carries_data) {
    const std::size_t room =
        kLongestErrorBody - std::min(kLongestErrorBody, lane.error_body.size());
    lane.error_body.append(reinterpret_cast<const char*>(scratch_.data()), std::min(n, room));
    return;
  }
  // While the bytes are hot.
  if (lane.checksum) lane.checksum->running.update(lane.space.first(n));
  if (lane.leads) checksum_.add(lane.at, lane.space.first(n));
  lane.at += bytes;
  lane.body_bytes += bytes;
  lane.last_byte = now;
  lane.watch.took(bytes);
  if (!lane.leads) {
    result_.hedged_bytes += bytes;
    // The budget is used up: the one that is behind goes.
    if (result_.hedged_bytes * kHedgedShare >= *size_ && companion(lane) != nullptr) beat(lane);
    return;
  }
  Part& part = *lane.part;
  part.received += bytes;
  part.attempts = 1;
  bytes_received_ += bytes;
  if (parts_.missing_bytes() > 0) flight_->took(bytes, now);
  if (lane.buffer == nullptr) return;
  lane.buffer_used += n;
  if (lane.buffer_begin + static_cast<std::int64_t>(lane.buffer_used) == buffer_end() ||
      part.left() == 0)
    flush(lane);
}

void Download::flush(Lane& lane) {
  if (lane.buffer == nullptr) return;
  const WriteQueue::Buffer buffer = std::exchange(lane.buffer, nullptr);
  if (lane.buffer_used == 0)
    queue_->release(buffer);
  else
    queue_->submit({buffer, lane.buffer_begin, lane.buffer_offset, lane.buffer_used});
  queue_->rethrow_failure();
}

void Download::complete(Lane& lane) {
  Part& part = *lane.part;
  has_ended_part_ = true;
  if (lane.checksum) checksum_.finish_answer(*lane.checksum);
  flight_->succeeded(lane.body_bytes, to_seconds(system_clock().now() - lane.body_began));
  requester_.quota().give(part.tokens);
  if (Lane* const other = companion(lane)) beat(*other);
  lane.part = nullptr;
  parts_.finish(part);
}

void Download::take_end(Lane& lane, TransportStatus status, std::string_view detail) {
  flush(lane);
  if (std::exchange(lane.is_beaten, false)) return;
  Part& part = *lane.part;
  if (status == TransportStatus::Complete && lane.carries_data) {
    if (part.left() == 0) return complete(lane);
    status = TransportStatus::Truncated;
    detail = "the answer ended early";
  }
  const bool is_other_object = lane.head.status == 412 || lane.head.status == 416;
  if (status == TransportStatus::Complete && is_other_object && is_resuming_ && !size_) {
    // Not the object that an earlier download has begun: from the beginning.
    is_resuming_ = false;
    result_.etag = options_.if_match;
    part.range = plain_first_;
    part.attempts = 0;
    lane.part = nullptr;
    parts_.put_back(part, Duration(0));
    return;
  }
  if (status == TransportStatus::Complete && lane.head.status == 416 && !size_) {
    if (first_byte_ > 0)
      throw Error(ErrorCode::InvalidArgument,
                  "the range begins at byte " + std::to_string(first_byte_) +
                      ", after the end of " + to_s3_uri(options_.object),
                  "give an earlier one");
    // An empty object has no first byte to give: ask for all of it.
    if (!whole_) {
      whole_ = true;
      --part.attempts;
      lane.part = nullptr;
      parts_.put_back(part, Duration(0));
      return;
    }
  }
  fail_attempt(lane, status, detail);
}

void Download::fail_attempt(Lane& lane, TransportStatus status, std::string_view detail) {
  Part& part = *lane.part;
  FinalFailure failure = describe_failure(status, detail, lane.head, lane.error_body);
  failure.attempts_made = part.attempts;
  failure.had_if_match = lane.had_if_match;
  if (flight_ && is_throttling(failure.attempt)) flight_->throttled();
  const bool has_companion = companion(lane) != nullptr;
  lane.part = nullptr;
  lane.identity.num_lessons = part.num_lessons;
  if (requester_.take_lesson(options_.object, failure, lane.identity)) {
    part.num_lessons = lane.identity.num_lessons;
    --part.attempts;
    if (!has_companion) parts_.put_back(part, Duration(0));
    return;
  }
  // The other request for these bytes goes on.
  if (has_companion && is_retryable(failure.attempt)) return;
  const RetryOptions retry{.num_attempts = *with_boto3_defaults(config_).num_download_attempts};
  const RetryDecision decision =
      decide_retry(failure.attempt, part.attempts, requester_.chance(), retry, requester_.quota());
  if (!std::holds_alternative<RetryAfter>(decision))
    throw to_error(requester_.context_of(options_.object), failure);
  const RetryAfter& after = std::get<RetryAfter>(decision);
  ++result_.num_retries;
  part.tokens = after.tokens;
  log(requester_.log_sink(), LogLevel::Debug,
      "bytes " + std::to_string(part.frontier()) + "-" + std::to_string(part.range.end - 1) +
          " of " + to_s3_uri(options_.object) + ": attempt " + std::to_string(part.attempts) +
          " failed (" + std::string(to_string(status)) + ", HTTP " +
          std::to_string(lane.head.status) + "), trying again");
  parts_.put_back(part, system_clock().now() + after.delay);
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
