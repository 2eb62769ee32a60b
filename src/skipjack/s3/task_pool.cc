#include "skipjack/s3/task_pool.h"

#include <algorithm>

namespace skipjack::s3 {

bool TaskPool::advance(Duration now) {
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto entry = at++;
    try {
      if (!entry->task->advance(now)) continue;
      entry->done();
    } catch (const Error& error) {
      const auto failed = std::move(entry->failed);
      entries_.erase(entry);
      failed(error);
      continue;
    }
    entries_.erase(entry);
  }
  return entries_.empty();
}

Duration TaskPool::next_event(Duration now) const {
  Duration next = std::chrono::seconds(1);
  for (const Entry& entry : entries_) next = std::min(next, entry.task->next_event(now));
  return next;
}

}  // namespace skipjack::s3
