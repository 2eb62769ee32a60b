// Trials as calls of a C++ function on threads of this process: the shortest way from a function to
// its best arguments, and the backend for objectives that take microseconds. A thread can't be
// ended from outside: a function that runs long looks at its stop token.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "skipjack/backend/backend.h"
#include "skipjack/base/clock.h"

namespace skipjack {

/// What an attempt's function gets besides its configuration. Lives as long as the call; may be
/// used from any thread.
class Reporter {
 public:
  virtual ~Reporter() = default;
  /// metrics: an object. st_worker_timestamp, st_worker_time (seconds since the start) and
  /// st_worker_iter (0, 1, ...) are added. Throws InvalidArgument if it is no object or has a key
  /// that begins with "st_".
  virtual void report(Json metrics) = 0;
  /// Stop is requested when the attempt is to end: stopped, paused, or past its time limit.
  virtual std::stop_token stop_token() const = 0;
  /// The trial's number, max_resource and the trial whose checkpoint to start from; where
  /// checkpoints are is the function's business.
  virtual const StartRequest& request() const = 0;
};

using TrialFunction = std::function<void(const Configuration&, Reporter&)>;

struct InProcessOptions {
  /// Called on several threads at once if capacity > 1. Returning is success, an exception failure.
  TrialFunction function;
  /// Attempts that may run at the same time, a thread each. Range [1, 1024].
  int capacity = 1;
  /// Stamps events; must outlive the backend.
  const Clock* clock = &system_clock();
};

/// Throws InvalidArgument for options out of range. Destroying the backend requests all stops and
/// waits for the functions, however long they take. A function that returns without a report has
/// failed ("reported no metric"). Beyond Backend's contract: start() throws Exhausted when
/// capacity() attempts run, InvalidArgument for an attempt that runs already; time limits take
/// effect while the caller waits.
std::unique_ptr<Backend> make_in_process_backend(InProcessOptions options);

}  // namespace skipjack
