#include "skipjack/s3/sink.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/machine.h"

namespace skipjack::s3 {
namespace {

/// A fifth of what small pages cost, where they are at hand (docs/s3-speed.md). Only advice.
void ask_for_huge_pages(std::byte* bytes, std::size_t size) {
  constexpr std::uintptr_t kHugePage = 2 * kMiB;
  const auto first = reinterpret_cast<std::uintptr_t>(bytes);
  const std::uintptr_t begin = (first + kHugePage - 1) / kHugePage * kHugePage;
  const std::uintptr_t end = (first + size) / kHugePage * kHugePage;
  if (begin < end && keeps_free_memory())
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

class MemorySink final : public Sink {
 public:
  explicit MemorySink(MemoryObject& object) : object_(object) {}
  ~MemorySink() override {
    if (!finished_) abandon();
  }
  Delivery delivery() const override { return Delivery::InPlace; }
  void open(std::int64_t size) override {
    // Not cleared first: the pages are touched once, by the bytes that come.
    const auto length = std::max<std::size_t>(1, static_cast<std::size_t>(size));
    object_.bytes.reset(static_cast<std::byte*>(std::malloc(length)));
    if (object_.bytes == nullptr)
      throw Error(ErrorCode::Exhausted,
                  "no memory for an object of " + std::to_string(size) + " bytes",
                  "download it to a file");
    ask_for_huge_pages(object_.bytes.get(), length);
    object_.size = static_cast<std::size_t>(size);
  }
  void write(std::int64_t, std::span<const std::byte>) override {
    SKIPJACK_CHECK(!"received in place");
  }
  std::byte* memory() override { return object_.bytes.get(); }
  void finish() override { finished_ = true; }
  void abandon() noexcept override { object_ = {}; }

 private:
  MemoryObject& object_;
  bool finished_ = false;
};

class DiscardSink final : public Sink {
 public:
  Delivery delivery() const override { return Delivery::Dropped; }
  void open(std::int64_t) override {}
  void write(std::int64_t, std::span<const std::byte>) override { SKIPJACK_CHECK(!"dropped"); }
  void finish() override {}
  void abandon() noexcept override {}
};

}  // namespace

std::unique_ptr<Sink> make_memory_sink(MemoryObject& object) {
  return std::make_unique<MemorySink>(object);
}
std::unique_ptr<Sink> make_discard_sink() { return std::make_unique<DiscardSink>(); }

}  // namespace skipjack::s3
