// Many tasks on their way at once, each with what to do at its end.
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "skipjack/base/error.h"
#include "skipjack/s3/task.h"

namespace skipjack::s3 {

/// Not thread-safe. Destroyed before its end, it destroys its tasks.
class TaskPool final : public Task {
 public:
  struct Entry {
    std::unique_ptr<Task> task;
    /// The task has ended well; what it throws counts as the task's failure.
    std::function<void()> done;
    /// What it throws ends the pool.
    std::function<void(const Error&)> failed;
  };
  void add(Entry entry) { entries_.push_back(std::move(entry)); }
  std::size_t size() const { return entries_.size(); }

  /// True if nothing is in it.
  bool advance(Duration now) override;
  Duration next_event(Duration now) const override;

 private:
  std::list<Entry> entries_;
};

}  // namespace skipjack::s3
