// See upload.h.
#include "skipjack/s3sim/upload.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "skipjack/base/error.h"

namespace skipjack::s3sim {
namespace {

/// S3's own bound for one PUT.
constexpr std::int64_t kLargestPut = std::int64_t{5} << 30;
/// Larger objects move to a memory file, so that sendfile can send them.
constexpr std::size_t kLargestText = 256 << 10;
constexpr std::size_t kLongestChunkLine = 4096;
constexpr std::size_t kMostTrailers = 16;

constexpr std::string_view kChecksumPrefix = "x-amz-checksum-";

}  // namespace

bool AwsChunkedDecoder::take_line() {
  if (line_.empty() || line_.back() != '\r') return false;
  line_.pop_back();
  if (state_ == State::Size) {
    const std::string digits = line_.substr(0, line_.find(';'));
    if (digits.empty() || digits.size() > 15) return false;
    left_ = 0;
    for (const char c : digits) {
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return false;
      left_ = left_ * 16 + digit;
    }
    state_ = left_ == 0 ? State::Trailer : State::Data;
  } else if (state_ == State::DataEnd) {
    if (!line_.empty()) return false;
    state_ = State::Size;
  } else if (line_.empty()) {
    state_ = State::Done;
  } else {
    const std::size_t colon = line_.find(':');
    if (colon == std::string::npos || trailers_.size() == kMostTrailers) return false;
    std::string name = line_.substr(0, colon), value = line_.substr(colon + 1);
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    value.erase(0, value.find_first_not_of(' '));
    trailers_.emplace_back(std::move(name), std::move(value));
  }
  line_.clear();
  return true;
}

bool AwsChunkedDecoder::feed(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    if (state_ == State::Done) return false;
    if (state_ == State::Data) {
      const auto size = static_cast<std::size_t>(
          std::min<std::int64_t>(left_, static_cast<std::int64_t>(bytes.size())));
      out.append(bytes.substr(0, size));
      bytes.remove_prefix(size);
      left_ -= static_cast<std::int64_t>(size);
      if (left_ == 0) state_ = State::DataEnd;
      continue;
    }
    const std::size_t end = bytes.find('\n');
    line_.append(bytes.substr(0, end));
    if (line_.size() > kLongestChunkLine) return false;
    if (end == std::string_view::npos) return true;
    bytes.remove_prefix(end + 1);
    if (!take_line()) return false;
  }
  return true;
}

Upload::Upload(ObjectStore& store, const Request& request)
    : store_(store), md5_(make_digest("md5")) {
  const std::string* type = request.header("content-type");
  content_type_ = type != nullptr ? *type : "binary/octet-stream";
  for (const auto& [name, value] : request.headers)
    if (name.starts_with("x-amz-meta-")) metadata_.emplace_back(name, value);
  const std::string* sha = request.header("x-amz-content-sha256");
  const std::string* encoding = request.header("content-encoding");
  if ((sha != nullptr && sha->starts_with("STREAMING-")) ||
      (encoding != nullptr && encoding->find("aws-chunked") != std::string::npos)) {
    decoder_.emplace();
    if (const std::string* length = request.header("x-amz-decoded-content-length"))
      decoded_length_ = parse_decimal(*length);
  }
  const std::int64_t announced = decoded_length_.value_or(request.content_length.value_or(0));
  if (announced > kLargestPut)
    refusal_ = Refusal{.status = 400,
                       .code = "EntityTooLarge",
                       .message = "Your proposed upload exceeds the maximum allowed object size."};
  expect(request);
}

void Upload::expect(const Request& request) {
  if (const std::string* value = request.header("content-md5"))
    expectations_.push_back(
        {"content-md5", "BadDigest", make_digest("md5"), *value, Expectation::Form::Base64});
  const std::string* sha = request.header("x-amz-content-sha256");
  if (sha != nullptr && sha->size() == 64)
    expectations_.push_back({"x-amz-content-sha256", "XAmzContentSHA256Mismatch",
                             make_digest("sha256"), *sha, Expectation::Form::Hex});
  const auto add_checksum = [&](const std::string& header, const std::string& value) {
    if (auto digest = make_digest(std::string_view(header).substr(kChecksumPrefix.size())))
      expectations_.push_back(
          {header, "BadDigest", std::move(digest), value, Expectation::Form::Base64});
  };
  for (const auto& [name, value] : request.headers) {
    if (!name.starts_with(kChecksumPrefix)) continue;
    if (request.method == "POST")
      object_checksums_.emplace_back(name, value);
    else
      add_checksum(name, value);
  }
  const std::string* trailer = request.header("x-amz-trailer");
  if (trailer != nullptr && trailer->starts_with(kChecksumPrefix)) add_checksum(*trailer, "");
  const auto is_checksum = [](const Expectation& expectation) {
    return expectation.header.starts_with(kChecksumPrefix);
  };
  if (std::none_of(expectations_.begin(), expectations_.end(), is_checksum))
    default_checksum_ = make_digest("crc64nvme");
}

Upload::~Upload() { store_.release(reserved_); }

void Upload::append(std::string_view bytes) {
  if (refusal_) return;
  if (!decoder_) return store_bytes(bytes);
  std::string decoded;
  if (!decoder_->feed(bytes, decoded)) {
    refusal_ = Refusal{
        .status = 400, .code = "IncompleteBody", .message = "The aws-chunked framing is broken."};
    return;
  }
  store_bytes(decoded);
}

void Upload::store_bytes(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto size = static_cast<std::int64_t>(bytes.size());
  if (size_ + size > kLargestPut || !store_.reserve(size)) {
    refusal_ =
        Refusal{.status = 507,
                .code = "InsufficientCapacity",
                .message = "The memory that this server may use for uploaded objects is full."};
    return;
  }
  reserved_ += size;
  md5_->update(bytes);
  if (default_checksum_) default_checksum_->update(bytes);
  for (Expectation& expectation : expectations_) expectation.digest->update(bytes);
  const auto internal = [&] {
    refusal_ =
        Refusal{.status = 500, .code = "InternalError", .message = "No memory for the object."};
  };
  if (file_.get() < 0) {
    text_.append(bytes);
    size_ += size;
    if (text_.size() <= kLargestText) return;
    file_ = Descriptor(::memfd_create("skipjack-object", MFD_CLOEXEC));
    if (file_.get() < 0) return internal();
    bytes = text_;
    size_ = 0;
  }
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file_.get(), bytes.data(), bytes.size(), size_);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return internal();
    size_ += written;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  text_ = {};
}

std::optional<Refusal> Upload::check_expectations(ObjectVersion& version) {
  for (Expectation& expectation : expectations_) {
    if (decoder_ && expectation.value.empty()) {
      for (const auto& [name, value] : decoder_->trailers())
        if (name == expectation.header) expectation.value = value;
    }
    const std::string digest = expectation.digest->finish();
    const std::string actual =
        expectation.form == Expectation::Form::Hex ? hex_text(digest) : base64(digest);
    if (actual != expectation.value)
      return Refusal{.status = 400,
                     .code = expectation.code,
                     .message = "The " + expectation.header +
                                " you specified did not match what we received."};
    if (expectation.header.starts_with(kChecksumPrefix))
      version.checksum = StoredChecksum{
          .algorithm = expectation.header.substr(kChecksumPrefix.size()), .value = actual};
  }
  return std::nullopt;
}

std::variant<ObjectVersion, Refusal> Upload::finish(std::int64_t last_modified) {
  if (refusal_) return *refusal_;
  if ((decoder_ && !decoder_->complete()) || (decoded_length_ && *decoded_length_ != size_))
    return Refusal{.status = 400,
                   .code = "IncompleteBody",
                   .message = "You did not provide the number of bytes specified by the headers."};
  ObjectVersion version{.size = size_,
                        .etag = "\"" + hex_text(md5_->finish()) + "\"",
                        .last_modified = last_modified,
                        .content_type = content_type_,
                        .metadata = std::move(metadata_)};
  if (auto refusal = check_expectations(version)) return *refusal;
  if (default_checksum_)
    version.checksum =
        StoredChecksum{.algorithm = "crc64nvme", .value = base64(default_checksum_->finish())};
  auto blob = std::make_shared<Blob>();
  blob->fd = file_.get();
  blob->owned = std::move(file_);
  blob->text = std::move(text_);
  blob->size = blob->period = size_;
  blob->charged_bytes = reserved_;
  reserved_ = 0;
  version.blob = std::move(blob);
  return version;
}

}  // namespace skipjack::s3sim
