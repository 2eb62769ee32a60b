// The body of a PUT on its way in: takes the framing of aws-chunked bodies off (the form in which
// SDKs send trailing checksums), checks every digest that the client names (and sums up a CRC64NVME
// if it names none, as S3 does), and keeps small objects as text and large ones in a memory file.
// Not in here: routing, and signatures of single chunks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "skipjack/s3sim/digest.h"
#include "skipjack/s3sim/http.h"
#include "skipjack/s3sim/object_store.h"
#include "skipjack/s3sim/signature.h"

namespace skipjack::s3sim {

/// Takes "size[;extension]\r\n data \r\n ... 0\r\n trailers \r\n" apart. Hostile input is an
/// outcome.
class AwsChunkedDecoder {
 public:
  /// Appends the data to out. False if the framing is broken; then the decoder is of no more use.
  bool feed(std::string_view bytes, std::string& out);
  bool complete() const { return state_ == State::Done; }
  /// Names in lower case.
  const Fields& trailers() const { return trailers_; }

 private:
  enum class State { Size, Data, DataEnd, Trailer, Done };
  bool take_line();

  State state_ = State::Size;
  std::string line_;
  std::int64_t left_ = 0;
  Fields trailers_;
};

/// One PUT. Its reservation in the store ends with it unless finish() hands the object over.
class Upload {
 public:
  /// The store must outlive it.
  Upload(ObjectStore& store, const Request& request);
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  /// Takes bytes of the body. After a refusal further bytes are dropped.
  void append(std::string_view bytes);
  const std::optional<Refusal>& refusal() const { return refusal_; }
  /// x-amz-checksum-... of a POST: of the object that it completes, not of its body.
  const Fields& object_checksums() const { return object_checksums_; }
  /// The object, or why not. last_modified in seconds since 1970.
  std::variant<ObjectVersion, Refusal> finish(std::int64_t last_modified);

 private:
  struct Expectation {
    std::string header;
    std::string code;
    std::unique_ptr<Digest> digest;
    /// As the client wrote it; empty until its trailer has come.
    std::string value;
    enum class Form { Base64, Hex } form = Form::Base64;
  };
  void expect(const Request& request);
  void store_bytes(std::string_view bytes);
  std::optional<Refusal> check_expectations(ObjectVersion& version);

  ObjectStore& store_;
  std::optional<Refusal> refusal_;
  std::optional<AwsChunkedDecoder> decoder_;
  std::optional<std::int64_t> decoded_length_;
  std::vector<Expectation> expectations_;
  Fields object_checksums_;
  std::unique_ptr<Digest> md5_;
  /// Set if the client names no checksum.
  std::unique_ptr<Digest> default_checksum_;
  Fields metadata_;
  std::string content_type_;
  std::string text_;
  Descriptor file_;
  std::int64_t size_ = 0;
  std::int64_t reserved_ = 0;
};

}  // namespace skipjack::s3sim
