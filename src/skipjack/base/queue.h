// The one way in which threads hand over values: a bounded queue with a close.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "skipjack/base/clock.h"

namespace skipjack {

/// Thread-safe; many producers, many consumers; first in, first out.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  /// Waits for room. False if the queue was closed; the value is then dropped.
  bool push(T value) {
    std::unique_lock lock(mutex_);
    has_room_.wait(lock, [&] { return closed_ || items_.size() < capacity_; });
    if (closed_) return false;
    items_.push_back(std::move(value));
    lock.unlock();
    has_item_.notify_one();
    return true;
  }

  /// Waits for a value at most for timeout. nullopt on timeout, or when closed and empty.
  std::optional<T> pop(Duration timeout) {
    std::unique_lock lock(mutex_);
    has_item_.wait_for(lock, timeout, [&] { return closed_ || !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    T value = std::move(items_.front());
    items_.pop_front();
    lock.unlock();
    has_room_.notify_one();
    return value;
  }

  /// What is in the queue can still be popped; push fails from now on.
  void close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    has_item_.notify_all();
    has_room_.notify_all();
  }

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable has_item_, has_room_;
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace skipjack
