// What a backend said, kept and told once more, in the same portions, to a tuner that decides anew.
// If the journal that comes of it is the same, then the decisions follow from what was said alone,
// and any backend that says the same gets the same.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "skipjack/backend/backend.h"
#include "skipjack/base/clock.h"

namespace skipjack {

struct Said {
  /// Since the first wait().
  Duration time{0};
  std::vector<BackendEvent> events;
};

/// Keeps what another says.
class Recorder final : public Backend {
 public:
  /// said must outlive it.
  Recorder(std::unique_ptr<Backend> backend, std::vector<Said>& said)
      : backend_(std::move(backend)), said_(said), began_(system_clock().now()) {}

  void start(const StartRequest& request) override { backend_->start(request); }
  void end(AttemptId id, EndAs as) override { backend_->end(id, as); }
  std::vector<BackendEvent> wait(Duration timeout) override {
    std::vector<BackendEvent> events = backend_->wait(timeout);
    if (!events.empty()) said_.push_back({system_clock().now() - began_, events});
    return events;
  }
  void wake() override { backend_->wake(); }
  int capacity() const override { return backend_->capacity(); }
  std::vector<AttemptId> reconcile(const std::vector<AttemptId>& attempts) override {
    return backend_->reconcile(attempts);
  }
  void delete_checkpoint(TrialId trial) override { backend_->delete_checkpoint(trial); }

 private:
  std::unique_ptr<Backend> backend_;
  std::vector<Said>& said_;
  const Duration began_;
};

/// Tells it once more, and does nothing else.
class Playback final : public Backend {
 public:
  /// said and clock must outlive it.
  Playback(const std::vector<Said>& said, int capacity, ManualClock& clock)
      : said_(said), capacity_(capacity), clock_(clock) {}

  void start(const StartRequest&) override {}
  void end(AttemptId, EndAs) override {}
  std::vector<BackendEvent> wait(Duration) override {
    if (next_ == said_.size()) throw std::runtime_error("all is told, and the tuner waits");
    const Said& said = said_[next_++];
    clock_.set(said.time);
    return said.events;
  }
  void wake() override {}
  int capacity() const override { return capacity_; }
  std::vector<AttemptId> reconcile(const std::vector<AttemptId>&) override { return {}; }
  void delete_checkpoint(TrialId) override {}

 private:
  const std::vector<Said>& said_;
  const int capacity_;
  ManualClock& clock_;
  std::size_t next_ = 0;
};

/// But for where and when they happened.
inline void expect_same_events(const std::vector<Event>& expected, const std::vector<Event>& seen) {
  for (std::size_t i = 0; i < std::min(expected.size(), seen.size()); ++i) {
    if (std::holds_alternative<RunStarted>(expected[i].body)) continue;
    ASSERT_EQ(to_json_text(to_json(seen[i].body)), to_json_text(to_json(expected[i].body)))
        << "event " << i;
  }
  EXPECT_EQ(seen.size(), expected.size());
}

}  // namespace skipjack
