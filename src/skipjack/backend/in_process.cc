#include "skipjack/backend/in_process.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "skipjack/backend/reasons.h"
#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Attempt {
  StartRequest request;
  std::stop_source stop;
  std::optional<SteadyClock::time_point> deadline;
  /// What was asked of it first; guarded by the backend's mutex.
  std::optional<EndAs> ending;
  bool timed_out = false;
  bool over = false;
  std::thread thread;
};

class InProcessBackend final : public Backend {
 public:
  explicit InProcessBackend(InProcessOptions options);
  ~InProcessBackend() override;

  void start(const StartRequest& request) override;
  void end(AttemptId id, EndAs as) override;
  std::vector<BackendEvent> wait(Duration timeout) override;
  void wake() override;
  int capacity() const override { return options_.capacity; }
  /// Threads died with their process.
  std::vector<AttemptId> reconcile(const std::vector<AttemptId>&) override { return {}; }
  void delete_checkpoint(TrialId) override {}

 private:
  class ThreadReporter;

  void run(Attempt& attempt);
  AttemptEnd outcome(const Attempt& attempt, std::optional<std::string> exception,
                     bool reported) const;
  void push(BackendEvent event);
  void ring();
  /// Requests the stop of whom the time is over; when the next one's is.
  std::optional<SteadyClock::time_point> enforce_deadlines();
  /// The events so far; joins the threads that are over.
  std::vector<BackendEvent> take_events();

  InProcessOptions options_;
  int bell_;
  std::atomic<bool> woken_{false};
  std::mutex mutex_;
  std::map<AttemptId, Attempt> attempts_;
  std::vector<BackendEvent> events_;
};

class InProcessBackend::ThreadReporter final : public Reporter {
 public:
  ThreadReporter(InProcessBackend& backend, const Attempt& attempt)
      : backend_(backend), request_(attempt.request), stop_(attempt.stop.get_token()) {}

  void report(Json metrics) override {
    for (const auto& [key, value] : metrics.as_object())
      if (key.starts_with("st_"))
        throw Error(ErrorCode::InvalidArgument,
                    "the metric '" + key + "' begins with 'st_', which is reserved");
    const std::lock_guard lock(mutex_);
    const double unix_time = backend_.options_.clock->unix_time();
    metrics.set("st_worker_timestamp", Json(unix_time));
    metrics.set("st_worker_time", Json(to_seconds(SteadyClock::now() - begin_)));
    metrics.set("st_worker_iter", Json(num_reports_++));
    backend_.push(AttemptReport{request_.id, std::move(metrics), unix_time});
  }
  std::stop_token stop_token() const override { return stop_; }
  const StartRequest& request() const override { return request_; }
  bool reported() const { return num_reports_ > 0; }

 private:
  InProcessBackend& backend_;
  const StartRequest& request_;
  const std::stop_token stop_;
  const SteadyClock::time_point begin_ = SteadyClock::now();
  std::mutex mutex_;
  std::int64_t num_reports_ = 0;
};

InProcessBackend::InProcessBackend(InProcessOptions options)
    : options_(std::move(options)), bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (bell_ < 0) throw errno_error(errno, "can't make the means to wait for trials");
}

InProcessBackend::~InProcessBackend() {
  for (auto& [id, attempt] : attempts_) attempt.stop.request_stop();
  for (auto& [id, attempt] : attempts_) attempt.thread.join();
  ::close(bell_);
}

void InProcessBackend::start(const StartRequest& request) {
  const std::lock_guard lock(mutex_);
  const auto running = std::count_if(attempts_.begin(), attempts_.end(),
                                     [](const auto& a) { return !a.second.over; });
  if (running >= options_.capacity)
    throw Error(ErrorCode::Exhausted, "no room for trial " + std::to_string(request.id.trial) +
                                          ": " + std::to_string(running) +
                                          " attempts run, capacity is " +
                                          std::to_string(options_.capacity));
  if (attempts_.contains(request.id))
    throw Error(ErrorCode::InvalidArgument, "attempt " + std::to_string(request.id.attempt) +
                                                " of trial " + std::to_string(request.id.trial) +
                                                " runs already");
  Attempt& attempt = attempts_[request.id];
  attempt.request = request;
  if (request.time_limit) attempt.deadline = SteadyClock::now() + *request.time_limit;
  try {
    attempt.thread = std::thread([this, &attempt] { run(attempt); });
  } catch (const std::system_error& error) {
    attempts_.erase(request.id);
    throw errno_error(error.code().value(), "can't start a thread for a trial");
  }
}

void InProcessBackend::run(Attempt& attempt) {
  ThreadReporter reporter(*this, attempt);
  std::optional<std::string> exception;
  try {
    options_.function(attempt.request.configuration, reporter);
  } catch (const std::exception& error) {
    exception = error.what();
  } catch (...) {
    exception = "an exception of unknown type";
  }
  const std::lock_guard lock(mutex_);
  events_.emplace_back(AttemptFinished{attempt.request.id,
                                       outcome(attempt, std::move(exception), reporter.reported()),
                                       options_.clock->unix_time()});
  attempt.over = true;
  ring();
}

AttemptEnd InProcessBackend::outcome(const Attempt& attempt, std::optional<std::string> exception,
                                     bool reported) const {
  AttemptEnd end;
  if (attempt.timed_out) {
    end.outcome = Outcome::Failed;
    end.reason = time_limit_reason(*attempt.request.time_limit);
  } else if (attempt.ending) {
    end.outcome = *attempt.ending == EndAs::Paused ? Outcome::Paused : Outcome::Stopped;
  } else if (exception) {
    end.outcome = Outcome::Failed;
    end.reason = *exception;
  } else if (!reported) {
    end.outcome = Outcome::Failed;
    end.reason = kNoMetricReason;
  }
  return end;
}

void InProcessBackend::push(BackendEvent event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
  ring();
}

void InProcessBackend::ring() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(bell_, &one, sizeof one);
}

void InProcessBackend::wake() {
  woken_.store(true);
  ring();
}

void InProcessBackend::end(AttemptId id, EndAs as) {
  std::unique_lock lock(mutex_);
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || found->second.over || found->second.ending ||
      found->second.timed_out)
    return;
  found->second.ending = as;
  std::stop_source stop = found->second.stop;
  lock.unlock();
  // Runs the function's stop callbacks, which may report.
  stop.request_stop();
}

std::optional<SteadyClock::time_point> InProcessBackend::enforce_deadlines() {
  std::vector<std::stop_source> stops;
  std::unique_lock lock(mutex_);
  std::optional<SteadyClock::time_point> next;
  const SteadyClock::time_point now = SteadyClock::now();
  for (auto& [id, attempt] : attempts_) {
    if (!attempt.deadline || attempt.over || attempt.ending || attempt.timed_out) continue;
    if (now >= *attempt.deadline) {
      attempt.timed_out = true;
      stops.push_back(attempt.stop);
    } else if (!next || *attempt.deadline < *next) {
      next = attempt.deadline;
    }
  }
  lock.unlock();
  for (std::stop_source& stop : stops) stop.request_stop();
  return next;
}

std::vector<BackendEvent> InProcessBackend::take_events() {
  std::vector<std::thread> over;
  std::unique_lock lock(mutex_);
  std::vector<BackendEvent> events = std::exchange(events_, {});
  for (auto attempt = attempts_.begin(); attempt != attempts_.end();) {
    if (attempt->second.over) {
      over.push_back(std::move(attempt->second.thread));
      // The thread uses the attempt no more: it holds the lock when it says so.
      attempt = attempts_.erase(attempt);
    } else {
      ++attempt;
    }
  }
  lock.unlock();
  for (std::thread& thread : over) thread.join();
  return events;
}

std::vector<BackendEvent> InProcessBackend::wait(Duration timeout) {
  const SteadyClock::time_point begin = SteadyClock::now();
  for (;;) {
    const std::optional<SteadyClock::time_point> deadline = enforce_deadlines();
    std::uint64_t rung = 0;
    [[maybe_unused]] const ssize_t n = ::read(bell_, &rung, sizeof rung);
    std::vector<BackendEvent> events = take_events();
    const bool woken = woken_.exchange(false);
    Duration left = timeout - (SteadyClock::now() - begin);
    if (!events.empty() || woken || left <= Duration::zero()) return events;
    if (deadline)
      left = std::min<Duration>(
          left, std::max<Duration>(*deadline - SteadyClock::now(), Duration::zero()));
    const std::int64_t left_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    pollfd polled{bell_, POLLIN, 0};
    // Interrupted or not: what is there is looked at above.
    ::poll(&polled, 1, static_cast<int>(std::clamp<std::int64_t>(left_ms, 0, 3'600'000)));
  }
}

}  // namespace

std::unique_ptr<Backend> make_in_process_backend(InProcessOptions options) {
  if (!options.function) throw Error(ErrorCode::InvalidArgument, "function is empty");
  if (options.capacity < 1 || options.capacity > 1024)
    throw Error(ErrorCode::InvalidArgument,
                "capacity = " + std::to_string(options.capacity) + " must be in [1, 1024]");
  if (options.clock == nullptr) throw Error(ErrorCode::InvalidArgument, "clock is null");
  return std::make_unique<InProcessBackend>(std::move(options));
}

}  // namespace skipjack
