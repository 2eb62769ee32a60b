// What the loop's tests put around it: a simulator that is watched, a sink in memory, a scheduler
// that counts. So the loop is tested to the nanosecond without sleeping.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "skipjack/backend/simulator.h"
#include "skipjack/schedule/scheduler.h"
#include "skipjack/tuner/tuner.h"

namespace skipjack::testing {

using Script = SimulatedAttempt;
using ScriptOf = SimulatedTrial;

/// A simulator that keeps what it was asked. Its attempts may be made to take time to end, its
/// start to fail.
class WatchedSimulator final : public Backend {
 public:
  WatchedSimulator(ManualClock& clock, int capacity, ScriptOf script_of, Duration stop_delay)
      : backend_(make_simulator({.trial = std::move(script_of),
                                 .capacity = capacity,
                                 .clock = &clock,
                                 .stop_delay = stop_delay})) {}

  void start(const StartRequest& request) override {
    if (fail_start) throw std::runtime_error("start refused");
    backend_->start(request);
    requests.push_back(request);
    max_running = std::max(max_running, ++num_running_);
  }
  void end(AttemptId id, EndAs as) override { backend_->end(id, as); }
  std::vector<BackendEvent> wait(Duration timeout) override {
    if (on_wait) on_wait();
    std::vector<BackendEvent> happened = backend_->wait(timeout);
    for (const BackendEvent& event : happened)
      if (std::holds_alternative<AttemptFinished>(event)) --num_running_;
    return happened;
  }
  void wake() override { backend_->wake(); }
  int capacity() const override { return backend_->capacity(); }
  std::vector<AttemptId> reconcile(const std::vector<AttemptId>& attempts) override {
    reconciled = attempts;
    if (!adopts) return backend_->reconcile(attempts);
    for (const AttemptId id : attempts) {
      StartRequest request;
      request.id = id;
      backend_->start(request);
    }
    return attempts;
  }
  void delete_checkpoint(TrialId trial) override { deleted.push_back(trial); }
  void let_go() override { has_let_go = true; }

  std::vector<StartRequest> requests;
  std::vector<AttemptId> reconciled;
  /// Trials whose checkpoint was deleted.
  std::vector<TrialId> deleted;
  int max_running = 0;
  bool fail_start = false;
  bool has_let_go = false;
  /// Attempts of an earlier run go on, told of from their first report.
  bool adopts = false;
  std::function<void()> on_wait;

 private:
  std::unique_ptr<Backend> backend_;
  int num_running_ = 0;
};

/// Keeps events in memory.
class VectorSink final : public EventSink {
 public:
  void append(const std::vector<Event>& batch) override {
    if (before_append) before_append(batch);
    events.insert(events.end(), batch.begin(), batch.end());
  }
  std::optional<Duration> alive_interval() const override { return interval; }
  void alive(Duration time) override { alive_at.push_back(time); }
  template <class Body>
  std::vector<Body> all() const {
    std::vector<Body> bodies;
    for (const Event& event : events)
      if (const auto* body = std::get_if<Body>(&event.body)) bodies.push_back(*body);
    return bodies;
  }
  std::vector<Event> events;
  std::optional<Duration> interval;
  std::vector<Duration> alive_at;
  std::function<void(const std::vector<Event>&)> before_append;
};

/// Proposes {"x": 0}, {"x": 1}, ... for ever, or until limit.
class CountingScheduler final : public Scheduler {
 public:
  explicit CountingScheduler(std::int64_t limit = 1'000'000) : limit_(limit) {}
  void apply(const Event& event, const History& history) override {
    if (std::holds_alternative<TrialStarted>(event.body)) ++num_started_;
    if (on_event) on_event(event, history, queue);
  }
  std::vector<Command> decide(const SchedulerView& view) override {
    if (!queue.empty()) return std::exchange(queue, {});
    if (view.free_workers == 0) return {};
    if (num_started_ >= limit_) return {Finished{"all proposed"}};
    return {Start{.configuration = Json::Object{{"x", num_started_}}}};
  }
  std::vector<Command> queue;
  std::function<void(const Event&, const History&, std::vector<Command>&)> on_event;

 private:
  const std::int64_t limit_;
  std::int64_t num_started_ = 0;
};

/// A loop with everything around it.
struct Bench {
  ManualClock clock;
  CountingScheduler scheduler;
  VectorSink sink;
  TunerOptions options;
  WatchedSimulator backend;

  explicit Bench(ScriptOf script_of, int workers = 1, std::int64_t limit = 1'000'000,
                 Duration stop_delay = std::chrono::seconds(0))
      : scheduler(limit), backend(clock, workers, std::move(script_of), stop_delay) {
    options.workers = workers;
    options.clock = &clock;
  }
  TuningResult run(const std::vector<Event>& past = {}) {
    return run_tuner(scheduler, backend, sink, past, options);
  }
};

inline Script reports_once(double loss, Duration lasts = std::chrono::seconds(10)) {
  return Script{.reports = {{lasts / 2, Json::Object{{"loss", loss}}}}, .duration = lasts};
}

inline ScriptOf always(Script script) {
  return [script](const StartRequest&) { return script; };
}

inline Script failing() {
  return Script{.duration = std::chrono::seconds(1),
                .end = {.outcome = Outcome::Failed,
                        .exit_code = 3,
                        .reason = "exit code 3",
                        .error_tail = "Traceback\nValueError: no such file\n"}};
}

}  // namespace skipjack::testing
