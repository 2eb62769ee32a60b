#include "skipjack/tuner/outbox.h"

#include <string>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack {

void Outbox::go_on_after(const std::vector<Event>& past) {
  num_committed_ = static_cast<std::int64_t>(past.size());
  if (!past.empty()) last_committed_ = past.back().time;
}

const Event& Outbox::add(EventBody body, Duration time, double unix_time) {
  waiting_.push_back(Event{.number = num_committed_ + static_cast<std::int64_t>(waiting_.size()),
                           .time = time,
                           .unix_time = unix_time,
                           .body = std::move(body)});
  return waiting_.back();
}

template <class Call>
void Outbox::tell_sink(Call call) {
  try {
    call();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::AlreadyExists) backend_.let_go();
    throw;
  }
}

void Outbox::commit() {
  if (waiting_.empty()) return;
  tell_sink([&] { sink_.append(waiting_); });
  num_committed_ += static_cast<std::int64_t>(waiting_.size());
  last_committed_ = last_heard_ = waiting_.back().time;
  waiting_.clear();
}

void Outbox::show_life(Duration at) {
  const std::optional<Duration> due = next_life();
  if (!due || at < *due) return;
  tell_sink([&] { sink_.alive(at); });
  last_heard_ = at;
}

std::optional<Duration> Outbox::next_life() const {
  const std::optional<Duration> interval = sink_.alive_interval();
  return interval ? std::optional(last_heard_ + *interval) : std::nullopt;
}

void Outbox::write_failure(const std::function<Event()>& end_of_run,
                           const LogSink& log_sink) noexcept {
  try {
    try {
      Event event = end_of_run();
      event.number = num_committed_;
      sink_.append({std::move(event)});
    } catch (const std::exception& e) {
      log(log_sink, LogLevel::Warning,
          std::string("the end of the run could not be recorded: ") + e.what());
    }
  } catch (...) {  // must not hide the error being reported
  }
}

}  // namespace skipjack
