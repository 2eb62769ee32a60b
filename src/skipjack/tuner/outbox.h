// Events on their way to the sink: those of a turn go in one append, and what was not appended did
// not happen. Private to tuner.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "skipjack/backend/backend.h"
#include "skipjack/base/clock.h"
#include "skipjack/base/log.h"
#include "skipjack/trial/event.h"

namespace skipjack {

class Outbox {
 public:
  /// Both must outlive it.
  Outbox(EventSink& sink, Backend& backend) : sink_(sink), backend_(backend) {}

  /// To be called first. past: what the sink has.
  void go_on_after(const std::vector<Event>& past);
  /// Numbers the event. The reference holds until the next call.
  const Event& add(EventBody body, Duration time, double unix_time);
  bool empty() const { return waiting_.empty(); }
  /// Of the last event that the sink has.
  Duration last_committed() const { return last_committed_; }

  /// Throws what the sink does. Where that says that another tuner writes there now, the backend
  /// lets go of what runs: it is that one's.
  void commit();
  /// Tells the sink how far time has come, once it has heard nothing for its interval. Throws as
  /// commit() does, with the backend letting go: a sink that nothing was written to for long may
  /// find only now that another tuner has taken its place.
  void show_life(Duration at);
  /// When that is due.
  std::optional<Duration> next_life() const;
  /// After an exception, in place of what waits. end_of_run: all of the event but its number. Sink
  /// or clock may be what failed, and then the journal just ends here.
  void write_failure(const std::function<Event()>& end_of_run, const LogSink& log_sink) noexcept;

 private:
  template <class Call>
  void tell_sink(Call call);

  EventSink& sink_;
  Backend& backend_;
  std::vector<Event> waiting_;
  std::int64_t num_committed_ = 0;
  Duration last_committed_{0};
  /// When the sink last heard of this run.
  Duration last_heard_{0};
};

}  // namespace skipjack
