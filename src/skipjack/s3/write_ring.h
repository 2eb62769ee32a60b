// Writes handed to the kernel through an io_uring: one system call for each, and no thread that has
// to be woken for it. What they write must stay where it is until they have ended. Used by the
// thread that opened it alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "skipjack/base/clock.h"

struct io_uring;

namespace skipjack::s3 {

class WriteRing {
 public:
  /// Most writes on their way at a time.
  static constexpr std::int64_t kMostWrites = 64;

  /// nullptr where the kernel has none to give: before Linux 6.1, or where it is forbidden, as in
  /// many containers.
  static std::unique_ptr<WriteRing> open();
  /// Does not wait: the kernel ends what is on its way, and holds the pages until then.
  ~WriteRing();
  WriteRing(const WriteRing&) = delete;
  WriteRing& operator=(const WriteRing&) = delete;

  struct Write {
    int file = -1;
    std::int64_t offset = 0;
    std::span<const std::byte> bytes{};
    /// Told when it has ended.
    std::uint64_t tag = 0;
  };
  /// Fewer than kMostWrites are on their way.
  void submit(const Write& write);
  struct Ended {
    std::uint64_t tag = 0;
    /// Bytes written, or an errno, negative.
    std::int64_t result = 0;
  };
  /// A write that has ended; where there is none, waits for one, at most so long.
  std::optional<Ended> next(Duration wait);

 private:
  explicit WriteRing(std::unique_ptr<::io_uring> ring);
  std::unique_ptr<::io_uring> ring_;
};

}  // namespace skipjack::s3
