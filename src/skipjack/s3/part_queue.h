// What of a download is still to be asked for: ranges that nobody has, and parts that broke and
// are due again. Parts are not planned beforehand; whoever has a connection to spare takes the next
// range, as long as it should be at that moment. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <vector>

#include "skipjack/base/clock.h"
#include "skipjack/s3/plan.h"
#include "skipjack/s3/sink.h"

namespace skipjack::s3 {

/// A range on its way. Its bytes before frontier() are there, whichever request brought them.
struct Part {
  ByteRange range;
  std::int64_t received = 0;
  /// Since a byte came that was new.
  std::int64_t attempts = 0;
  /// Retry tokens to give back when it succeeds.
  std::int64_t tokens = 1;
  /// How often it was asked for anew because a refusal had taught how.
  int num_lessons = 0;
  /// A second request was refused: none until it is asked for again.
  bool is_hedge_refused = false;
  std::list<Part>::iterator self{};

  std::int64_t frontier() const { return range.begin + received; }
  std::int64_t left() const { return range.size() - received; }
};

class PartQueue {
 public:
  /// A part apart from the queue's order: the first request, before anything is known.
  Part& add(const ByteRange& range);
  /// What is to be fetched beside the parts that were added: disjoint, not empty, in order.
  void set_missing(std::vector<ByteRange> ranges);

  /// What should be asked for next: a part that is due again, else the first `size` bytes of what
  /// is missing, as far as there is room for them. size >= 1. nullptr if there is nothing now.
  Part* take(std::int64_t size, Duration now, const Room& room);
  /// The part's request broke: it is due again.
  void put_back(Part& part, Duration due) { retries_.emplace(due, &part); }
  /// The part is complete, and gone.
  void finish(Part& part) { parts_.erase(part.self); }

  /// Whether take() will have something more, sooner or later.
  bool has_more() const { return !missing_.empty() || !retries_.empty(); }
  /// Nothing is missing or on its way.
  bool is_done() const { return missing_.empty() && parts_.empty(); }
  /// Bytes that no part has.
  std::int64_t missing_bytes() const { return missing_bytes_; }
  /// When the next broken part is due; Duration::max() if there is none.
  Duration next_due() const { return retries_.empty() ? Duration::max() : retries_.begin()->first; }

 private:
  std::list<Part> parts_;
  std::deque<ByteRange> missing_;
  std::int64_t missing_bytes_ = 0;
  std::multimap<Duration, Part*> retries_;
};

}  // namespace skipjack::s3
