#include "skipjack/s3/io_ring.h"

#include <liburing.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

/// Freed at once: that takes a few milliseconds, and whoever finds the disk full has the room.
constexpr std::int64_t kSoonFreed = 32 * kMiB;
constexpr std::int64_t kStatBlock = 512;
/// A kernel that is short of memory may refuse for a moment; one that forbids does so for ever.
constexpr int kMostRefusals = 100;
constexpr std::chrono::milliseconds kRefusedPause(1);

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
    const int result = ::io_uring_submit_and_wait_timeout(ring_.get(), &entry, 1, &time, nullptr);
    if (result < 0 && result != -ETIME && result != -EINTR) {
      if (++num_refusals_ == kMostRefusals)
        throw Error(ErrorCode::Io,
                    std::string("can't ask the kernel what has become of writes: ") +
                        std::strerror(-result),
                    "set write_mode to buffered");
      std::this_thread::sleep_for(kRefusedPause);
      return std::nullopt;
    }
    num_refusals_ = 0;
    if (result < 0 || entry == nullptr) return std::nullopt;
  }
  num_refusals_ = 0;
  const Ended ended{.tag = entry->user_data, .result = entry->res};
  ::io_uring_cqe_seen(ring_.get(), entry);
  return ended;
}

void IoRing::receive(std::span<Reception> receptions) {
  const auto submit = [&] {
    for (std::size_t i = 0; i < receptions.size(); ++i) {
      const Reception& reception = receptions[i];
      ::io_uring_sqe& entry = next_entry(*ring_);
      ::io_uring_prep_recv(&entry, reception.socket, reception.space.data(), reception.space.size(),
                           MSG_DONTWAIT);
      entry.user_data = i;
    }
    // Some at least, each time; in order.
    while (::io_uring_submit(ring_.get()) > 0 && ::io_uring_sq_ready(ring_.get()) > 0) {
    }
    return receptions.size() - ::io_uring_sq_ready(ring_.get());
  };
  const std::size_t num_taken = receives_by_calls_ ? 0 : submit();
  // Those that the kernel takes do not wait, so they have ended by now.
  for (Reception& reception : receptions.first(num_taken)) reception.result = -EIO;
  std::size_t num_ended = 0;
  ::io_uring_cqe* entry = nullptr;
  for (; num_ended < num_taken && ::io_uring_peek_cqe(ring_.get(), &entry) == 0; ++num_ended) {
    receptions[static_cast<std::size_t>(entry->user_data)].result = entry->res;
    ::io_uring_cqe_seen(ring_.get(), entry);
  }
  receives_by_calls_ = num_ended < receptions.size();
  for (Reception& reception : receptions.subspan(num_taken)) {
    const ssize_t size =
        ::recv(reception.socket, reception.space.data(), reception.space.size(), MSG_DONTWAIT);
    reception.result = size < 0 ? -errno : size;
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
