#include "skipjack/s3/file_writers.h"

#include <utility>

namespace skipjack::s3 {

FileWriters::FileWriters(std::int64_t num_threads, std::function<void()> on_written)
    : on_written_(std::move(on_written)) {
  for (std::int64_t i = 0; i < num_threads; ++i) threads_.emplace_back([this] { run(); });
}

FileWriters::~FileWriters() {
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void FileWriters::submit(std::int64_t id, TargetTree::Place place, std::string bytes) {
  Job job{id, std::move(place), std::move(bytes)};
  if (threads_.empty()) {
    written_.push_back(write(job));
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  work_.notify_one();
}

std::vector<FileWriters::Written> FileWriters::take_written() {
  const std::lock_guard lock(mutex_);
  return std::exchange(written_, {});
}

FileWriters::Written FileWriters::write(const Job& job) {
  try {
    write_new_file(job.place, std::as_bytes(std::span(job.bytes)));
    return {job.id};
  } catch (const Error& error) {
    return {job.id, error};
  }
}

void FileWriters::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return is_closing_ || !jobs_.empty(); });
    if (is_closing_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    Written written = write(job);
    job = {};
    lock.lock();
    written_.push_back(std::move(written));
    // The first one wakes; whoever comes takes all.
    if (written_.size() > 1) continue;
    lock.unlock();
    on_written_();
    lock.lock();
  }
}

}  // namespace skipjack::s3
