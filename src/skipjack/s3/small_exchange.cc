#include "skipjack/s3/small_exchange.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace skipjack::s3 {
namespace {

class SmallReceiver final : public ResponseReceiver {
 public:
  explicit SmallReceiver(std::size_t longest_body) : longest_body_(longest_body) {}
  void on_head(const HttpHead& head) override { outcome.answer.head = head; }
  std::span<std::byte> body_space() override { return space_; }
  void on_body(std::size_t n) override {
    std::string& body = outcome.answer.body;
    const std::size_t room = longest_body_ - std::min(longest_body_, body.size());
    body.append(reinterpret_cast<const char*>(space_.data()), std::min(n, room));
  }
  void on_end(TransportStatus status, std::string_view detail) override {
    ended = true;
    outcome.status = status;
    outcome.detail = detail;
  }

  SmallOutcome outcome;
  bool ended = false;

 private:
  std::size_t longest_body_;
  std::array<std::byte, 4096> space_;
};

}  // namespace

std::optional<SmallOutcome> exchange_once(Transport& transport, HttpRequest request,
                                          const SmallExchangeOptions& options) {
  const auto end = options.time_limit
                       ? std::optional<Duration>(system_clock().now() + *options.time_limit)
                       : std::nullopt;
  SmallReceiver receiver(options.longest_body);
  transport.start(std::move(request), receiver);
  const std::stop_callback wake(options.stop, [&] { transport.wake(); });
  Duration wait = std::chrono::seconds(1);
  try {
    while (!receiver.ended && !options.stop.stop_requested() && wait > Duration(0)) {
      if (end) wait = std::min<Duration>(std::chrono::seconds(1), *end - system_clock().now());
      transport.drive(std::max(wait, Duration(0)));
    }
  } catch (...) {
    transport.cancel(receiver);
    throw;
  }
  if (receiver.ended) return std::move(receiver.outcome);
  transport.cancel(receiver);
  if (options.stop.stop_requested()) return std::nullopt;
  receiver.outcome.status = TransportStatus::TimedOut;
  receiver.outcome.detail = "no whole answer in time";
  return std::move(receiver.outcome);
}

void wait_or_stop(Duration duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any condition;
  std::unique_lock lock(mutex);
  condition.wait_for(lock, stop, duration, [] { return false; });
}

}  // namespace skipjack::s3
