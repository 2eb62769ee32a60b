#include "skipjack/backend/slurm_backend.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "skipjack/backend/reasons.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"

namespace skipjack {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;
using Time = SteadyClock::time_point;

/// Each look at an attempt costs the file server two opens: so many attempts are looked at in a
/// second at most.
constexpr Duration kLeastForALook = std::chrono::milliseconds(1);
/// A clock that is further from ours than this is worth one.
constexpr double kClocksApart = 10;

}  // namespace

SlurmBackend::SlurmBackend(SlurmOptions options)
    : options_(std::move(options)),
      program_(program_of(options_)),
      prefix_(job_name_prefix(options_.experiment, options_.folder.string())),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_.get() < 0) throw errno_error(errno, "can't make the means to wait for trials");
  check_program(program_);
  const CallResult checked = call_slurm(check_command(options_.job), options_.command_limit);
  if (checked.succeeded()) return;
  const std::string why = complaint(checked.error_output);
  if (const auto error = configuration_error(checked.error_output)) throw Error(*error);
  if (!checked.exit_code || classify_refusal(checked.error_output) == Refusal::Passing)
    throw Error(ErrorCode::Network, "Slurm's controller can't be reached: " + why,
                "try 'scontrol ping'");
  if (classify_refusal(checked.error_output) == Refusal::Permanent &&
      !may_be_of_the_moment(checked.error_output))
    throw Error(ErrorCode::InvalidArgument, "Slurm would not take a trial's job: " + why,
                "'sinfo' shows the partitions and what their nodes have");
  log(options_.log, LogLevel::Warning, "Slurm would not start a trial's job now: " + why);
}

SlurmBackend::~SlurmBackend() {
  try {
    for (auto& [id, attempt] : attempts_)
      attempt.ordered = attempt.ordered.value_or(EndAs::Stopped);
    drop_unsubmitted();
    const Time until = SteadyClock::now() + options_.grace_period + 2 * kAfterGrace;
    while (!attempts_.empty() && SteadyClock::now() < until) {
      advance();
      events_.clear();
      if (!attempts_.empty()) sleep_until(std::min(until, next_due()));
    }
    if (attempts_.empty()) return;
    std::string names;
    for (const auto& [id, attempt] : attempts_)
      names += (names.empty() ? "" : ", ") + job_name(prefix_, id);
    log(options_.log, LogLevel::Warning,
        "jobs that may still run, to be cancelled by hand: " + names);
  } catch (const std::exception& error) {
    log(options_.log, LogLevel::Warning, std::string("while ending the trials: ") + error.what());
  }
}

void SlurmBackend::start(const StartRequest& request) {
  check_program(program_);
  const std::string trial = "trial " + std::to_string(request.id.trial);
  if (attempts_.contains(request.id))
    throw Error(ErrorCode::InvalidArgument,
                "attempt " + std::to_string(request.id.attempt) + " of " + trial + " runs already");
  if (attempts_.size() >= static_cast<std::size_t>(options_.capacity))
    throw Error(ErrorCode::Exhausted,
                "no room for " + trial + ": capacity is " + std::to_string(options_.capacity));
  const fs::path folder = trial_folder(request.id.trial);
  std::error_code error;
  if (fs::create_directories(folder, error); error)
    throw errno_error(error.value(), "can't make the folder " + folder.string());
  if (request.checkpoint_from)
    checkpoints_.copy(options_.folder, *request.checkpoint_from, request.id.trial);
  const AttemptFiles files = files_of(request.id);
  write_files(request, files);
  attempts_.emplace(request.id, SlurmAttempt{.id = request.id,
                                             .output = AttemptOutput(files, SteadyClock::now()),
                                             .time_limit = request.time_limit});
}

void SlurmBackend::write_files(const StartRequest& request, const AttemptFiles& files) const {
  JobScript script;
  script.command = prepare_command(program_, request, trial_folder(request.id.trial));
  if (runs_under_interpreter(program_)) script.environment.emplace_back("PYTHONUNBUFFERED", "1");
  script.environment.insert(script.environment.end(), options_.environment.begin(),
                            options_.environment.end());
  script.environment.emplace_back(kMarkVariable, trial_folder(request.id.trial).string() + "#" +
                                                     std::to_string(request.id.attempt));
  script.working_directory = options_.working_directory->string();
  script.grace = options_.grace_period;
  script.time_limit = request.time_limit;
  // All there before the job is, so that no host remembers that they were not.
  for (const fs::path& path : {files.state, files.output, files.error})
    write_file_atomically(path, "");
  write_file_atomically(files.script, script_text(script, files));
  // It may hold what environment variables hold.
  std::error_code ignored;
  fs::permissions(files.script, fs::perms::owner_all, ignored);
}

void SlurmBackend::end(AttemptId id, EndAs as) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || found->second.ordered) return;
  found->second.ordered = as;
  // One that is being submitted at this moment has to be known first.
  drop_unsubmitted();
}

void SlurmBackend::drop_unsubmitted() {
  std::vector<AttemptId> dropped;
  for (const auto& [id, attempt] : attempts_) {
    // One that is being submitted at this moment has to be known first.
    const bool is_in_call = call_ && call_->kind == SlurmCallKind::Submit && call_->id == id;
    if (attempt.ordered && attempt.stage == SlurmStage::Queued && !is_in_call)
      dropped.push_back(id);
  }
  for (const AttemptId id : dropped) finish(attempts_.at(id));
}

int SlurmBackend::num_queued() const {
  return static_cast<int>(std::count_if(attempts_.begin(), attempts_.end(), [](const auto& item) {
    const Attempt& attempt = item.second;
    const bool may_wait = !attempt.row || fate_of(attempt.row->state) == JobFate::Waiting;
    return may_wait && !attempt.began && !attempt.forgotten;
  }));
}

void SlurmBackend::wake() {
  const std::uint64_t one = 1;
  // It can only fail if so many wakes are pending that one more changes nothing.
  [[maybe_unused]] const ssize_t n = ::write(wake_.get(), &one, sizeof one);
}

std::vector<BackendEvent> SlurmBackend::wait(Duration timeout) {
  constexpr Duration kLongest = std::chrono::hours(24);
  const Time until = SteadyClock::now() + std::min(timeout, kLongest);
  for (;;) {
    const bool woken = advance();
    if (woken || !events_.empty() || SteadyClock::now() >= until) break;
    sleep_until(std::min(until, next_due()));
  }
  return std::exchange(events_, {});
}

bool SlurmBackend::advance() {
  if (call_) {
    if (std::optional<CallResult> result = call_->call.advance()) {
      const RunningCall running = *std::exchange(call_, std::nullopt);
      take_result(running, *result);
    }
  }
  look_at_files();
  if (!call_) start_next_call();
  std::uint64_t count = 0;
  return ::read(wake_.get(), &count, sizeof count) == sizeof count;
}

void SlurmBackend::sleep_until(Time until) const {
  std::vector<pollfd> polled;
  if (call_) polled = call_->call.polled();
  polled.push_back({wake_.get(), POLLIN, 0});
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(until - SteadyClock::now()).count();
  ::poll(polled.data(), polled.size(),
         static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)));
}

SteadyClock::time_point SlurmBackend::next_due() const {
  Time due = Time::max();
  bool has_queued = false, has_order = false;
  for (const auto& [id, attempt] : attempts_) {
    if (attempt.stage == SlurmStage::Submitted) due = std::min(due, attempt.output.next_look());
    if (attempt.over_since) due = std::min(due, *attempt.over_since + options_.late_output);
    if (attempt.order_again) due = std::min(due, std::max(next_call_, *attempt.order_again));
    has_queued = has_queued || attempt.stage == SlurmStage::Queued;
    has_order = has_order || (attempt.stage == SlurmStage::Submitted && !attempt.order_again &&
                              (attempt.ordered || attempt.requeued));
  }
  if (call_) return std::min(due, call_->call.limit());
  if (has_order) due = std::min(due, next_call_);
  if (has_queued) due = std::min(due, std::max(next_call_, next_submission_));
  if (!attempts_.empty()) due = std::min(due, std::max(next_call_, query_due()));
  return due;
}

void SlurmBackend::look_at_files() {
  const Time now = SteadyClock::now();
  const Duration shortest =
      std::max(options_.shortest_look, kLeastForALook * static_cast<int>(attempts_.size()));
  const LookInterval interval{shortest, std::max(shortest, options_.longest_look)};
  for (auto at = attempts_.begin(); at != attempts_.end();) {
    Attempt& attempt = at->second;
    ++at;  // judge() may remove it
    if (attempt.stage != SlurmStage::Submitted) continue;
    if (attempt.output.next_look() <= now) {
      for (Json& metrics : attempt.output.look(now, interval)) {
        attempt.reported = true;
        events_.emplace_back(
            AttemptReport{attempt.id, std::move(metrics), options_.clock->unix_time()});
      }
      if (attempt.output.state().began && !attempt.began) note_begin(attempt);
    }
    judge(attempt);
  }
}

void SlurmBackend::note_begin(Attempt& attempt) {
  attempt.began = SteadyClock::now();
  is_shared_ = true;
  const ScriptState& state = attempt.output.state();
  const double apart = state.began_unix_time - options_.clock->unix_time();
  // Behind ours it may be since we look late.
  if (apart > kClocksApart && told_.insert("clock of " + state.node).second)
    log(options_.log, LogLevel::Warning,
        "the clock of node " + state.node + " is " + seconds_text(from_seconds(apart)) +
            " ahead of this host's; times in the journal are this host's");
}

bool SlurmBackend::judge(Attempt& attempt) {
  const ScriptState& state = attempt.output.state();
  const bool gone =
      attempt.forgotten || (attempt.row && fate_of(attempt.row->state) != JobFate::Waiting &&
                            fate_of(attempt.row->state) != JobFate::Alive);
  // Why Slurm sent its TERM is Slurm's to say.
  const bool is_explained =
      state.end && (state.end->cause != ScriptCause::Signalled || attempt.ordered || gone);
  if (is_explained && attempt.output.is_complete()) {
    finish(attempt);
    return true;
  }
  if (!is_explained && !gone) {
    attempt.over_since.reset();
    return false;
  }
  const Time now = SteadyClock::now();
  if (!attempt.over_since) attempt.over_since = now;
  if (now - *attempt.over_since < options_.late_output) return false;
  // Whatever Slurm still does with a job of it, it will not run any more; unless some node was
  // faster, and its words are on their way.
  if (!attempt.began && !attempt.closed) {
    attempt.closed = true;
    if (::mkdir(attempt.output.files().run.c_str(), 0777) != 0 && errno == EEXIST) {
      attempt.over_since = now;
      return false;
    }
  }
  const SlurmEvidence evidence = evidence_of(attempt);
  if (shows_unshared_folder(evidence) && !is_shared_) {
    const JobRow row = *evidence.row;
    attempts_.erase(attempt.id);
    throw Error(ErrorCode::NotFound,
                "job " + std::to_string(row.job) + " ran on node " + row.node +
                    " and left nothing in " + options_.folder.string() +
                    ": the node does not see that folder, or may not write to it",
                "keep experiments (--experiments-dir, in Python root) on a file system that the "
                "nodes share with this host under the same path");
  }
  finish(attempt);
  return true;
}

SlurmEvidence SlurmBackend::evidence_of(const Attempt& attempt) const {
  return {.state = attempt.output.state(),
          .row = attempt.row,
          .requeued = attempt.requeued,
          .ordered = attempt.ordered,
          .reported = attempt.reported,
          .time_limit = attempt.time_limit,
          .silent_trials = options_.silent_trials};
}

void SlurmBackend::finish(Attempt& attempt) {
  AttemptEnd end = verdict_of(evidence_of(attempt));
  const AttemptFiles& files = attempt.output.files();
  const auto add = [&](const std::string& text) {
    end.reason += (end.reason.empty() ? "" : "; ") + text;
  };
  if (end.outcome == Outcome::Lost && ++losses_[attempt.id.trial] > options_.max_reruns) {
    end.outcome = Outcome::Failed;
    add("lost its job " + std::to_string(losses_[attempt.id.trial]) + " times");
  } else if (end.outcome == Outcome::Lost &&
             told_.insert("lost " + (attempt.row ? attempt.row->state : std::string())).second) {
    log(options_.log, LogLevel::Warning,
        "trial " + std::to_string(attempt.id.trial) + " runs again: " + end.reason);
  }
  if (const auto n = attempt.output.num_malformed(); n > 0)
    add(count_of(n, "report") + " could not be read");
  if (attempt.output.state().end && !attempt.output.is_complete())
    add("its output did not arrive whole: " + files.output.string());
  if (shows_unshared_folder(evidence_of(attempt)))
    add("node " + attempt.row->node + " may not see " + options_.folder.string());
  if (end.outcome != Outcome::Completed) end.error_tail = last_lines(files.error);
  const AttemptId id = attempt.id;
  events_.emplace_back(AttemptFinished{id, std::move(end), options_.clock->unix_time()});
  attempts_.erase(id);
}

}  // namespace skipjack
