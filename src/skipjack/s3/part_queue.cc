#include "skipjack/s3/part_queue.h"

#include <algorithm>

#include "skipjack/base/error.h"

namespace skipjack::s3 {

Part& PartQueue::add(const ByteRange& range) {
  Part& part = parts_.emplace_back(Part{.range = range});
  part.self = std::prev(parts_.end());
  return part;
}

void PartQueue::set_missing(std::vector<ByteRange> ranges) {
  missing_.assign(ranges.begin(), ranges.end());
  missing_bytes_ = 0;
  for (const ByteRange& range : ranges) {
    SKIPJACK_CHECK(range.size() > 0);
    missing_bytes_ += range.size();
  }
}

Part* PartQueue::take(std::int64_t size, Duration now, const Room& room) {
  if (!retries_.empty() && retries_.begin()->first <= now)
    return retries_.extract(retries_.begin()).mapped();
  if (missing_.empty()) return nullptr;
  ByteRange& next = missing_.front();
  const ByteRange range{next.begin, next.size() > size ? next.begin + size : next.end};
  // What the sink waits for may always come: it passes through.
  if (range.end > room.end && range.begin != room.next) return nullptr;
  next.begin = range.end;
  if (next.size() == 0) missing_.pop_front();
  missing_bytes_ -= range.size();
  return &add(range);
}

}  // namespace skipjack::s3
