#include "skipjack/backend/supervise_protocol.h"

#include <cstring>
#include <type_traits>

namespace skipjack {
namespace {

/// Both directions of one description of the fields: write() appends, read() takes off the front.
class Encoder {
 public:
  template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void field(const T& value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void field(const std::string& value) {
    field(static_cast<std::uint32_t>(value.size()));
    bytes += value;
  }
  template <class T>
  void field(const std::optional<T>& value) {
    field(value.has_value());
    if (value) field(*value);
  }
  template <class A, class B>
  void field(const std::pair<A, B>& value) {
    field(value.first);
    field(value.second);
  }
  template <class T>
  void field(const std::vector<T>& values) {
    field(static_cast<std::uint32_t>(values.size()));
    for (const T& value : values) field(value);
  }
  std::string bytes;
};

class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void field(T& value) {
    if (bytes_.size() < sizeof value) {
      good = false;
      value = T{};
      return;
    }
    if constexpr (std::is_same_v<T, bool>)
      value = bytes_[0] != 0;
    else
      std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
  }
  void field(std::string& value) {
    std::uint32_t size = 0;
    field(size);
    if (size > bytes_.size()) good = false;
    if (!good) return;
    value.assign(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
  }
  template <class T>
  void field(std::optional<T>& value) {
    bool has_value = false;
    field(has_value);
    if (has_value) field(value.emplace());
  }
  template <class A, class B>
  void field(std::pair<A, B>& value) {
    field(value.first);
    field(value.second);
  }
  template <class T>
  void field(std::vector<T>& values) {
    std::uint32_t size = 0;
    field(size);
    while (good && size-- > 0) field(values.emplace_back());
  }
  bool good = true;

 private:
  std::string_view bytes_;
};

template <class Coder, class Job>
void job_fields(Coder& coder, Job& job) {
  coder.field(job.command);
  coder.field(job.environment);
  coder.field(job.working_directory);
  coder.field(job.output_path);
  coder.field(job.error_path);
  coder.field(job.pid_path);
  coder.field(job.cpus);
  coder.field(job.grace_ns);
  coder.field(job.time_limit_ns);
  coder.field(job.max_output_bytes);
}

template <class Coder, class End>
void end_fields(Coder& coder, End& end) {
  coder.field(end.cause);
  coder.field(end.wait_status);
  coder.field(end.error_number);
  coder.field(end.killed);
  coder.field(end.num_survivors);
  coder.field(end.num_malformed);
  coder.field(end.note);
  coder.field(end.error_tail);
}

}  // namespace

std::string encode_frame(FrameType type, std::string_view body) {
  Encoder encoder;
  encoder.field(type);
  encoder.field(static_cast<std::uint32_t>(body.size()));
  encoder.bytes += body;
  return std::move(encoder.bytes);
}

std::string encode(const SuperviseJob& job) {
  Encoder encoder;
  encoder.field(job.version);
  job_fields(encoder, job);
  return std::move(encoder.bytes);
}

std::string encode(const SuperviseEnd& end) {
  Encoder encoder;
  end_fields(encoder, end);
  return std::move(encoder.bytes);
}

std::optional<SuperviseJob> decode_job(std::string_view body) {
  SuperviseJob job;
  Decoder decoder(body);
  decoder.field(job.version);
  if (decoder.good && job.version != kSuperviseVersion) return job;
  job_fields(decoder, job);
  return decoder.good ? std::optional(std::move(job)) : std::nullopt;
}

std::optional<SuperviseEnd> decode_end(std::string_view body) {
  SuperviseEnd end;
  Decoder decoder(body);
  end_fields(decoder, end);
  return decoder.good ? std::optional(std::move(end)) : std::nullopt;
}

std::optional<Frame> take_frame(std::string& bytes) {
  constexpr std::size_t kHeaderBytes = sizeof(FrameType) + sizeof(std::uint32_t);
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  std::uint32_t size = 0;
  std::memcpy(&size, bytes.data() + sizeof(FrameType), sizeof size);
  if (bytes.size() - kHeaderBytes < size) return std::nullopt;
  Frame frame{static_cast<FrameType>(bytes[0]), bytes.substr(kHeaderBytes, size)};
  bytes.erase(0, kHeaderBytes + size);
  return frame;
}

}  // namespace skipjack
