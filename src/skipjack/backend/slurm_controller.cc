// What is asked of Slurm's controller, one command at a time: ends first, then submissions, then
// one question for all jobs.
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "skipjack/backend/reasons.h"
#include "skipjack/backend/slurm_backend.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"

namespace skipjack {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// Before a job that waits is worth a word.
constexpr Duration kLongWait = std::chrono::minutes(1);
/// So that a command line stays far below the system's limit.
constexpr std::size_t kMostJobsACommand = 1000;
/// A controller in trouble is asked again after the first, then after twice as long each time.
constexpr Duration kFirstTrouble = std::chrono::seconds(1),
                   kLongestTrouble = std::chrono::seconds(30);
/// How long resuming waits for Slurm: its controller may be starting again.
constexpr Duration kResumePatience = std::chrono::minutes(2);

bool may_run(const JobRow& row) {
  const JobFate fate = fate_of(row.state);
  return fate == JobFate::Waiting || fate == JobFate::Alive;
}

}  // namespace

bool SlurmBackend::is_expecting() const {
  return std::any_of(attempts_.begin(), attempts_.end(), [](const auto& item) {
    const Attempt& attempt = item.second;
    const auto& end = attempt.output.state().end;
    return attempt.stage == SlurmStage::Unsure || attempt.over_since ||
           (attempt.stage == SlurmStage::Submitted &&
            (attempt.ordered || attempt.requeued || (!attempt.row && !attempt.forgotten))) ||
           (end && end->cause == ScriptCause::Signalled);
  });
}

SlurmBackend::Time SlurmBackend::query_due() const {
  return last_query_ + (is_expecting() ? options_.shortest_query : query_pause_);
}

void SlurmBackend::start_call(CallKind kind, const std::vector<std::string>& command,
                              AttemptId id) {
  const Time now = SteadyClock::now();
  call_.emplace(RunningCall{kind, SlurmCall(command, options_.command_limit), id, now});
}

void SlurmBackend::start_next_call() {
  const Time now = SteadyClock::now();
  if (now < next_call_ || attempts_.empty()) return;
  if (start_end_call()) return;
  if (now >= next_submission_) {
    for (const auto& [id, attempt] : attempts_) {
      if (attempt.stage != SlurmStage::Queued) continue;
      const std::string comment =
          "trial " + std::to_string(id.trial) + " in " + trial_folder(id.trial).string();
      return start_call(CallKind::Submit,
                        submit_command(options_.job, job_name(prefix_, id), comment,
                                       attempt.output.files().script.string()),
                        id);
    }
  }
  if (now >= query_due()) start_call(CallKind::Query, query_command());
}

bool SlurmBackend::start_end_call() {
  const Time now = SteadyClock::now();
  std::vector<std::string> scripts = {"scancel", "--batch", std::string("--signal=") + kEndSignal};
  std::vector<std::string> jobs = {"scancel"};
  const std::size_t num_options = scripts.size();
  for (auto& [id, attempt] : attempts_) {
    const bool due = (attempt.ordered || attempt.requeued) &&
                     attempt.stage == SlurmStage::Submitted &&
                     (!attempt.order_again || now >= *attempt.order_again);
    if (!due || scripts.size() + jobs.size() > kMostJobsACommand) continue;
    const bool by_script = !attempt.order_again && attempt.began && !attempt.requeued;
    // Only one of the two commands runs now.
    if (!by_script && scripts.size() > num_options) continue;
    (by_script ? scripts : jobs).push_back(std::to_string(attempt.job));
    attempt.order_again = now + options_.grace_period + kAfterGrace;
  }
  if (scripts.size() > num_options)
    start_call(CallKind::EndScripts, scripts);
  else if (jobs.size() > 1)
    start_call(CallKind::Cancel, jobs);
  return call_.has_value();
}

void SlurmBackend::on_trouble(const std::string& what, const std::string& why) {
  if (trouble_pause_ == Duration::zero())
    log(options_.log, LogLevel::Warning, what + ": " + why + "; trying again");
  trouble_pause_ = std::clamp(2 * trouble_pause_, kFirstTrouble, kLongestTrouble);
  next_call_ = SteadyClock::now() + trouble_pause_;
}

void SlurmBackend::take_result(const RunningCall& running, const CallResult& result) {
  const std::string why = result.exit_code ? complaint(result.error_output)
                                           : "no answer in " + seconds_text(options_.command_limit);
  if (running.kind == CallKind::Submit) return take_submission(running.id, result);
  if (running.kind == CallKind::Query) {
    if (!result.succeeded()) return on_trouble("Slurm doesn't answer", why);
    if (trouble_pause_ != Duration::zero())
      log(options_.log, LogLevel::Note, "Slurm answers again");
    trouble_pause_ = Duration::zero();
    return take_rows(parse_rows(result.output), running.began);
  }
  // A job that has just ended can't be signalled, and need not be.
  const bool unheard =
      !result.exit_code ||
      (!result.succeeded() && classify_refusal(result.error_output) == Refusal::Passing);
  if (!unheard) return;
  for (auto& [id, attempt] : attempts_) attempt.order_again.reset();
  on_trouble("Slurm can't be told to end jobs", why);
}

void SlurmBackend::take_submission(AttemptId id, const CallResult& result) {
  const auto found = attempts_.find(id);
  SKIPJACK_CHECK(found != attempts_.end());
  Attempt& attempt = found->second;
  const std::optional<std::int64_t> job = parse_job_number(result.output);
  if (result.succeeded() && job) {
    attempt.stage = SlurmStage::Submitted;
    attempt.job = *job;
    attempt.submitted = SteadyClock::now();
    attempt.output.look_at_once();
    // Not before it may have begun.
    last_query_ = std::max(last_query_, attempt.submitted - options_.shortest_query / 2);
    trouble_pause_ = Duration::zero();
    return;
  }
  const std::string why = complaint(result.error_output);
  const std::string what = "trial " + std::to_string(id.trial) + " can't be submitted to Slurm";
  const Refusal refusal = classify_refusal(result.error_output);
  if (!result.exit_code || result.succeeded() || refusal == Refusal::Passing) {
    attempt.stage = SlurmStage::Unsure;
    last_query_ = {};
    on_trouble(what, why.empty() ? "no answer" : why);
  } else if (refusal == Refusal::Limit) {
    next_submission_ = SteadyClock::now() + options_.longest_query;
    if (told_.insert(why).second)
      log(options_.log, LogLevel::Warning, what + " for now: " + why + "; trying again");
    drop_unsubmitted();
  } else {
    attempts_.erase(found);
    throw Error(ErrorCode::InvalidArgument, what + ": " + why,
                "'sinfo' shows the partitions and what their nodes have");
  }
}

void SlurmBackend::take_rows(const std::vector<JobRow>& rows, Time asked) {
  last_query_ = SteadyClock::now();
  const std::map<AttemptId, JobRow> own = own_rows(rows);
  for (auto& [id, attempt] : attempts_) {
    const auto row = own.find(id);
    if (row != own.end()) {
      take_row(attempt, row->second, asked);
    } else if (attempt.stage == SlurmStage::Unsure) {
      attempt.stage = SlurmStage::Queued;
    } else if (attempt.stage == SlurmStage::Submitted && attempt.submitted < asked) {
      attempt.forgotten = true;
      attempt.output.look_at_once();
    }
  }
  drop_unsubmitted();
  query_pause_ =
      std::clamp(query_pause_ + query_pause_ / 2, options_.shortest_query, options_.longest_query);
}

void SlurmBackend::take_row(Attempt& attempt, const JobRow& row, Time asked) {
  if (attempt.stage != SlurmStage::Submitted) attempt.submitted = SteadyClock::now();
  attempt.stage = SlurmStage::Submitted;
  attempt.job = row.job;
  attempt.row = row;
  attempt.forgotten = false;
  if (!may_run(row)) attempt.output.look_at_once();
  const bool is_waiting = fate_of(row.state) == JobFate::Waiting;
  if (is_waiting && attempt.began && *attempt.began < asked) attempt.requeued = true;
  const bool waits =
      is_waiting && !row.reason.empty() && SteadyClock::now() - attempt.submitted > kLongWait;
  if (waits && told_.insert("waits for " + row.reason).second)
    log(options_.log, LogLevel::Warning,
        "job " + std::to_string(row.job) + " of trial " + std::to_string(attempt.id.trial) +
            " still waits in Slurm's queue: " + row.reason);
}

std::map<AttemptId, JobRow> SlurmBackend::own_rows(const std::vector<JobRow>& rows) const {
  std::map<AttemptId, JobRow> own;
  for (const JobRow& row : rows) {
    const std::optional<AttemptId> id = attempt_of_name(prefix_, row.name);
    if (!id) continue;
    const auto [at, is_new] = own.emplace(*id, row);
    if (is_new) continue;
    const bool better =
        may_run(row) != may_run(at->second) ? may_run(row) : row.job > at->second.job;
    if (better) at->second = row;
  }
  return own;
}

std::map<AttemptId, JobRow> SlurmBackend::query_now() const {
  const Time until = SteadyClock::now() + kResumePatience;
  for (Duration pause = kFirstTrouble;; pause = std::min(2 * pause, kLongestTrouble)) {
    const CallResult result = call_slurm(query_command(), options_.command_limit);
    if (result.succeeded()) return own_rows(parse_rows(result.output));
    if (SteadyClock::now() > until)
      throw Error(ErrorCode::Timeout, "Slurm doesn't answer: " + complaint(result.error_output),
                  "resume when 'squeue' does");
    sleep_until(SteadyClock::now() + pause);
  }
}

void SlurmBackend::remove_strangers(const std::set<AttemptId>& known) {
  const Time until = SteadyClock::now() + kResumePatience;
  for (Duration pause = std::chrono::milliseconds(200);;
       pause = std::min(2 * pause, kFirstTrouble)) {
    std::vector<std::string> cancel = {"scancel"};
    for (const auto& [id, row] : query_now())
      if (!known.contains(id) && may_run(row) && cancel.size() < kMostJobsACommand)
        cancel.push_back(std::to_string(row.job));
    if (cancel.size() == 1) return;
    if (SteadyClock::now() > until)
      throw Error(ErrorCode::Timeout,
                  "job " + cancel.back() + " of an earlier run of this experiment can't be ended",
                  "cancel it by hand and try again");
    call_slurm(cancel, options_.command_limit);
    sleep_until(SteadyClock::now() + pause);
  }
}

std::optional<SlurmAttempt> SlurmBackend::adopt(AttemptId id,
                                                const std::map<AttemptId, JobRow>& rows) const {
  const AttemptFiles files = files_of(id);
  std::error_code ignored;
  const bool has_files = std::filesystem::exists(files.state, ignored);
  const auto row = rows.find(id);
  const bool alive = row != rows.end() && may_run(row->second);
  const bool began = has_files && parse_state(read_file(files.state)).began;
  if (!has_files || (!alive && !began)) {
    // No job of it will run it from now on: one may be on its way to Slurm at this moment.
    std::filesystem::create_directories(files.run, ignored);
    return std::nullopt;
  }
  Attempt attempt{.id = id,
                  .stage = SlurmStage::Submitted,
                  .output = AttemptOutput(files, SteadyClock::now()),
                  .forgotten = row == rows.end(),
                  .submitted = SteadyClock::now()};
  if (row != rows.end()) {
    attempt.row = row->second;
    attempt.job = row->second.job;
  }
  return attempt;
}

std::vector<AttemptId> SlurmBackend::reconcile(const std::vector<AttemptId>& attempts) {
  remove_strangers({attempts.begin(), attempts.end()});
  const std::map<AttemptId, JobRow> rows = query_now();
  std::vector<AttemptId> adopted;
  for (const AttemptId id : attempts) {
    std::optional<Attempt> attempt = adopt(id, rows);
    if (!attempt) continue;
    attempts_.emplace(id, *std::move(attempt));
    adopted.push_back(id);
  }
  // A job whose attempt was given up just now is in its way no longer, but need not wait its turn.
  remove_strangers({adopted.begin(), adopted.end()});
  return adopted;
}

}  // namespace skipjack
