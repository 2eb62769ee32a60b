#include "skipjack/s3tune/rehearsal.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "skipjack/base/error.h"
#include "skipjack/s3tune/s3_scheduler.h"

namespace skipjack::s3tune {
namespace {

class Rehearsal {
 public:
  Rehearsal(Scheduler& scheduler, const RehearsalOptions& options)
      : scheduler_(scheduler), options_(options), end_(to_seconds(options.max_time)) {}

  History run() {
    emit(RunStarted{});
    std::string reason = "max_time";
    while (now_ < end_) {
      std::vector<Command> commands = scheduler_.decide(view());
      if (!obey(commands, reason)) break;
    }
    if (running_) finish(Outcome::Stopped);
    emit(RunEnded{0, reason});
    return std::move(history_);
  }

 private:
  struct Running {
    TrialId trial = 0;
    std::int64_t downloads_left = 0;
    double download_ends = 0, download_seconds = 0;
    std::vector<double> times;
    std::optional<double> deadline;
  };

  SchedulerView view() const {
    return {.history = history_,
            .now = from_seconds(now_),
            .free_workers = running_ ? 0 : 1,
            .remaining_fraction = 1 - now_ / end_,
            .remaining_time = from_seconds(end_ - now_)};
  }

  void emit(EventBody body) {
    const Event event{history_.num_events(), from_seconds(now_), now_, std::move(body)};
    history_.apply(event);
    scheduler_.apply(event, history_);
  }

  void finish(Outcome outcome) {
    const AttemptId id{running_->trial, 0};
    running_.reset();
    emit(AttemptEnded{id, {.outcome = outcome}});
  }

  void begin_download(double from) {
    running_->download_seconds =
        options_.download(history_.find(running_->trial)->configuration, from);
    SKIPJACK_CHECK(running_->download_seconds > 0);
    running_->download_ends = from + running_->download_seconds;
  }

  /// False once the tuning is over.
  bool obey(std::vector<Command>& commands, std::string& reason) {
    for (Command& command : commands) {
      if (auto* start = std::get_if<Start>(&command)) {
        if (start->fitted) emit(ModelFitted{*start->fitted});
        Running running{.trial = static_cast<TrialId>(history_.trials().size()),
                        .downloads_left = start->configuration.at(kRepeats).as_int()};
        if (start->deadline) running.deadline = to_seconds(*start->deadline);
        emit(as_event(*start, running.trial));
        running_ = std::move(running);
        begin_download(now_ + options_.overhead);
        return true;
      }
      if (const auto* stop = std::get_if<Stop>(&command)) {
        emit(StopOrdered{stop->trial, stop->reason, stop->bound});
        finish(Outcome::Stopped);
        return true;
      }
      if (const auto* set = std::get_if<SetDeadline>(&command)) {
        if (running_) running_->deadline = to_seconds(set->deadline);
        emit(DeadlineSet{set->trial, set->deadline});
        return true;
      }
      if (const auto* finished = std::get_if<Finished>(&command); finished && !running_) {
        reason = finished->reason;
        return false;
      }
    }
    if (!running_) throw Error(ErrorCode::Exhausted, "the scheduler waits for nothing");
    advance();
    return true;
  }

  /// To the next thing that happens to the running trial.
  void advance() {
    const bool deadline_first = running_->deadline && *running_->deadline < running_->download_ends;
    now_ = std::min(end_, deadline_first ? *running_->deadline : running_->download_ends);
    if (now_ >= end_) return;
    if (deadline_first) {
      running_->deadline.reset();
      emit(DeadlineReached{running_->trial});
      return;
    }
    running_->times.push_back(running_->download_seconds);
    double sum = 0;
    for (double seconds : running_->times) sum += seconds;
    Json metrics;
    metrics.set(kMeanDownloadTime, sum / static_cast<double>(running_->times.size()));
    metrics.set(kDownloadTime, running_->download_seconds);
    metrics.set(kBytes, options_.object_size);
    if (!options_.etag.empty()) metrics.set(kEtag, options_.etag);
    emit(Reported{{running_->trial, 0}, std::move(metrics)});
    if (--running_->downloads_left == 0) return finish(Outcome::Completed);
    begin_download(now_);
  }

  Scheduler& scheduler_;
  const RehearsalOptions& options_;
  const double end_;
  double now_ = 0;
  History history_;
  std::optional<Running> running_;
};

}  // namespace

History rehearse(Scheduler& scheduler, const RehearsalOptions& options) {
  return Rehearsal(scheduler, options).run();
}

}  // namespace skipjack::s3tune
