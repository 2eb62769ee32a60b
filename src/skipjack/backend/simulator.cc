// A heap of what is due, one entry an attempt: its next report or its end. An attempt that is ended
// early leaves its entry behind, which is known as stale by its version.
#include "skipjack/backend/simulator.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <queue>
#include <string>
#include <utility>

#include "skipjack/backend/reasons.h"
#include "skipjack/base/error.h"
#include "skipjack/base/invalid.h"

namespace skipjack {
namespace {

constexpr Duration kLongest = std::chrono::seconds(100'000'000);

void require_in_range(const char* what, Duration value) {
  if (value < Duration::zero() || value > kLongest)
    invalid(std::string(what) + " = " + seconds_text(value) + " must be in [0 s, " +
            seconds_text(kLongest) + "]");
}

std::string name_of(AttemptId id) {
  return "attempt " + std::to_string(id.attempt) + " of trial " + std::to_string(id.trial);
}

class Simulator final : public Backend {
 public:
  explicit Simulator(SimulatorOptions options) : options_(std::move(options)) {}

  void start(const StartRequest& request) override;
  void end(AttemptId id, EndAs as) override;
  std::vector<BackendEvent> wait(Duration timeout) override;
  void wake() override { woken_.store(true); }
  int capacity() const override { return options_.capacity; }
  /// What was simulated ended with the simulation.
  std::vector<AttemptId> reconcile(const std::vector<AttemptId>&) override { return {}; }
  void delete_checkpoint(TrialId) override {}

 private:
  /// Slots are used again; version tells their users apart.
  struct Slot {
    AttemptId id;
    SimulatedAttempt does;
    Duration began{0};
    /// Among all starts: ties in time are broken by it.
    std::uint64_t order = 0;
    std::size_t num_reported = 0;
    std::uint64_t version = 0;
    bool ending = false;
  };
  struct Due {
    Duration at{0};
    std::uint64_t order = 0;
    std::size_t slot = 0;
    std::uint64_t version = 0;
    /// For a heap whose top comes first.
    friend bool operator<(const Due& a, const Due& b) {
      return a.at != b.at ? a.at > b.at : a.order > b.order;
    }
  };

  SimulatedAttempt ask(const StartRequest& request) const;
  void schedule_next(std::size_t index);
  BackendEvent happen(std::size_t index);
  void drop_stale();

  SimulatorOptions options_;
  std::vector<Slot> slots_;
  std::vector<std::size_t> free_slots_;
  std::map<AttemptId, std::size_t> running_;
  std::priority_queue<Due> due_;
  std::uint64_t num_started_ = 0;
  std::atomic<bool> woken_{false};
};

SimulatedAttempt Simulator::ask(const StartRequest& request) const {
  SimulatedAttempt does = options_.trial(request);
  Duration last{0};
  for (const SimulatedAttempt::Step& step : does.reports) {
    require_in_range("after", step.after);
    if (step.after < last || (does.duration && step.after > *does.duration))
      invalid("a report of " + name_of(request.id) + " after " + seconds_text(step.after) +
              " is out of order or later than its end");
    last = step.after;
  }
  if (does.duration) require_in_range("duration", *does.duration);
  if (request.time_limit && (!does.duration || *does.duration > *request.time_limit)) {
    const Duration limit = *request.time_limit;
    std::erase_if(does.reports, [&](const auto& step) { return step.after > limit; });
    does.duration = limit;
    does.end = {.outcome = Outcome::Failed, .reason = time_limit_reason(limit)};
  }
  if (does.reports.empty() && does.end.outcome == Outcome::Completed)
    does.end = {
        .outcome = Outcome::Failed, .exit_code = does.end.exit_code, .reason = kNoMetricReason};
  return does;
}

void Simulator::start(const StartRequest& request) {
  if (running_.size() >= static_cast<std::size_t>(options_.capacity))
    throw Error(ErrorCode::Exhausted, "no room for " + name_of(request.id) + ": capacity is " +
                                          std::to_string(options_.capacity));
  if (running_.contains(request.id)) invalid(name_of(request.id) + " runs already");
  SimulatedAttempt does = ask(request);
  std::size_t index = slots_.size();
  if (free_slots_.empty()) {
    slots_.emplace_back();
  } else {
    index = free_slots_.back();
    free_slots_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.id = request.id;
  slot.does = std::move(does);
  slot.began = options_.clock->now() + options_.start_delay;
  slot.order = num_started_++;
  slot.num_reported = 0;
  slot.ending = false;
  running_.emplace(request.id, index);
  schedule_next(index);
}

void Simulator::schedule_next(std::size_t index) {
  const Slot& slot = slots_[index];
  const auto& reports = slot.does.reports;
  std::optional<Duration> after = slot.does.duration;
  if (slot.num_reported < reports.size()) after = reports[slot.num_reported].after;
  if (after) due_.push({slot.began + *after, slot.order, index, slot.version});
}

void Simulator::end(AttemptId id, EndAs as) {
  const auto found = running_.find(id);
  if (found == running_.end() || slots_[found->second].ending) return;
  Slot& slot = slots_[found->second];
  slot.ending = true;
  ++slot.version;
  slot.does = {
      .duration = options_.clock->now() + options_.stop_delay - slot.began,
      .end = {.outcome = as == EndAs::Paused ? Outcome::Paused : Outcome::Stopped},
  };
  slot.num_reported = 0;
  schedule_next(found->second);
}

void Simulator::drop_stale() {
  while (!due_.empty() && due_.top().version != slots_[due_.top().slot].version) due_.pop();
}

BackendEvent Simulator::happen(std::size_t index) {
  Slot& slot = slots_[index];
  const double unix_time = options_.clock->unix_time();
  if (slot.num_reported < slot.does.reports.size()) {
    Json metrics = std::move(slot.does.reports[slot.num_reported++].metrics);
    schedule_next(index);
    return AttemptReport{slot.id, std::move(metrics), unix_time};
  }
  ++slot.version;
  running_.erase(slot.id);
  free_slots_.push_back(index);
  return AttemptFinished{slot.id, std::move(slot.does.end), unix_time};
}

std::vector<BackendEvent> Simulator::wait(Duration timeout) {
  ManualClock& clock = *options_.clock;
  const bool woken = woken_.exchange(false);
  const Duration until = clock.now() + (woken ? Duration::zero() : std::max(timeout, Duration{0}));
  drop_stale();
  if (due_.empty() || due_.top().at > until) {
    clock.set(until);
    return {};
  }
  clock.set(std::max(clock.now(), due_.top().at));
  std::vector<BackendEvent> happened;
  while (!due_.empty() && due_.top().at <= clock.now()) {
    const std::size_t index = due_.top().slot;
    due_.pop();
    happened.push_back(happen(index));
    drop_stale();
  }
  return happened;
}

}  // namespace

std::unique_ptr<Backend> make_simulator(SimulatorOptions options) {
  if (!options.trial) invalid("trial is empty: there is nothing to simulate");
  if (options.capacity < 1)
    invalid("capacity = " + std::to_string(options.capacity) + " must be >= 1");
  if (options.clock == nullptr) invalid("clock is null");
  require_in_range("start_delay", options.start_delay);
  require_in_range("stop_delay", options.stop_delay);
  return std::make_unique<Simulator>(std::move(options));
}

}  // namespace skipjack
