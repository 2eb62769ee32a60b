// What the tests of ask-tell ask of: a small grid, and a sink in memory that may break.
#pragma once

#include <string>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/study/ask_tell.h"

namespace skipjack {

inline SearchSpace grid_space() { return SearchSpace({{"x", rand_int(0, 3)}, {"k", Json("c")}}); }

inline AskTellOptions options_for(const std::string& method) {
  return {.space = grid_space(), .metrics = {{"loss"}}, .method = method, .seed = 3};
}

class VectorSink final : public EventSink {
 public:
  void append(const std::vector<Event>& more) override {
    if (broken) throw Error(ErrorCode::Io, "the disk is full");
    events.insert(events.end(), more.begin(), more.end());
  }
  std::vector<Event> events;
  bool broken = false;
};

}  // namespace skipjack
