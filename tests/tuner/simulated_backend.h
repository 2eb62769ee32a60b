// A backend on a clock moved by hand: what each attempt does is a script, waiting jumps to whatever
// comes next. So the loop is tested to the nanosecond without sleeping.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <vector>

#include "skipjack/backend/backend.h"

namespace skipjack::testing {

/// What an attempt does: reports at times after its start, then ends. A killed one ends at once.
struct Script {
  struct Step {
    Duration after{0};
    Json metrics;
  };
  std::vector<Step> reports;
  Duration lasts = std::chrono::seconds(10);
  AttemptEnd end{.outcome = Outcome::Completed, .exit_code = 0};
};
using ScriptOf = std::function<Script(const StartRequest&)>;

class SimulatedBackend final : public Backend {
 public:
  SimulatedBackend(ManualClock& clock, int capacity, ScriptOf script_of)
      : clock_(clock), capacity_(capacity), script_of_(std::move(script_of)) {}

  void start(const StartRequest& request) override {
    if (fail_start) throw std::runtime_error("start refused");
    if (static_cast<int>(running_.size()) >= capacity_) throw std::logic_error("over capacity");
    if (!started_.insert(request.id).second) throw std::logic_error("attempt started twice");
    requests.push_back(request);
    running_.insert(request.id);
    max_running = std::max(max_running, static_cast<int>(running_.size()));
    const Script script = script_of_(request);
    for (const Script::Step& step : script.reports)
      due_.emplace(clock_.now() + step.after,
                   AttemptReport{request.id, step.metrics, clock_.unix_time()});
    due_.emplace(clock_.now() + script.lasts, AttemptFinished{request.id, script.end, 0});
  }

  void end(AttemptId id, EndAs as) override {
    if (!running_.contains(id)) return;
    std::erase_if(due_, [&](const auto& item) { return id_of(item.second) == id; });
    const Outcome outcome = as == EndAs::Stopped ? Outcome::Stopped : Outcome::Paused;
    due_.emplace(clock_.now() + end_takes, AttemptFinished{id, AttemptEnd{.outcome = outcome}, 0});
  }

  std::vector<BackendEvent> wait(Duration timeout) override {
    if (on_wait) on_wait();
    std::vector<BackendEvent> happened;
    const Duration until = clock_.now() + timeout;
    if (woken_ || due_.empty() || due_.begin()->first > until) {
      if (!woken_) clock_.set(until);
      woken_ = false;
      return happened;
    }
    clock_.set(std::max(clock_.now(), due_.begin()->first));
    while (!due_.empty() && due_.begin()->first <= clock_.now()) {
      happened.push_back(due_.begin()->second);
      if (const auto* ended = std::get_if<AttemptFinished>(&happened.back()))
        running_.erase(ended->id);
      due_.erase(due_.begin());
    }
    return happened;
  }

  void wake() override { woken_ = true; }
  int capacity() const override { return capacity_; }
  std::vector<AttemptId> reconcile(const std::vector<AttemptId>& attempts) override {
    reconciled = attempts;
    return {};
  }
  void delete_checkpoint(TrialId) override {}

  std::vector<StartRequest> requests;
  std::vector<AttemptId> reconciled;
  int max_running = 0;
  Duration end_takes{0};
  bool fail_start = false;
  std::function<void()> on_wait;

 private:
  static AttemptId id_of(const BackendEvent& event) {
    return std::visit([](const auto& e) { return e.id; }, event);
  }

  ManualClock& clock_;
  const int capacity_;
  ScriptOf script_of_;
  std::multimap<Duration, BackendEvent> due_;
  std::set<AttemptId> running_, started_;
  bool woken_ = false;
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

}  // namespace skipjack::testing
