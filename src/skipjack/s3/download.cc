#include "skipjack/s3/download.h"

#include <algorithm>
#include <array>
#include <deque>
#include <exception>
#include <vector>

#include "skipjack/base/bytes.h"
#include "skipjack/s3/download_machine.h"
#include "skipjack/s3/machine.h"
#include "skipjack/s3/ordered_sink.h"

namespace skipjack::s3 {
namespace {

// Requests in flight, however fast a link is: more than a loop on one thread can take in.
constexpr std::int64_t kMostRequests = 128;
// How often to look whether keys that are being fetched are there.
constexpr Duration kKeysLook = std::chrono::milliseconds(10);
// How often the end of a download is looked at for late requests.
constexpr Duration kHedgeLook = std::chrono::milliseconds(20);

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

/// One tag in quotes, not a list of them nor "*".
bool is_single_etag(std::string_view text) {
  return text.size() >= 2 && text.front() == '"' && text.find('"', 1) == text.size() - 1;
}

/// Small writes are what the page cache is for.
WriteMode write_mode_for(const TransferConfig& config) {
  constexpr std::int64_t kSmallestDirectWrite = 64 * 1024;
  const bool is_small = config.io_chunksize.value_or(kSmallestDirectWrite) < kSmallestDirectWrite;
  return config.write_mode == WriteMode::Auto && is_small ? WriteMode::Buffered : config.write_mode;
}

}  // namespace

Download::Download(Requester& requester, const DownloadOptions& options, TokenBucket* bandwidth)
    : requester_(requester),
      options_(options),
      connections_before_(requester.transport().num_connections()),
      context_(requester.context_of(options.object)),
      bandwidth_(bandwidth),
      config_(options.config),
      access_headers_(access_headers(options.access)),
      checksum_(options.object, validation_of(config_)),
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
  const FileSinkOptions options{.write_mode = write_mode_for(config_),
                                .is_durable = config_.fsync.value_or(false),
                                .shown = file.shown};
  if (config_.resume.value_or(false)) {
    if (auto partial = make_partial_file(file.path, options)) {
      partial_ = partial.get();
      return partial;
    }
  }
  return make_file_sink(file.path, options);
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
  if (!result_.etag.empty() && result_.etag != etag) {
    partial_->forget();
    return first;
  }
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
    is_forgotten_ = error.code() == ErrorCode::Corrupted;
    if (partial_ != nullptr && is_forgotten_) partial_->forget();
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

/// What came and is to be resumed is written before the download fails; a cancel does not wait.
void Download::keep_what_came() noexcept {
  if (partial_ == nullptr || is_forgotten_ || !queue_ || options_.stop.stop_requested()) return;
  try {
    for (Lane& lane : lanes_) flush(lane);
    queue_->drain();
  } catch (...) {
    // The failure that is told is the one before.
  }
}

Download::~Download() {
  for (Lane& lane : lanes_)
    if (!lane.is_idle()) requester_.transport().cancel(lane);
  keep_what_came();
  if (queue_)
    WriteQueue::abandon(std::move(queue_), std::move(sink_));
  else if (sink_)
    sink_->abandon();
}

DownloadResult Download::finish() {
  result_.config.max_concurrency = std::max<std::int64_t>(1, most_in_flight_);
  result_.config.multipart_chunksize = std::max<std::int64_t>(1, largest_part_);
  result_.peak_buffer_bytes = result_.config.max_concurrency * result_.config.receive_buffer;
  if (queue_) {
    queue_->drain();
    result_.peak_buffer_bytes += queue_->allocated_bytes();
  }
  if (options_.stop.stop_requested()) throw_cancelled(options_.object);
  forget_if_corrupted([&] { result_.checksum = checksum_.finish(); });
  // In its thread: a cancel does not wait for the disk.
  if (queue_ && sink_->hints().is_durable) queue_->sync();
  queue_.reset();
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
  if (may_hedge()) wait = std::min(wait, kHedgeLook);
  // Where no more requests are allowed, the end of one is what there is to wait for.
  if (may_start()) {
    const Duration outage = requester_.outage().wait(now);
    if (parts_.next_due() != Duration::max())
      wait = std::min(wait, std::max(parts_.next_due() - now, outage));
    if (const auto due = checksum_.lookup_due(); due && has_ended_part_)
      wait = std::min(wait, std::max(*due - now, outage));
  }
  return std::max(wait, Duration(0));
}

void Download::report_progress(Duration now) {
  if (!options_.progress || now - last_progress_ < options_.progress_interval) return;
  last_progress_ = now;
  options_.progress(bytes_received_, size_);
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
  if (const std::string* etag = head.find("etag")) {
    if (is_single_etag(options_.if_match) && *etag != options_.if_match)
      throw Error(ErrorCode::Corrupted,
                  to_s3_uri(options_.object) + " has the ETag " + etag->substr(0, 100) + ", not " +
                      options_.if_match,
                  "ask for the version that is there");
    result_.etag = *etag;
  }
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
  requester_.quota().make_room(flight.most_requests);
  requester_.transport().set_receive_buffer(plan.config.receive_buffer);
  if (sink_->delivery() == Delivery::Written) {
    // Writes begin and end at multiples of the sink's alignment, if they hold some.
    const WriteHints hints = sink_->hints();
    alignment_ = hints.alignment;
    result_.config.write_mode = alignment_ > 1 ? WriteMode::Direct : WriteMode::Buffered;
    if (result_.config.io_chunksize < 2 * alignment_) alignment_ = 1;
    queue_ = std::make_unique<WriteQueue>(
        *sink_, WriteQueueOptions{.buffer_bytes = plan.config.io_chunksize,
                                  .num_buffers = flight.most_requests + plan.config.max_io_queue,
                                  .max_outstanding = plan.config.max_io_queue,
                                  .num_writers = plan.config.use_threads ? hints.num_writers : 0,
                                  .alignment = hints.alignment,
                                  .direct_file = hints.direct_file,
                                  .stop = options_.stop});
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
  if (window_ > 0) flight.window = window_;
  if (config_.max_concurrency || is_one) return flight;
  flight.number = FlightOptions::Number::Measured;
  const TransferConfig start = options_.start ? options_.start(*size_) : TransferConfig{};
  flight.first_worth = start.multipart_chunksize.value_or(0);
  if (start.max_concurrency) {
    flight.requests = std::min(*start.max_concurrency, kMostRequests);
    flight.experience.requests_in_flight = 0;
  }
  flight.most_requests =
      std::max(config.max_concurrency, std::min(kMostRequests, most_requests(config)));
  return flight;
}

std::unique_ptr<DownloadTask> start_download(Requester& requester, const DownloadOptions& options,
                                             TokenBucket* bandwidth) {
  return std::make_unique<Download>(requester, options, bandwidth);
}

DownloadResult run_download(Requester& requester, const DownloadOptions& options) {
  std::optional<TokenBucket> bandwidth = requester.begin(options.config);
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
