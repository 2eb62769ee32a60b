#include "skipjack/s3/write_queue.h"

#include <sys/mman.h>

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
                 options.max_outstanding > 0);
  try {
    for (int i = 0; i < options.num_writers; ++i) threads_.emplace_back([this] { run(); });
  } catch (const std::system_error&) {
    if (threads_.empty()) throw;  // Fewer are slower and do.
  }
}

WriteQueue::~WriteQueue() {
  close();
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
  std::thread([queue = std::move(queue), sink = std::move(sink), wait]() mutable {
    wait(queue, *sink);
  }).detach();
}

/// Writes in progress end within what a cancelled transfer may take.
bool WriteQueue::is_idle_soon() {
  std::unique_lock lock(mutex_);
  return progress_.wait_for(lock, kPatience, [&] { return num_writing_ == 0; });
}

void WriteQueue::throw_if_stopped() const {
  if (options_.stop.stop_requested())
    throw Error(ErrorCode::Cancelled, "the transfer was cancelled");
}

WriteQueue::Buffer WriteQueue::acquire() {
  std::unique_lock lock(mutex_);
  progress_.wait(lock, [&] {
    return failure_ || options_.stop.stop_requested() || !free_.empty() ||
           static_cast<std::int64_t>(buffers_.size()) < options_.num_buffers;
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
  std::unique_lock lock(mutex_);
  if (options_.num_writers == 0) {
    lock.unlock();
    write_one(write);
    return;
  }
  progress_.wait(lock, [&] {
    return failure_ || options_.stop.stop_requested() || outstanding_ < options_.max_outstanding;
  });
  if (failure_ || options_.stop.stop_requested()) {
    free_.push_back(write.buffer);
    if (failure_) return;
    throw_if_stopped();
  }
  ++outstanding_;
  writes_.push_back(write);
  lock.unlock();
  work_.notify_one();
}

void WriteQueue::drain() {
  std::unique_lock lock(mutex_);
  progress_.wait(lock,
                 [&] { return failure_ || options_.stop.stop_requested() || outstanding_ == 0; });
  if (failure_) std::rethrow_exception(failure_);
  throw_if_stopped();
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
    write_one(write);
    lock.lock();
    --outstanding_, --num_writing_;
    progress_.notify_all();
  }
}

void WriteQueue::write_one(const Write& write) noexcept {
  std::exception_ptr failure;
  try {
    sink_.write(write.offset, {write.buffer + write.begin, write.length});
  } catch (...) {
    failure = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  if (failure && !failure_) failure_ = failure;
  free_.push_back(write.buffer);
}

}  // namespace skipjack::s3
