#include "skipjack/s3/ordered_sink.h"

#include <atomic>
#include <map>
#include <vector>

#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

class OrderedSink final : public Sink {
 public:
  explicit OrderedSink(OrderedSinkOptions options) : options_(std::move(options)) {
    SKIPJACK_CHECK(options_.consume && options_.window >= 0);
  }

  Delivery delivery() const override { return Delivery::Written; }
  void open(std::int64_t size) override { size_ = size; }
  WriteHints hints() const override { return {.calls_back = true}; }
  Room room() const override {
    const std::int64_t position = position_.load();
    return {.next = position, .end = position + options_.window};
  }

  void write(std::int64_t offset, std::span<const std::byte> bytes) override {
    const std::int64_t position = position_.load();
    if (offset > position) {
      held_.insert_or_assign(offset, std::vector(bytes.begin(), bytes.end()));
      return;
    }
    consume_from(offset, bytes);
    while (!held_.empty() && held_.begin()->first <= position_.load()) {
      const auto piece = held_.extract(held_.begin());
      consume_from(piece.key(), piece.mapped());
    }
    if (options_.on_room && position_.load() != position) options_.on_room();
  }

  void finish() override { SKIPJACK_CHECK(position_.load() == size_ && held_.empty()); }
  void abandon() noexcept override { held_.clear(); }

 private:
  /// A body that began again brings bytes that were consumed already.
  void consume_from(std::int64_t offset, std::span<const std::byte> bytes) {
    const std::int64_t position = position_.load();
    const auto known = static_cast<std::size_t>(position - offset);
    if (known >= bytes.size()) return;
    options_.consume(bytes.subspan(known));
    position_ = offset + static_cast<std::int64_t>(bytes.size());
  }

  const OrderedSinkOptions options_;
  std::int64_t size_ = 0;
  /// All bytes before it are consumed.
  std::atomic<std::int64_t> position_{0};
  std::map<std::int64_t, std::vector<std::byte>> held_;
};

}  // namespace

std::unique_ptr<Sink> make_ordered_sink(OrderedSinkOptions options) {
  return std::make_unique<OrderedSink>(std::move(options));
}

}  // namespace skipjack::s3
