// Buffers between network and sink, and who empties them: the kernel, where the sink has whole
// blocks for it (io_ring.h), else threads. Memory is bounded: there are
// so many buffers and no more, made when first needed and used again, the one last emptied first,
// while it is warm in the cache. Who wants one when there is none waits, and with him the network.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "skipjack/base/clock.h"
#include "skipjack/s3/io_ring.h"
#include "skipjack/s3/sink.h"

namespace skipjack::s3 {

struct WriteQueueOptions {
  /// Bytes of a buffer: the size of one write.
  std::int64_t buffer_bytes = 0;
  /// Buffers in all; more than max_outstanding, or filling and writing wait for each other.
  std::int64_t num_buffers = 0;
  /// Writes handed over and not done. >= 1.
  std::int64_t max_outstanding = 0;
  /// Threads that write what the ring doesn't; 0: submit() does, and there is no ring.
  int num_writers = 1;
  /// Whole blocks, and a file to write them to: WriteHints::alignment and direct_file.
  std::int64_t alignment = 1;
  int direct_file = -1;
  /// Ends every wait for a disk that doesn't answer, with Error Cancelled.
  std::stop_token stop{};
};

/// One producer, which makes and destroys it. The sink must outlive the queue, whose destructor
/// waits for the writes in progress and drops the others. Waiting ends with Error Cancelled once
/// stop is requested.
class WriteQueue {
 public:
  using Buffer = std::byte*;
  /// Bytes [begin, begin + length) of a buffer, for this offset.
  struct Write {
    Buffer buffer = nullptr;
    std::int64_t begin = 0;
    std::int64_t offset = 0;
    std::size_t length = 0;
  };

  WriteQueue(Sink& sink, const WriteQueueOptions& options);
  ~WriteQueue();
  WriteQueue(const WriteQueue&) = delete;
  WriteQueue& operator=(const WriteQueue&) = delete;
  /// Drops what is not written and abandons the sink. Where stop was requested and a write does not
  /// end, that is done in the background, unless the sink calls back. The kernel's writes are left
  /// to it, then: they hold the file and the pages.
  static void abandon(std::unique_ptr<WriteQueue> queue, std::unique_ptr<Sink> sink);

  /// Waits for a buffer; nullptr once a write has failed. Aligned to pages, if it fills one.
  Buffer acquire();
  /// Gives back an empty one.
  void release(Buffer buffer);
  /// Writes, then has the buffer back. Waits for room in the queue.
  void submit(const Write& write);
  /// Waits until all is written. Throws what a write threw.
  void drain();
  /// The sink's sync(), after drain(), waited for. Throws what it threw.
  void sync();
  /// Throws what a write threw, if one did. Does not wait.
  void rethrow_failure();
  /// Most bytes of buffers there have been.
  std::int64_t allocated_bytes() const;

 private:
  struct Free {
    void operator()(std::byte* bytes) const;
  };
  void start_writers();
  void run();
  void close();
  void throw_if_stopped() const;
  bool is_idle_soon();
  void carry_out(const Write& write) noexcept;
  bool is_for_ring(const Write& write) const;
  void write_through_ring(const Write& write);
  void take_back(Duration wait);
  std::optional<IoRing::Ended> next_ended(Duration wait, Write& write);
  void leave_ring();
  template <class Condition>
  void wait_until(std::unique_lock<std::mutex>& lock, Condition condition);

  Sink& sink_;
  const WriteQueueOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable work_, progress_;
  std::vector<std::unique_ptr<std::byte[], Free>> buffers_;
  std::vector<Buffer> free_;
  std::deque<Write> writes_;
  std::int64_t outstanding_ = 0, num_writing_ = 0;
  bool closing_ = false;
  std::exception_ptr failure_;
  std::vector<std::thread> threads_;
  /// The producer's alone, like what is in it: a slot is free where it has no buffer.
  std::unique_ptr<IoRing> ring_;
  std::vector<Write> in_ring_;
  std::int64_t num_in_ring_ = 0;
  bool may_use_ring_ = true;
  std::stop_callback<std::function<void()>> on_stop_;
};

}  // namespace skipjack::s3
