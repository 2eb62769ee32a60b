// Buffers between network and sink, and the thread that empties them. Memory is bounded: there are
// so many buffers and no more, made when first needed and used again, the one last emptied first,
// while it is warm in the cache. Who wants one when there is none waits, and with him the network.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "skipjack/s3/sink.h"

namespace skipjack::s3 {

struct WriteQueueOptions {
  /// Bytes of a buffer: the size of one write.
  std::int64_t buffer_bytes = 0;
  /// Buffers in all; more than max_outstanding, or filling and writing wait for each other.
  std::int64_t num_buffers = 0;
  /// Writes handed over and not done. >= 1.
  std::int64_t max_outstanding = 0;
  /// Own writes on a thread, Inline writes within submit().
  enum class Writer { Own, Inline } writer = Writer::Own;
};

/// One producer. The sink must outlive the queue, whose destructor waits for the write in progress
/// and drops the others.
class WriteQueue {
 public:
  using Buffer = std::byte*;

  WriteQueue(Sink& sink, const WriteQueueOptions& options);
  ~WriteQueue();
  WriteQueue(const WriteQueue&) = delete;
  WriteQueue& operator=(const WriteQueue&) = delete;

  /// Waits for a buffer; nullptr once a write has failed.
  Buffer acquire();
  /// Gives back an empty one.
  void release(Buffer buffer);
  /// Writes the first length bytes at offset, then has the buffer back. Waits for room in the
  /// queue.
  void submit(Buffer buffer, std::int64_t offset, std::size_t length);
  /// Waits until all is written. Throws what a write threw.
  void drain();
  /// Throws what a write threw, if one did. Does not wait.
  void rethrow_failure();
  /// Most bytes of buffers there have been.
  std::int64_t allocated_bytes() const;

 private:
  struct AlignedDelete {
    void operator()(std::byte* bytes) const;
  };
  struct Write {
    Buffer buffer;
    std::int64_t offset;
    std::size_t length;
  };

  void run();
  void write_one(const Write& write) noexcept;

  Sink& sink_;
  const WriteQueueOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable work_, progress_;
  std::vector<std::unique_ptr<std::byte[], AlignedDelete>> buffers_;
  std::vector<Buffer> free_;
  std::deque<Write> writes_;
  std::int64_t outstanding_ = 0;
  bool closing_ = false;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace skipjack::s3
