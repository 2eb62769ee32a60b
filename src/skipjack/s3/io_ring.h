// System calls handed to the kernel through an io_uring: writes that go on while their thread does
// something else, without a thread to wake for each; receptions from many sockets in one call,
// since every return from the kernel is a chance for others to take the processor away. What they
// read and fill must stay where it is until they have ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "skipjack/base/clock.h"

struct io_uring;

namespace skipjack::s3 {

struct Reception {
  int socket = -1;
  std::span<std::byte> space{};
  /// Bytes, 0 at the stream's end, or an errno, negative: EAGAIN where there was nothing.
  std::int64_t result = 0;
};

/// Not thread-safe.
class IoRing {
 public:
  /// Most calls on their way at a time.
  static constexpr std::int64_t kMostCalls = 64;
  enum class User {
    OneThread,   ///< the one that opened it, which costs least for calls that take their time.
    AnyThreads,  ///< in turn.
  };

  /// nullptr where the kernel has none to give: before Linux 6.1 (5.11 for AnyThreads), or where it
  /// is forbidden, as in many containers.
  static std::unique_ptr<IoRing> open(User user);
  /// Does not wait: the kernel ends what is on its way, and holds the pages until then.
  ~IoRing();
  IoRing(const IoRing&) = delete;
  IoRing& operator=(const IoRing&) = delete;

  struct Write {
    int file = -1;
    std::int64_t offset = 0;
    std::span<const std::byte> bytes{};
    /// Told when it has ended.
    std::uint64_t tag = 0;
  };
  void write(const Write& write);
  struct Ended {
    std::uint64_t tag = 0;
    /// Bytes written, or an errno, negative.
    std::int64_t result = 0;
  };
  /// A write that has ended; where there is none, waits for one, at most so long. Throws Error (Io)
  /// where the kernel goes on to refuse to tell: nobody learns any more what becomes of the writes.
  std::optional<Ended> next(Duration wait);

  /// Takes what is there, from each into its space, and fills in the results; does not wait for
  /// more. While no write is on its way; at most kMostCalls. What the kernel does not take from the
  /// ring is received by a call each, and so is all later.
  void receive(std::span<Reception> receptions);

 private:
  explicit IoRing(std::unique_ptr<::io_uring> ring);
  std::unique_ptr<::io_uring> ring_;
  /// In a row, of next().
  int num_refusals_ = 0;
  bool receives_by_calls_ = false;
};

/// Closes a file. Where that is to free a large one that has no name any more, the kernel does so
/// later, if it has a ring to give: half a second for gigabytes of pages, which also the end of the
/// process would wait for. errno is not told.
void close_without_waiting(int file) noexcept;

}  // namespace skipjack::s3
