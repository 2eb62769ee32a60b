// Threads that write whole small files, so that making files costs the network no time: creating
// one takes longer than sending its bytes. How much waits here is for the caller to bound.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/s3/target_tree.h"

namespace skipjack::s3 {

/// One producer. The destructor waits for the files being written and drops the others.
class FileWriters {
 public:
  struct Written {
    std::int64_t id = 0;
    std::optional<Error> error{};
  };
  /// num_threads 0: files are written by submit(). on_written is called by a writing thread when
  /// take_written() has something again.
  FileWriters(std::int64_t num_threads, std::function<void()> on_written);
  ~FileWriters();
  FileWriters(const FileWriters&) = delete;
  FileWriters& operator=(const FileWriters&) = delete;

  void submit(std::int64_t id, TargetTree::Place place, std::string bytes);
  /// What has ended since the last call.
  std::vector<Written> take_written();

 private:
  struct Job {
    std::int64_t id = 0;
    TargetTree::Place place;
    std::string bytes;
  };
  void run();
  static Written write(const Job& job);

  const std::function<void()> on_written_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<Job> jobs_;
  std::vector<Written> written_;
  bool is_closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace skipjack::s3
