#include "skipjack/s3/write_ring.h"

#include <liburing.h>

#include <utility>

#include "skipjack/base/error.h"

namespace skipjack::s3 {

std::unique_ptr<WriteRing> WriteRing::open() {
  auto ring = std::make_unique<::io_uring>();
  ::io_uring_params parameters{};
  // What ends does not interrupt this thread: it is told when we ask, and a flag says that there is
  // something to ask for.
  parameters.flags =
      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
  if (::io_uring_queue_init_params(kMostWrites, ring.get(), &parameters) != 0) return nullptr;
  return std::unique_ptr<WriteRing>(new WriteRing(std::move(ring)));
}

WriteRing::WriteRing(std::unique_ptr<::io_uring> ring) : ring_(std::move(ring)) {}

WriteRing::~WriteRing() { ::io_uring_queue_exit(ring_.get()); }

void WriteRing::submit(const Write& write) {
  ::io_uring_sqe* const entry = ::io_uring_get_sqe(ring_.get());
  SKIPJACK_CHECK(entry != nullptr);
  ::io_uring_prep_write(entry, write.file, write.bytes.data(),
                        static_cast<unsigned>(write.bytes.size()),
                        static_cast<std::uint64_t>(write.offset));
  entry->user_data = write.tag;
  // Those that have ended are told of by the same call. What is not taken now is by the next one.
  ::io_uring_submit_and_get_events(ring_.get());
}

std::optional<WriteRing::Ended> WriteRing::next(Duration wait) {
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

}  // namespace skipjack::s3
