// One request whose answer is small enough to be kept, with its retries: a page of a listing, a
// small object, a part that is sent. One of many that are driven together (task.h).
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "skipjack/s3/requester.h"
#include "skipjack/s3/task.h"

namespace skipjack::s3 {

struct ExchangeOptions {
  /// Longest answer. The request ends where it is longer, and SmallAnswer::is_cut says so.
  std::size_t most_bytes = 256 * 1024;
  RetryOptions retry{};
  /// S3 has begun its answer with 200 before it knew how the work would end: an error in the body
  /// counts.
  enum class ErrorWithin200 { No, Yes } error_within_200 = ErrorWithin200::No;
  /// What is received is taken from it; nullptr: unbounded.
  TokenBucket* bandwidth = nullptr;
  /// Told whenever the store asks for fewer requests; by advance().
  std::function<void()> on_throttled{};
};

class Exchange final : public Task, private ResponseReceiver {
 public:
  /// Sent by the first advance(). requester must outlive it.
  Exchange(Requester& requester, RequestSpec spec, const ExchangeOptions& options = {});
  ~Exchange() override;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// Throws Error for every end but a status in [200, 300).
  bool advance(Duration now) override;
  Duration next_event(Duration now) const override;
  /// Once, after advance() has said true.
  SmallAnswer take() { return std::move(answer_); }
  std::int64_t num_attempts() const { return num_attempts_; }
  /// Bytes of the answer's body in this attempt.
  std::int64_t bytes_received() const { return static_cast<std::int64_t>(received_); }

 private:
  void on_head(const HttpHead& head) override;
  std::span<std::byte> body_space() override;
  void on_body(std::size_t n) override;
  void on_end(TransportStatus status, std::string_view detail) override;

  void start();
  bool judge(Duration now);

  Requester& requester_;
  const RequestSpec spec_;
  const ExchangeOptions options_;
  RequestIdentity identity_;
  SmallAnswer answer_;
  std::size_t received_ = 0;
  /// Of this answer.
  std::size_t most_bytes_ = 0;
  std::int64_t num_attempts_ = 0;
  std::int64_t tokens_ = 1;
  Duration due_{0};
  bool is_in_flight_ = false, has_ended_ = false;
  TransportStatus status_ = TransportStatus::Complete;
  std::string detail_;
};

}  // namespace skipjack::s3
