#include "skipjack/s3/write_queue.h"

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <new>
#include <system_error>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {
constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
/// Of the tenth of a second in which a transfer is cancelled.
constexpr std::chrono::milliseconds kPatience(50);
/// Longest wait for the kernel before the others are looked at, and the stop.
constexpr std::chrono::milliseconds kLook(20);

/// Among writes: the sink is to be synced.
constexpr WriteQueue::Write kSync{};

std::byte* new_buffer(std::size_t bytes) {
  const std::size_t alignment = bytes >= kHugePage ? kHugePage
                                : bytes >= kPage   ? kPage
                                                   : alignof(std::max_align_t);
  void* buffer = nullptr;
  if (::posix_memalign(&buffer, alignment, bytes) != 0) throw std::bad_alloc();
  // A write around the page cache takes hold of each page: of two huge ones rather than of 1024.
  // Only advice, and whole ones only, or the last would be more memory than was asked for.
  if (const std::size_t huge = bytes / kHugePage * kHugePage; huge > 0)
    ::madvise(buffer, huge, MADV_HUGEPAGE);
  return static_cast<std::byte*>(buffer);
}
}  // namespace

void WriteQueue::Free::operator()(std::byte* bytes) const { std::free(bytes); }

WriteQueue::WriteQueue(Sink& sink, const WriteQueueOptions& options)
    : sink_(sink), options_(options), on_stop_(options.stop, [this] {
        { const std::lock_guard lock(mutex_); }  // whoever is about to wait waits by now
        progress_.notify_all();
      }) {
  SKIPJACK_CHECK(options.buffer_bytes > 0 && options.num_buffers > 0 &&
                 options.max_outstanding > 0 && options.alignment > 0);
  if (options.num_writers == 0) return;
  if (options.direct_file >= 0) ring_ = IoRing::open(IoRing::User::OneThread);
  if (ring_)
    in_ring_.resize(static_cast<std::size_t>(IoRing::kMostCalls));
  else
    start_writers();
}

void WriteQueue::start_writers() {
  if (!threads_.empty()) return;
  try {
    for (int i = 0; i < options_.num_writers; ++i) threads_.emplace_back([this] { run(); });
  } catch (const std::system_error&) {
    if (threads_.empty()) throw;  // Fewer are slower and do.
  }
}

WriteQueue::~WriteQueue() {
  close();
  Write ended;
  while (num_in_ring_ > 0) next_ended(kLook, ended);
  for (std::thread& thread : threads_) thread.join();
}

void WriteQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  work_.notify_all();
}

void WriteQueue::abandon(std::unique_ptr<WriteQueue> queue, std::unique_ptr<Sink> sink) {
  queue->close();
  const bool may_leave =
      queue->options_.stop.stop_requested() && !sink->hints().calls_back && !queue->is_idle_soon();
  const auto wait = [](std::unique_ptr<WriteQueue>& writing, Sink& target) {
    writing.reset();
    target.abandon();
  };
  if (!may_leave) return wait(queue, *sink);
  queue->leave_ring();
  std::thread([queue = std::move(queue), sink = std::move(sink), wait]() mutable {
    wait(queue, *sink);
  }).detach();
}

/// Writes in progress end within what a cancelled transfer may take.
bool WriteQueue::is_idle_soon() {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  Write ended;
  while (num_in_ring_ > 0 && std::chrono::steady_clock::now() < end)
    next_ended(end - std::chrono::steady_clock::now(), ended);
  std::unique_lock lock(mutex_);
  return progress_.wait_until(lock, end, [&] { return num_writing_ == 0; }) && num_in_ring_ == 0;
}

/// The kernel keeps the pages that it reads, and other memory takes their place here.
void WriteQueue::leave_ring() {
  for (const Write& write : in_ring_)
    if (write.buffer != nullptr) ::madvise(write.buffer + write.begin, write.length, MADV_DONTNEED);
  num_in_ring_ = 0;
  ring_.reset();
}

void WriteQueue::throw_if_stopped() const {
  if (options_.stop.stop_requested())
    throw Error(ErrorCode::Cancelled, "the transfer was cancelled");
}

/// In the producer's thread, for what the writers and the kernel bring about, a failure or a stop.
template <class Condition>
void WriteQueue::wait_until(std::unique_lock<std::mutex>& lock, Condition condition) {
  const auto is_over = [&] { return failure_ || options_.stop.stop_requested() || condition(); };
  while (!is_over() && num_in_ring_ > 0) {
    lock.unlock();
    take_back(kLook);
    lock.lock();
  }
  progress_.wait(lock, is_over);
}

WriteQueue::Buffer WriteQueue::acquire() {
  take_back(Duration(0));
  std::unique_lock lock(mutex_);
  wait_until(lock, [&] {
    return !free_.empty() || static_cast<std::int64_t>(buffers_.size()) < options_.num_buffers;
  });
  if (failure_) return nullptr;
  throw_if_stopped();
  if (free_.empty()) {
    buffers_.emplace_back(new_buffer(static_cast<std::size_t>(options_.buffer_bytes)));
    return buffers_.back().get();
  }
  const Buffer buffer = free_.back();
  free_.pop_back();
  return buffer;
}

void WriteQueue::release(Buffer buffer) {
  const std::lock_guard lock(mutex_);
  free_.push_back(buffer);
}

void WriteQueue::submit(const Write& write) {
  if (options_.num_writers == 0) return carry_out(write);
  const bool is_for_kernel = is_for_ring(write);
  std::unique_lock lock(mutex_);
  wait_until(lock, [&] {
    return outstanding_ < options_.max_outstanding &&
           (!is_for_kernel || num_in_ring_ < IoRing::kMostCalls);
  });
  if (failure_ || options_.stop.stop_requested()) {
    free_.push_back(write.buffer);
    if (failure_) return;
    throw_if_stopped();
  }
  ++outstanding_;
  if (!is_for_kernel) {
    writes_.push_back(write);
    start_writers();
    lock.unlock();
    work_.notify_one();
    return;
  }
  lock.unlock();
  write_through_ring(write);
}

bool WriteQueue::is_for_ring(const Write& write) const {
  const auto block = static_cast<std::uint64_t>(options_.alignment);
  return ring_ && may_use_ring_ && static_cast<std::uint64_t>(write.offset) % block == 0 &&
         write.length % block == 0 &&
         reinterpret_cast<std::uintptr_t>(write.buffer + write.begin) % block == 0;
}

void WriteQueue::write_through_ring(const Write& write) {
  const auto slot = std::find_if(in_ring_.begin(), in_ring_.end(),
                                 [](const Write& taken) { return taken.buffer == nullptr; });
  *slot = write;
  ++num_in_ring_;
  ring_->write({.file = options_.direct_file,
                .offset = write.offset,
                .bytes = {write.buffer + write.begin, write.length},
                .tag = static_cast<std::uint64_t>(slot - in_ring_.begin())});
  take_back(Duration(0));
}

/// What the kernel has ended, and its write. A kernel that tells no more is left alone.
std::optional<IoRing::Ended> WriteQueue::next_ended(Duration wait, Write& write) {
  std::optional<IoRing::Ended> ended;
  try {
    ended = ring_->next(wait);
  } catch (const Error&) {
    leave_ring();
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
  }
  if (!ended) return std::nullopt;
  write = std::exchange(in_ring_[static_cast<std::size_t>(ended->tag)], {});
  --num_in_ring_;
  return ended;
}

/// What the kernel has ended, waiting at most so long where that is nothing. What it could not do
/// the sink's write() does, or says why.
void WriteQueue::take_back(Duration wait) {
  Write write;
  while (num_in_ring_ > 0) {
    const auto ended = next_ended(std::exchange(wait, Duration(0)), write);
    if (!ended) return;
    const std::lock_guard lock(mutex_);
    if (ended->result == static_cast<std::int64_t>(write.length)) {
      --outstanding_;
      free_.push_back(write.buffer);
      continue;
    }
    may_use_ring_ = false;
    writes_.push_back(write);
    start_writers();
    work_.notify_one();
  }
}

void WriteQueue::drain() {
  std::unique_lock lock(mutex_);
  wait_until(lock, [&] { return outstanding_ == 0; });
  if (failure_) std::rethrow_exception(failure_);
  throw_if_stopped();
}

void WriteQueue::sync() {
  if (options_.num_writers == 0) return sink_.sync();
  {
    const std::lock_guard lock(mutex_);
    writes_.push_back(kSync);
    ++outstanding_;
    start_writers();
  }
  work_.notify_one();
  drain();
}

void WriteQueue::rethrow_failure() {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
}

std::int64_t WriteQueue::allocated_bytes() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::int64_t>(buffers_.size()) * options_.buffer_bytes;
}

void WriteQueue::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return closing_ || !writes_.empty(); });
    if (closing_) return;
    const Write write = writes_.front();
    writes_.pop_front();
    ++num_writing_;
    lock.unlock();
    carry_out(write);
    lock.lock();
    --outstanding_, --num_writing_;
    progress_.notify_all();
  }
}

void WriteQueue::carry_out(const Write& write) noexcept {
  const bool is_sync = write.buffer == nullptr;
  std::exception_ptr failure;
  try {
    if (is_sync)
      sink_.sync();
    else
      sink_.write(write.offset, {write.buffer + write.begin, write.length});
  } catch (...) {
    failure = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  if (failure && !failure_) failure_ = failure;
  if (!is_sync) free_.push_back(write.buffer);
}

}  // namespace skipjack::s3
