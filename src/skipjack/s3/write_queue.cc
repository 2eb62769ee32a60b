#include "skipjack/s3/write_queue.h"

#include <new>

#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {
// Pages, so that a later write around the page cache can use the same buffers.
constexpr std::align_val_t kAlignment{4096};
}  // namespace

void WriteQueue::AlignedDelete::operator()(std::byte* bytes) const {
  ::operator delete[](bytes, kAlignment);
}

WriteQueue::WriteQueue(Sink& sink, const WriteQueueOptions& options)
    : sink_(sink), options_(options) {
  SKIPJACK_CHECK(options.buffer_bytes > 0 && options.num_buffers > 0 &&
                 options.max_outstanding > 0);
  if (options_.writer == WriteQueueOptions::Writer::Own) thread_ = std::thread([this] { run(); });
}

WriteQueue::~WriteQueue() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  work_.notify_all();
  if (thread_.joinable()) thread_.join();
}

WriteQueue::Buffer WriteQueue::acquire() {
  std::unique_lock lock(mutex_);
  progress_.wait(lock, [&] {
    return failure_ || !free_.empty() ||
           static_cast<std::int64_t>(buffers_.size()) < options_.num_buffers;
  });
  if (failure_) return nullptr;
  if (free_.empty()) {
    buffers_.emplace_back(static_cast<std::byte*>(
        ::operator new[](static_cast<std::size_t>(options_.buffer_bytes), kAlignment)));
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

void WriteQueue::submit(Buffer buffer, std::int64_t offset, std::size_t length) {
  std::unique_lock lock(mutex_);
  if (options_.writer == WriteQueueOptions::Writer::Inline) {
    lock.unlock();
    write_one({buffer, offset, length});
    return;
  }
  progress_.wait(lock, [&] { return failure_ || outstanding_ < options_.max_outstanding; });
  if (failure_) {
    free_.push_back(buffer);
    return;
  }
  ++outstanding_;
  writes_.push_back({buffer, offset, length});
  lock.unlock();
  work_.notify_one();
}

void WriteQueue::drain() {
  std::unique_lock lock(mutex_);
  progress_.wait(lock, [&] { return failure_ || outstanding_ == 0; });
  if (failure_) std::rethrow_exception(failure_);
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
    lock.unlock();
    write_one(write);
    lock.lock();
    --outstanding_;
    progress_.notify_all();
  }
}

void WriteQueue::write_one(const Write& write) noexcept {
  std::exception_ptr failure;
  try {
    sink_.write(write.offset, {write.buffer, write.length});
  } catch (...) {
    failure = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  if (failure && !failure_) failure_ = failure;
  free_.push_back(write.buffer);
}

}  // namespace skipjack::s3
