// The backend of slurm.h as a class: its attempts and their files in slurm_backend.cc, its calls to
// the controller in slurm_controller.cc. One thread: wait() looks at files that are due, has at
// most one command of Slurm's running, and sleeps until the next of all that. What a command or a
// look brings is taken in by judge(), which alone ends attempts. Private to slurm.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "skipjack/backend/slurm.h"
#include "skipjack/backend/slurm_call.h"
#include "skipjack/backend/slurm_command.h"
#include "skipjack/backend/slurm_output.h"
#include "skipjack/backend/slurm_verdict.h"
#include "skipjack/backend/trial_program.h"

namespace skipjack {

/// Beyond the grace period, for a script to have ended its program and said so.
inline constexpr Duration kAfterGrace = std::chrono::seconds(10);

enum class SlurmStage {
  Queued,     ///< to be submitted
  Unsure,     ///< a submission went wrong in a way that may have made a job
  Submitted,  ///< job is known
};

struct SlurmAttempt {
  using Time = std::chrono::steady_clock::time_point;
  AttemptId id;
  SlurmStage stage = SlurmStage::Queued;
  AttemptOutput output;
  std::int64_t job = 0;
  std::optional<JobRow> row = {};
  /// Slurm said nothing of it when last asked.
  bool forgotten = false;
  std::optional<Duration> time_limit = {};
  std::optional<EndAs> ordered = {};
  /// When an end that was ordered is ordered again, the hard way; unset: not ordered yet.
  std::optional<Time> order_again = {};
  /// Since when only late output is waited for.
  std::optional<Time> over_since = {};
  Time submitted{};
  /// When it was seen to have begun.
  std::optional<Time> began = {};
  /// Slurm wants to run the job once more, which an attempt does not: it is cancelled.
  bool requeued = false;
  bool reported = false;
  /// It was seen to that no job will begin it.
  bool closed = false;
};

enum class SlurmCallKind { Submit, Query, EndScripts, Cancel };
struct RunningSlurmCall {
  using Time = std::chrono::steady_clock::time_point;
  SlurmCallKind kind;
  SlurmCall call;
  /// Of a submission.
  AttemptId id;
  Time began;
};

class SlurmBackend final : public Backend {
 public:
  explicit SlurmBackend(SlurmOptions options);
  ~SlurmBackend() override;

  void start(const StartRequest& request) override;
  void end(AttemptId id, EndAs as) override;
  std::vector<BackendEvent> wait(Duration timeout) override;
  void wake() override;
  int capacity() const override { return options_.capacity; }
  int num_queued() const override;
  std::vector<AttemptId> reconcile(const std::vector<AttemptId>& attempts) override;
  void delete_checkpoint(TrialId trial) override { remove_checkpoint(trial_folder(trial)); }
  void let_go() override { attempts_.clear(); }

 private:
  using Time = std::chrono::steady_clock::time_point;
  using Attempt = SlurmAttempt;
  using CallKind = SlurmCallKind;
  using RunningCall = RunningSlurmCall;

  std::filesystem::path trial_folder(TrialId trial) const {
    return options_.folder / std::to_string(trial);
  }
  AttemptFiles files_of(AttemptId id) const { return {trial_folder(id.trial), id.attempt}; }
  void write_files(const StartRequest& request, const AttemptFiles& files) const;

  /// Does what is due. True if woken.
  bool advance();
  void sleep_until(Time until) const;
  Time next_due() const;

  void look_at_files();
  void note_begin(Attempt& attempt);
  /// Ends an attempt about which enough is known.
  bool judge(Attempt& attempt);
  SlurmEvidence evidence_of(const Attempt& attempt) const;
  void finish(Attempt& attempt);
  /// Ends attempts that were ordered to end and have no job.
  void drop_unsubmitted();

  void start_next_call();
  void start_call(CallKind kind, const std::vector<std::string>& command, AttemptId id = {});
  bool start_end_call();
  void take_result(const RunningCall& running, const CallResult& result);
  void take_submission(AttemptId id, const CallResult& result);
  void take_rows(const std::vector<JobRow>& rows, Time asked);
  void take_row(Attempt& attempt, const JobRow& row, Time asked);
  /// A command failed for a reason that may pass.
  void on_trouble(const std::string& what, const std::string& why);
  bool is_expecting() const;
  Time query_due() const;

  /// Those of rows that are this experiment's; the better where an attempt has several.
  std::map<AttemptId, JobRow> own_rows(const std::vector<JobRow>& rows) const;
  /// Asks until Slurm answers. Throws Timeout.
  std::map<AttemptId, JobRow> query_now() const;
  /// Cancels jobs of this experiment that are none of the attempts known, and waits for their end.
  void remove_strangers(const std::set<AttemptId>& known);
  std::optional<Attempt> adopt(AttemptId id, const std::map<AttemptId, JobRow>& rows) const;

  const SlurmOptions options_;
  const TrialProgram program_;
  const std::string prefix_;
  Descriptor wake_;
  std::map<AttemptId, Attempt> attempts_;
  std::optional<RunningCall> call_;
  std::vector<BackendEvent> events_;
  CheckpointCopies checkpoints_{options_.log};
  std::map<TrialId, int> losses_;
  /// Something was seen to write to the folder from a node.
  bool is_shared_ = false;
  Duration query_pause_{0}, trouble_pause_{0};
  Time last_query_{}, next_submission_{}, next_call_{};
  std::set<std::string> told_;
};

}  // namespace skipjack
