#include "skipjack/s3/upload.h"

#include <algorithm>
#include <exception>
#include <list>
#include <pugixml.hpp>
#include <utility>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/s3/checksum.h"
#include "skipjack/s3/exchange.h"
#include "skipjack/s3/machine.h"
#include "skipjack/s3/upload_plan.h"
#include "skipjack/s3/upload_source.h"

namespace skipjack::s3 {
namespace {

std::string header_of(const HttpHead& head, std::string_view name) {
  const std::string* value = head.find(name);
  return value ? *value : std::string();
}

/// What S3 computes of an object by itself, and whose parts can be combined.
constexpr ChecksumAlgorithm kAlgorithm = ChecksumAlgorithm::Crc64Nvme;
constexpr CrcKind kCrc = CrcKind::Crc64Nvme;

// S3 says that joining parts can take several minutes, and other stores send nothing meanwhile.
constexpr Duration kCompletionStall = std::chrono::minutes(10);

HttpHeaders object_headers(const UploadOptions& options) {
  constexpr std::string_view kToken =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  HttpHeaders headers = access_headers(options.access);
  if (!options.content_type.empty()) headers.emplace_back("Content-Type", options.content_type);
  for (const auto& [name, value] : options.metadata) {
    const bool is_printable =
        std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
    if (name.empty() || name.find_first_not_of(kToken) != std::string::npos || !is_printable)
      throw Error(ErrorCode::InvalidArgument,
                  "the metadata \"" + name + "\" can't be sent as a header",
                  "use letters, digits and '-' in its name, and ASCII in its value");
    headers.emplace_back("x-amz-meta-" + name, value);
  }
  return headers;
}

class Upload final : public UploadTask {
 public:
  Upload(Requester& requester, const UploadOptions& options, TokenBucket* bandwidth);

  bool advance(Duration now) override;
  Duration next_event(Duration now) const override;
  void cancel() override;
  std::int64_t bytes_done() const override { return result_.bytes; }
  UploadResult finish() override;

 private:
  /// Whole: one PUT. Then the steps of an upload in parts; Looking: whether an attempt to complete
  /// it whose answer was lost has done it.
  enum class State { Whole, Creating, Sending, Completing, Looking, Aborting, Done };
  struct Part {
    std::int64_t number = 0;
    std::string bytes;
    std::optional<Exchange> exchange;
  };
  /// Of a part that was begun.
  struct Sent {
    std::string etag;
    std::uint64_t crc = 0;
    std::int64_t size = 0;
  };

  void begin_whole(std::string bytes);
  void begin_parts(std::string first);
  bool step(Duration now);
  std::optional<std::string> next_piece();
  void send_parts(Duration now);
  void take_parts(Duration now);
  void complete();
  bool take_completion(const SmallAnswer& answer);
  void look();
  void require_what_was_sent(const HttpHead& head) const;
  bool sends_checksums() const;
  HttpHeaders checksum_headers(std::uint64_t crc) const;
  void abort(std::exception_ptr why);
  void confirm(std::int64_t bytes);
  ExchangeOptions exchange_options() const;
  void start(RequestSpec spec, const ExchangeOptions& options);

  Requester& requester_;
  const UploadOptions& options_;
  TokenBucket* const bandwidth_;
  const Duration begin_ = system_clock().now();
  std::unique_ptr<UploadReader> source_;
  /// Of a source that only the end tells of: it may be a slow one.
  std::optional<PieceReader> stream_;
  UploadPlan plan_;
  State state_ = State::Whole;
  /// Of the whole object, of creating, completing, aborting.
  std::optional<Exchange> exchange_;
  std::string body_;
  std::string upload_id_;
  std::list<Part> parts_;
  /// The first part, read to see whether there is a second one.
  std::optional<std::string> next_bytes_;
  std::int64_t next_number_ = 1;
  bool is_read_ = false;
  std::vector<Sent> sent_;
  /// Of the whole object, once its parts are sent.
  std::uint64_t crc_ = 0;
  bool is_cancelled_ = false;
  std::exception_ptr failure_;
  UploadResult result_;
};

Upload::Upload(Requester& requester, const UploadOptions& options, TokenBucket* bandwidth)
    : requester_(requester), options_(options), bandwidth_(bandwidth) {
  if (options.object.key.empty())
    throw Error(ErrorCode::InvalidArgument,
                to_s3_uri(options.object) + " names a bucket, not an object",
                "write it like s3://bucket/key");
  source_ = open_source(options.source, options.stop);
  plan_ = plan_upload(source_->size(), options.config, machine_limits());
  result_.part_bytes = plan_.part_bytes;
  result_.max_concurrency = plan_.max_concurrency;
  std::string first = source_->read(plan_.is_multipart ? plan_.part_bytes : *source_->size());
  // A stream that is shorter than a part is no upload in parts.
  const bool is_all =
      !source_->size() && static_cast<std::int64_t>(first.size()) < plan_.part_bytes;
  if (!source_->size() && *with_boto3_defaults(options.config).use_threads)
    stream_.emplace(*source_, [this] { requester_.transport().wake(); });
  if (!plan_.is_multipart || is_all)
    begin_whole(std::move(first));
  else
    begin_parts(std::move(first));
}

ExchangeOptions Upload::exchange_options() const {
  ExchangeOptions options;
  options.retry.num_attempts = *with_boto3_defaults(options_.config).num_download_attempts;
  return options;
}

bool Upload::sends_checksums() const {
  return options_.config.checksum != ChecksumValidation::WhenRequired;
}

/// What the server is to hold a body against when it arrives.
HttpHeaders Upload::checksum_headers(std::uint64_t crc) const {
  if (!sends_checksums()) return {};
  return {{checksum_header(kAlgorithm), crc_text(kCrc, crc)}};
}

void Upload::start(RequestSpec spec, const ExchangeOptions& options) {
  spec.object = options_.object;
  exchange_.emplace(requester_, std::move(spec), options);
}

void Upload::begin_whole(std::string bytes) {
  body_ = std::move(bytes);
  RequestSpec spec{.method = "PUT", .headers = object_headers(options_), .body = body_};
  for (auto& header : checksum_headers(crc_update(kCrc, 0, std::as_bytes(std::span(body_)))))
    spec.headers.push_back(std::move(header));
  if (bandwidth_ != nullptr)
    bandwidth_->take(static_cast<std::int64_t>(body_.size()), system_clock().now());
  start(std::move(spec), exchange_options());
}

void Upload::begin_parts(std::string first) {
  state_ = State::Creating;
  next_bytes_ = std::move(first);
  RequestSpec spec{
      .method = "POST", .query = {{"uploads", ""}}, .headers = object_headers(options_)};
  if (sends_checksums()) {
    spec.headers.emplace_back("x-amz-checksum-algorithm", to_string(kAlgorithm));
    spec.headers.emplace_back("x-amz-checksum-type", "FULL_OBJECT");
  }
  start(std::move(spec), exchange_options());
}

bool Upload::advance(Duration now) {
  if (state_ == State::Aborting) {
    try {
      if (!exchange_->advance(now)) return false;
    } catch (const Error& error) {
      log(requester_.log_sink(), LogLevel::Warning,
          "the upload " + upload_id_ + " of " + to_s3_uri(options_.object) +
              " could not be aborted: " + error.what());
    }
    std::rethrow_exception(failure_);
  }
  try {
    return step(now);
  } catch (...) {
    if (upload_id_.empty()) throw;
    abort(std::current_exception());
    return false;
  }
}

bool Upload::step(Duration now) {
  switch (state_) {
    case State::Whole:
      if (is_cancelled_) throw_cancelled(options_.object);
      if (!exchange_->advance(now)) return false;
      break;
    case State::Creating: {
      if (!exchange_->advance(now)) return false;
      const SmallAnswer answer = exchange_->take();
      pugi::xml_document document;
      document.load_buffer(answer.body.data(), answer.body.size());
      upload_id_ = document.child("InitiateMultipartUploadResult").child_value("UploadId");
      if (upload_id_.empty())
        throw Error(
            ErrorCode::Unsupported,
            requester_.context_of(options_.object).endpoint + " began an upload without naming it",
            "check that the endpoint is an S3 server");
      result_.num_requests += exchange_->num_attempts();
      state_ = State::Sending;
      [[fallthrough]];
    }
    case State::Sending:
      if (is_cancelled_) throw_cancelled(options_.object);
      take_parts(now);
      send_parts(now);
      if (!is_read_ || !parts_.empty()) return false;
      complete();
      [[fallthrough]];
    case State::Completing:
    case State::Looking:
      if (!exchange_->advance(now)) return false;
      break;
    case State::Aborting:
    case State::Done:
      return true;
  }
  const SmallAnswer answer = exchange_->take();
  result_.num_requests += exchange_->num_attempts();
  result_.etag = header_of(answer.head, "etag");
  result_.version_id = header_of(answer.head, "x-amz-version-id");
  if (state_ == State::Whole) confirm(static_cast<std::int64_t>(body_.size()));
  if (state_ == State::Looking) require_what_was_sent(answer.head);
  if (state_ == State::Completing && !take_completion(answer)) return false;
  state_ = State::Done;
  return true;
}

void Upload::take_parts(Duration now) {
  for (auto at = parts_.begin(); at != parts_.end();) {
    if (!at->exchange->advance(now)) {
      ++at;
      continue;
    }
    const SmallAnswer answer = at->exchange->take();
    result_.num_requests += at->exchange->num_attempts();
    std::string etag = header_of(answer.head, "etag");
    if (etag.empty())
      throw Error(ErrorCode::Unsupported,
                  requester_.context_of(options_.object).endpoint + " took part " +
                      std::to_string(at->number) + " without an ETag",
                  "check that the endpoint is an S3 server");
    sent_[static_cast<std::size_t>(at->number - 1)].etag = std::move(etag);
    confirm(static_cast<std::int64_t>(at->bytes.size()));
    at = parts_.erase(at);
  }
}

/// Of the source, if there is one now.
std::optional<std::string> Upload::next_piece() {
  if (next_bytes_) return std::exchange(next_bytes_, std::nullopt);
  return stream_ ? stream_->next(plan_.part_bytes) : source_->read(plan_.part_bytes);
}

void Upload::send_parts(Duration now) {
  while (!is_read_ && static_cast<std::int64_t>(parts_.size()) < plan_.max_concurrency &&
         (bandwidth_ == nullptr || bandwidth_->debt(now) <= Duration(0))) {
    std::optional<std::string> bytes = next_piece();
    if (!bytes) return;
    is_read_ = static_cast<std::int64_t>(bytes->size()) < plan_.part_bytes;
    if (bytes->empty()) return;
    if (next_number_ > kMostUploadParts)
      throw Error(ErrorCode::InvalidArgument,
                  "the stream has more than " + std::to_string(kMostUploadParts) + " parts of " +
                      std::to_string(plan_.part_bytes) + " bytes",
                  "raise multipart_chunksize");
    Part& part = parts_.emplace_back();
    part.number = next_number_++;
    part.bytes = std::move(*bytes);
    const std::uint64_t crc = crc_update(kCrc, 0, std::as_bytes(std::span(part.bytes)));
    sent_.push_back({.crc = crc, .size = static_cast<std::int64_t>(part.bytes.size())});
    RequestSpec spec{
        .method = "PUT",
        .object = options_.object,
        .query = {{"partNumber", std::to_string(part.number)}, {"uploadId", upload_id_}},
        .headers = access_headers(options_.access),
        .body = part.bytes};
    for (auto& header : checksum_headers(crc)) spec.headers.push_back(std::move(header));
    if (bandwidth_ != nullptr) bandwidth_->take(static_cast<std::int64_t>(part.bytes.size()), now);
    part.exchange.emplace(requester_, std::move(spec), exchange_options());
    part.exchange->advance(now);
  }
}

void Upload::complete() {
  state_ = State::Completing;
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("CompleteMultipartUpload");
  root.append_attribute("xmlns").set_value("http://s3.amazonaws.com/doc/2006-03-01/");
  crc_ = 0;
  for (std::size_t i = 0; i < sent_.size(); ++i) {
    pugi::xml_node part = root.append_child("Part");
    part.append_child("ETag").text().set(sent_[i].etag.c_str());
    part.append_child("PartNumber").text().set(static_cast<unsigned long>(i + 1));
    crc_ = crc_combine(kCrc, crc_, sent_[i].crc, sent_[i].size);
  }
  struct Text final : pugi::xml_writer {
    std::string text;
    void write(const void* bytes, std::size_t size) override {
      text.append(static_cast<const char*>(bytes), size);
    }
  } text;
  document.save(text, "", pugi::format_raw, pugi::encoding_utf8);
  body_ = std::move(text.text);
  ExchangeOptions options = exchange_options();
  options.error_within_200 = ExchangeOptions::ErrorWithin200::Yes;
  RequestSpec spec{.method = "POST",
                   .query = {{"uploadId", upload_id_}},
                   .headers = access_headers(options_.access),
                   .body = body_,
                   .accepted_s3_code = "NoSuchUpload",
                   .stall_timeout = kCompletionStall};
  for (auto& header : checksum_headers(crc_)) spec.headers.push_back(std::move(header));
  if (sends_checksums()) spec.headers.emplace_back("x-amz-checksum-type", "FULL_OBJECT");
  start(std::move(spec), options);
}

/// False if it takes another request to know.
bool Upload::take_completion(const SmallAnswer& answer) {
  pugi::xml_document document;
  document.load_buffer(answer.body.data(), answer.body.size());
  if (const pugi::xml_node done = document.child("CompleteMultipartUploadResult")) {
    result_.etag = done.child_value("ETag");
    return true;
  }
  const std::string what = requester_.context_of(options_.object).endpoint;
  if (parse_s3_error(answer.body).code != "NoSuchUpload")
    throw Error(ErrorCode::Corrupted,
                what + " did not say whether " + to_s3_uri(options_.object) + " is complete",
                "check that the endpoint is an S3 server");
  // Without a checksum nothing tells the object from one that was there before.
  if (exchange_->num_attempts() > 1 && sends_checksums()) {
    look();
    return false;
  }
  throw Error(ErrorCode::NotFound,
              what + " knows nothing of the upload of " + to_s3_uri(options_.object) +
                  " any more (NoSuchUpload)",
              "upload it again");
}

void Upload::look() {
  state_ = State::Looking;
  RequestSpec spec{.method = "HEAD", .headers = access_headers(options_.access)};
  spec.headers.emplace_back("x-amz-checksum-mode", "ENABLED");
  start(std::move(spec), exchange_options());
}

void Upload::require_what_was_sent(const HttpHead& head) const {
  if (parse_size(header_of(head, "content-length")) == result_.bytes &&
      header_of(head, checksum_header(kAlgorithm)) == crc_text(kCrc, crc_))
    return;
  throw Error(ErrorCode::Network,
              "the answer that " + to_s3_uri(options_.object) +
                  " is complete was lost, and what is there now has not the checksum of what was "
                  "sent",
              "upload it again");
}

void Upload::abort(std::exception_ptr why) {
  failure_ = std::move(why);
  parts_.clear();
  state_ = State::Aborting;
  start({.method = "DELETE",
         .query = {{"uploadId", upload_id_}},
         .headers = access_headers({.is_requester_paying = options_.access.is_requester_paying}),
         .accepted_s3_code = "NoSuchUpload"},
        {.retry = {.num_attempts = 3}});
}

void Upload::cancel() { is_cancelled_ = true; }

Duration Upload::next_event(Duration now) const {
  Duration next = std::chrono::seconds(1);
  if (exchange_ && state_ != State::Sending) next = exchange_->next_event(now);
  for (const Part& part : parts_) next = std::min(next, part.exchange->next_event(now));
  if (bandwidth_ != nullptr && state_ == State::Sending)
    if (const Duration debt = bandwidth_->debt(now); debt > Duration(0))
      next = std::min(next, debt);
  return next;
}

void Upload::confirm(std::int64_t bytes) {
  result_.bytes += bytes;
  if (options_.progress) options_.progress(result_.bytes, source_->size());
}

UploadResult Upload::finish() {
  result_.num_parts = std::max<std::int64_t>(1, static_cast<std::int64_t>(sent_.size()));
  result_.duration = system_clock().now() - begin_;
  return std::move(result_);
}

}  // namespace

std::unique_ptr<UploadTask> start_upload(Requester& requester, const UploadOptions& options,
                                         TokenBucket* bandwidth) {
  return std::make_unique<Upload>(requester, options, bandwidth);
}

UploadResult run_upload(Requester& requester, const UploadOptions& options) {
  std::optional<TokenBucket> bandwidth = requester.begin(options.config);
  const auto task = start_upload(requester, options, bandwidth ? &*bandwidth : nullptr);
  if (!drive_to_end(*task, {.transport = requester.transport(), .stop = options.stop})) {
    task->cancel();
    // In order, which takes a request; a second signal is for those who can't wait.
    drive_to_end(*task, {.transport = requester.transport()});
  }
  return task->finish();
}

}  // namespace skipjack::s3
