#include "skipjack/s3/io_ring.h"

#include <liburing.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

/// Freed at once: that takes a few milliseconds, and whoever finds the disk full has the room.
constexpr std::int64_t kSoonFreed = 32 * kMiB;
constexpr std::int64_t kStatBlock = 512;

::io_uring_sqe& next_entry(::io_uring& ring) {
  ::io_uring_sqe* const entry = ::io_uring_get_sqe(&ring);
  SKIPJACK_CHECK(entry != nullptr);
  return *entry;
}

}  // namespace

std::unique_ptr<IoRing> IoRing::open(User user) {
  auto ring = std::make_unique<::io_uring>();
  ::io_uring_params parameters{};
  // What ends does not interrupt this thread: it is told when we ask, and a flag says that there is
  // something to ask for.
  if (user == User::OneThread)
    parameters.flags =
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
  if (::io_uring_queue_init_params(kMostCalls, ring.get(), &parameters) != 0) return nullptr;
  // Linux 5.11: earlier ones have rings too, but not all that is asked of them here.
  if ((parameters.features & IORING_FEAT_EXT_ARG) == 0) {
    ::io_uring_queue_exit(ring.get());
    return nullptr;
  }
  return std::unique_ptr<IoRing>(new IoRing(std::move(ring)));
}

IoRing::IoRing(std::unique_ptr<::io_uring> ring) : ring_(std::move(ring)) {}

IoRing::~IoRing() { ::io_uring_queue_exit(ring_.get()); }

void IoRing::write(const Write& write) {
  ::io_uring_sqe& entry = next_entry(*ring_);
  ::io_uring_prep_write(&entry, write.file, write.bytes.data(),
                        static_cast<unsigned>(write.bytes.size()),
                        static_cast<std::uint64_t>(write.offset));
  entry.user_data = write.tag;
  // Those that have ended are told of by the same call. What is not taken now is by the next one.
  ::io_uring_submit_and_get_events(ring_.get());
}

std::optional<IoRing::Ended> IoRing::next(Duration wait) {
  ::io_uring_cqe* entry = nullptr;
  if (::io_uring_peek_cqe(ring_.get(), &entry) != 0) {
    if (wait <= Duration(0)) return std::nullopt;
    const auto nanoseconds = std::chrono::nanoseconds(wait).count();
    ::__kernel_timespec time{.tv_sec = nanoseconds / 1'000'000'000,
                             .tv_nsec = nanoseconds % 1'000'000'000};
    if (::io_uring_submit_and_wait_timeout(ring_.get(), &entry, 1, &time, nullptr) < 0 ||
        entry == nullptr)
      return std::nullopt;
  }
  const Ended ended{.tag = entry->user_data, .result = entry->res};
  ::io_uring_cqe_seen(ring_.get(), entry);
  return ended;
}

void IoRing::receive(std::span<Reception> receptions) {
  for (std::size_t i = 0; i < receptions.size(); ++i) {
    const Reception& reception = receptions[i];
    ::io_uring_sqe& entry = next_entry(*ring_);
    ::io_uring_prep_recv(&entry, reception.socket, reception.space.data(), reception.space.size(),
                         MSG_DONTWAIT);
    entry.user_data = i;
  }
  ::io_uring_submit(ring_.get());
  // They have ended by now, but for those that the kernel was not able to take at first.
  for (std::size_t ended = 0; ended < receptions.size();)
    if (const auto one = next(std::chrono::seconds(1))) {
      receptions[static_cast<std::size_t>(one->tag)].result = one->result;
      ++ended;
    }
}

void close_without_waiting(int file) noexcept {
  struct stat status {};
  const bool is_slow = ::fstat(file, &status) == 0 && status.st_nlink == 0 &&
                       status.st_blocks * kStatBlock > kSoonFreed;
  // A ring that knows the file holds it, and is itself taken apart by a thread of the kernel's.
  ::io_uring ring{};
  if (!is_slow || ::io_uring_queue_init(1, &ring, 0) != 0) {
    ::close(file);
    return;
  }
  ::io_uring_register_files(&ring, &file, 1);
  ::close(file);
  ::io_uring_queue_exit(&ring);
}

}  // namespace skipjack::s3
