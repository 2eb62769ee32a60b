// What is said to Slurm and what it says, without one: texts recorded from Slurm 22.05, and the
// jobs' script, which is plain bash, run by hand.
#include <sys/stat.h>

#include "backend/local_process_fixture.h"
#include "skipjack/backend/slurm_command.h"
#include "skipjack/backend/slurm_output.h"
#include "skipjack/backend/slurm_script.h"
#include "skipjack/backend/slurm_submit.h"
#include "skipjack/backend/slurm_verdict.h"

namespace skipjack {
namespace {

using ::testing::Test;

TEST(SlurmCommand, NamesTellTheAttemptOfThisExperimentOnly) {
  const std::string prefix = job_name_prefix("lr search", "/data/a");
  EXPECT_TRUE(prefix.starts_with("skipjack-lr-search-"));
  EXPECT_NE(prefix, job_name_prefix("lr search", "/data/b"));
  const AttemptId id{17, 3};
  EXPECT_EQ(attempt_of_name(prefix, job_name(prefix, id)), id);
  for (const char* other : {"", "-", "-1", "-1-", "-1-x", "-1-2-3", "--1-2", "-1--2", "x-1-2",
                            "-99999999999999999999-0", "-1-9999999999"})
    EXPECT_FALSE(attempt_of_name(prefix, prefix + other)) << other;
  EXPECT_FALSE(attempt_of_name(prefix, "wrap"));
}

TEST(SlurmCommand, ConfigurationNamesTheCluster) {
  const std::string_view config =
      "Configuration data as of 2026-11-28T04:00:00\n"
      "BurstBufferType         = (null)\n"
      "ClusterName             = big\n"
      "CommunicationParameters = (null)\n";
  EXPECT_EQ(config_value(config, "ClusterName"), "big");
  EXPECT_EQ(config_value(config, "Cluster"), std::nullopt);
  EXPECT_EQ(config_value("", "ClusterName"), std::nullopt);
}

/// Programs of Slurm's names, in front of PATH, that say what Slurm 22.05 says.
class SlurmPrograms : public Test {
 protected:
  SlurmPrograms() : path_(std::getenv("PATH")) {
    ::setenv("PATH", (folder_.path().string() + ":" + path_).c_str(), 1);
  }
  ~SlurmPrograms() override { ::setenv("PATH", path_.c_str(), 1); }
  void say(const std::string& private_data, const std::string& squeue) {
    folder_.write_script("scontrol",
                         "#!/bin/sh\necho 'ClusterName             = big'\n"
                         "echo 'PrivateData             = " +
                             private_data + "'");
    folder_.write_script("squeue", "#!/bin/sh\n" + squeue);
  }
  TemporaryFolder folder_;
  std::string path_;
};

TEST_F(SlurmPrograms, JobThatSlurmHidesMayRun) {
  constexpr const char* kUnknown =
      "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1";
  const SlurmJobName own{.cluster = "big", .number = 17, .user = ::geteuid()};
  const SlurmJobName others{.cluster = "big", .number = 17, .user = ::geteuid() + 1};
  const SlurmJobName anybodys{.cluster = "big", .number = 17};
  say("none", kUnknown);
  EXPECT_TRUE(is_job_over(own));
  EXPECT_TRUE(is_job_over(others));
  for (const char* silence : {kUnknown, "true"})
    for (const char* hidden : {"jobs", "accounts,jobs,usage"}) {
      say(hidden, silence);
      EXPECT_TRUE(is_job_over(own)) << hidden;
      EXPECT_FALSE(is_job_over(others)) << hidden;
      EXPECT_FALSE(is_job_over(anybodys)) << hidden;
    }
  say("jobs", "echo COMPLETED");
  EXPECT_TRUE(is_job_over(others));
  say("none", "echo COMPLETING");
  EXPECT_FALSE(is_job_over(own));
  say("none", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1");
  EXPECT_FALSE(is_job_over(own));
}

TEST(SlurmCommand, AsksForWhatWasAskedFor) {
  const SlurmJob job{.partition = "gpu",
                     .account = "lab",
                     .constraint = "p5&efa",
                     .cpus = 8,
                     .memory_bytes = (std::int64_t{3} << 30) + 1,
                     .gpus = 2,
                     .time_limit = std::chrono::seconds(61),
                     .extra = {"--qos=low"}};
  const std::vector<std::string> command = submit_command(job, "name", "why", "/t/attempt-0.sh");
  for (const char* argument :
       {"--partition=gpu", "--account=lab", "--constraint=p5&efa", "--cpus-per-task=8",
        "--mem=3073M", "--gres=gpu:2", "--time=2", "--no-requeue", "--job-name=name"})
    EXPECT_EQ(std::count(command.begin(), command.end(), argument), 1) << argument;
  // Where options contradict each other, sbatch takes the last.
  EXPECT_LT(std::find(command.begin(), command.end(), "--qos=low"),
            std::find(command.begin(), command.end(), "--job-name=name"));
  EXPECT_EQ(command.back(), "/t/attempt-0.sh");
}

TEST(SlurmCommand, ReadsRowsAndLeavesOutWhatItDoesNotKnow) {
  const std::vector<JobRow> rows = parse_rows(
      "17|RUNNING|n1|None|skipjack-x-0-3-0\n"
      "18_[1-4]|PENDING||Resources|array\n"
      "19|PENDING||ReqNodeNotAvail, UnavailableNodes:n[1-2]|a|b\n"
      "\n|||\n99999999999999999999|RUNNING|n1|None|x\n20|COMPLETED|n2|None|last");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].job, 17);
  EXPECT_EQ(rows[0].state, "RUNNING");
  EXPECT_EQ(rows[0].node, "n1");
  EXPECT_EQ(rows[0].name, "skipjack-x-0-3-0");
  EXPECT_EQ(rows[1].reason, "ReqNodeNotAvail, UnavailableNodes:n[1-2]");
  EXPECT_EQ(rows[1].name, "a|b");
  EXPECT_EQ(rows[2].name, "last");
}

TEST(SlurmCommand, ReadsJobNumbers) {
  EXPECT_EQ(parse_job_number("17\n"), 17);
  EXPECT_EQ(parse_job_number("17;cluster\n"), 17);
  EXPECT_EQ(parse_job_number("Welcome to the cluster\n17\n"), 17);
  for (const char* text : {"", "\n", "0\n", "-1", "Submitted batch job 17", "17x"})
    EXPECT_FALSE(parse_job_number(text)) << text;
}

TEST(SlurmCommand, KnowsWhichRefusalsPass) {
  EXPECT_EQ(classify_refusal("sbatch: error: Batch job submission failed: Unable to contact slurm "
                             "controller (connect failure)\n"),
            Refusal::Passing);
  EXPECT_EQ(classify_refusal("sbatch: error: Batch job submission failed: Socket timed out on "
                             "send/recv operation\n"),
            Refusal::Passing);
  EXPECT_EQ(classify_refusal("allocation failure: Resource temporarily unavailable\n"),
            Refusal::Limit);
  EXPECT_EQ(classify_refusal("sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job "
                             "submission failed: Job violates accounting/QOS policy (job submit "
                             "limit, user's size and/or time limits)\n"),
            Refusal::Limit);
  const char* text =
      "sbatch: error: invalid partition specified: nope\n"
      "sbatch: error: Batch job submission failed: Invalid partition name specified\n";
  EXPECT_EQ(classify_refusal(text), Refusal::Permanent);
  EXPECT_EQ(complaint(text), "Batch job submission failed: Invalid partition name specified");
  EXPECT_EQ(complaint("sbatch: unrecognized option '--x'\nTry \"sbatch --help\" for more "
                      "information\n"),
            "unrecognized option '--x'");
}

TEST(SlurmCommand, WhereThereIsNoClusterItSaysWhatToSet) {
  // As sbatch 22.05 prints it with SLURM_CONF at no file, and without any configuration.
  const char* no_file =
      "sbatch: error: s_p_parse_file: cannot stat file /nonexistent/slurm.conf: No such file or "
      "directory, retrying in 1sec up to 60sec\n"
      "sbatch: error: ClusterName needs to be specified\n"
      "sbatch: fatal: Unable to process configuration file\n";
  const auto error = configuration_error(no_file);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::NotFound);
  EXPECT_NE(std::string(error->what()).find("/nonexistent/slurm.conf"), std::string::npos);
  EXPECT_NE(error->try_this().find("SLURM_CONF"), std::string::npos);
  EXPECT_EQ(classify_refusal(no_file), Refusal::Passing);
  const char* no_configuration =
      "sbatch: error: resolve_ctls_from_dns_srv: res_nsearch error: Unknown host\n"
      "sbatch: error: fetch_config: DNS SRV lookup failed\n"
      "sbatch: error: _establish_config_source: failed to fetch config\n"
      "sbatch: fatal: Could not establish a configuration source\n";
  const auto other = configuration_error(no_configuration);
  ASSERT_TRUE(other);
  EXPECT_TRUE(std::string(other->what()).ends_with("Could not establish a configuration source"));
  EXPECT_EQ(classify_refusal(no_configuration), Refusal::Passing);
  EXPECT_FALSE(
      configuration_error("sbatch: error: Batch job submission failed: Unable to contact "
                          "slurm controller (connect failure)\n"));
  // Found at the second attempt, or looked for by others: a refusal is one all the same.
  const std::string refused =
      "sbatch: error: Batch job submission failed: Invalid partition name specified\n";
  for (const char* before :
       {"sbatch: error: s_p_parse_file: cannot stat file /shared/slurm.conf: Stale file handle, "
        "retrying in 1sec up to 60sec\n",
        "sbatch: error: spank: cannot stat file /etc/slurm/plugstack.conf\n"}) {
    EXPECT_EQ(classify_refusal(before + refused), Refusal::Permanent) << before;
    EXPECT_FALSE(configuration_error(before + refused)) << before;
  }
  EXPECT_EQ(classify_refusal("sbatch: error: cannot stat file job.sh\n"), Refusal::Permanent);
}

TEST(SlurmCommand, StatesThatItDoesNotKnowMayBeAlive) {
  EXPECT_EQ(fate_of("COMPLETING"), JobFate::Alive);
  EXPECT_EQ(fate_of("SOMETHING_NEW"), JobFate::Alive);
  EXPECT_EQ(fate_of("REQUEUE_HOLD"), JobFate::Waiting);
  EXPECT_EQ(fate_of("NODE_FAIL"), JobFate::Lost);
  EXPECT_EQ(fate_of("CANCELLED"), JobFate::Cancelled);
  EXPECT_EQ(fate_of("OUT_OF_MEMORY"), JobFate::Over);
}

TEST(SlurmState, WholeLinesCountAndNothingElse) {
  EXPECT_FALSE(parse_state("").began);
  EXPECT_FALSE(parse_state("began n1 17").began);
  EXPECT_FALSE(parse_state("began n1\n").began);
  const ScriptState state = parse_state(
      "began n1 1700000000\nnonsense\nend no-cause 0 1 2\nend exited 3 10 20\nend "
      "asked 0 0 0\nend ex");
  EXPECT_EQ(state.node, "n1");
  ASSERT_TRUE(state.end);
  EXPECT_EQ(state.end->cause, ScriptCause::Exited);
  EXPECT_EQ(state.end->status, 3);
  EXPECT_EQ(state.end->output_bytes, 10);
  EXPECT_EQ(state.end->error_bytes, 20);
}

/// The script of an attempt, run as a node would.
class SlurmScript : public Test {
 protected:
  SlurmScript() : files_(folder_.path(), 0) {}
  void prepare(const std::string& program, std::optional<Duration> limit = std::nullopt) {
    JobScript script;
    script.command = {folder_.write_script("program.sh", "#!/bin/bash\n" + program), "it's one"};
    script.environment = {{"GIVEN", "a 'b' $c"}};
    script.working_directory = folder_.path().string();
    script.grace = std::chrono::milliseconds(300);
    script.time_limit = limit;
    for (const auto& path : {files_.state, files_.output, files_.error})
      write_file_atomically(path, "");
    folder_.write_script("attempt-0.sh", script_text(script, files_));
  }
  pid_t start() const {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::setsid();
      // Where the shell says what became of its jobs; as on a node.
      ::dup2(::open("/dev/null", O_WRONLY), STDERR_FILENO);
      ::execl("/bin/bash", "bash", files_.script.c_str(), nullptr);
      ::_exit(126);
    }
    return pid;
  }
  /// $? of the script.
  static int end_of(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  ScriptState state() const { return parse_state(read_file(files_.state)); }

  TemporaryFolder folder_;
  AttemptFiles files_;
};

TEST_F(SlurmScript, RunsTheProgramAndTellsItsEnd) {
  prepare("echo \"$1|$GIVEN|$PWD\"; echo bad >&2; exit 3");
  EXPECT_EQ(end_of(start()), 3);
  EXPECT_EQ(read_file(files_.output), "it's one|a 'b' $c|" + folder_.path().string() + "\n");
  const ScriptState state = this->state();
  EXPECT_TRUE(state.began);
  ASSERT_TRUE(state.end);
  EXPECT_EQ(state.end->cause, ScriptCause::Exited);
  EXPECT_EQ(state.end->status, 3);
  EXPECT_EQ(state.end->output_bytes,
            static_cast<std::int64_t>(std::filesystem::file_size(files_.output)));
  EXPECT_EQ(state.end->error_bytes, 4);
}

TEST_F(SlurmScript, AnAttemptRunsOnce) {
  prepare("echo ran");
  EXPECT_EQ(end_of(start()), 0);
  EXPECT_EQ(end_of(start()), 99);
  EXPECT_EQ(read_file(files_.output), "ran\n");
}

TEST_F(SlurmScript, NotAtAllOnceItWasGivenUp) {
  prepare("echo ran");
  std::filesystem::create_directory(files_.run);
  EXPECT_EQ(end_of(start()), 99);
  EXPECT_EQ(read_file(files_.output), "");
  EXPECT_FALSE(state().began);
}

TEST_F(SlurmScript, FolderThatIsNotThereIsAnExitCode) {
  prepare("true");
  std::filesystem::remove(files_.state);
  EXPECT_EQ(end_of(start()), 97);
}

TEST_F(SlurmScript, PassesTheRequestToEndOnOnceAndKillsAfterTheGracePeriod) {
  prepare("trap 'echo heard' TERM; echo up; while :; do sleep 0.02; done");
  const pid_t script = start();
  ASSERT_TRUE(eventually([&] { return read_file(files_.output) == "up\n"; }));
  ::kill(script, SIGUSR1);
  EXPECT_EQ(end_of(script), 137);
  EXPECT_EQ(read_file(files_.output), "up\nheard\n");
  EXPECT_EQ(state().end->cause, ScriptCause::Asked);
}

TEST_F(SlurmScript, KeepsTheTimeLimit) {
  prepare("echo up; sleep 100", std::chrono::milliseconds(200));
  EXPECT_EQ(end_of(start()), 143);
  EXPECT_EQ(state().end->cause, ScriptCause::TimeLimit);
}

TEST_F(SlurmScript, SaysThatSlurmSentATerm) {
  prepare("trap 'exit 0' TERM; echo up; while :; do sleep 0.02; done");
  const pid_t script = start();
  ASSERT_TRUE(eventually([&] { return read_file(files_.output) == "up\n"; }));
  // To all processes of the job, as Slurm does.
  for (const pid_t pid : descendants(script)) ::kill(pid, SIGTERM);
  ::kill(script, SIGTERM);
  EXPECT_EQ(end_of(script), 0);
  EXPECT_EQ(state().end->cause, ScriptCause::Signalled);
}

TEST_F(SlurmScript, EndsWhatTheProgramLeftBehind) {
  prepare("sleep 100 & echo $! >left; exit 0");
  EXPECT_EQ(end_of(start()), 0);
  const pid_t left = pid_in(folder_.path() / "left");
  EXPECT_GT(left, 0);
  EXPECT_TRUE(eventually([&] { return !runs(left); }));
}

TEST(SlurmOutput, ReportsThatArriveInPiecesAndLateAreReadOnce) {
  const TemporaryFolder folder;
  const AttemptFiles files(folder.path(), 2);
  const LookInterval interval{std::chrono::milliseconds(10), std::chrono::milliseconds(40)};
  const auto begin = std::chrono::steady_clock::now();
  AttemptOutput output(files, begin);
  const auto append = [&](const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path, std::ios::app) << text;
  };
  EXPECT_TRUE(output.look(begin, interval).empty());  // no files yet
  append(files.state, "began n1 1\n");
  append(files.output, "[tune-metric]: {\"i\": 0}\n[tune-met");
  EXPECT_EQ(output.look(begin, interval).size(), 1u);
  EXPECT_EQ(output.next_look(), begin + interval.shortest);
  append(files.state, "end exited 0 48 0\n");
  EXPECT_TRUE(output.look(begin, interval).empty());
  EXPECT_FALSE(output.is_complete());
  append(files.output, "ric]: {\"i\": 1}\n");
  EXPECT_EQ(output.look(begin, interval).size(), 1u);
  EXPECT_TRUE(output.is_complete());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(output.look(begin, interval).empty());
  EXPECT_EQ(output.next_look(), begin + interval.longest);
}

TEST(SlurmVerdict, WhatEndedTheJobDecides) {
  const JobRow row{.job = 7, .state = "", .node = "n3", .reason = "None", .name = ""};
  const auto verdict = [&](const std::string& state, std::optional<ScriptEnd> end,
                           std::optional<EndAs> ordered) {
    SlurmEvidence evidence{.ordered = ordered, .reported = true};
    evidence.state.began = true;
    evidence.state.end = end;
    if (!state.empty()) {
      evidence.row = row;
      evidence.row->state = state;
    }
    return verdict_of(evidence);
  };
  const ScriptEnd good{ScriptCause::Exited, 0, 0, 0}, killed{ScriptCause::Exited, 139, 0, 0},
      signalled{ScriptCause::Signalled, 0, 0, 0}, asked{ScriptCause::Asked, 143, 0, 0};
  // The program's own end, whatever became of the job after it.
  EXPECT_EQ(verdict("NODE_FAIL", good, {}).outcome, Outcome::Completed);
  EXPECT_EQ(verdict("RUNNING", good, EndAs::Stopped).outcome, Outcome::Completed);
  EXPECT_EQ(verdict("FAILED", killed, {}).signal, 11);
  EXPECT_EQ(verdict("FAILED", asked, EndAs::Paused).outcome, Outcome::Paused);
  EXPECT_EQ(verdict("FAILED", asked, {}).outcome, Outcome::Failed);
  // Against its will: by Slurm's reason, unless it was us.
  EXPECT_EQ(verdict("PREEMPTED", signalled, {}).outcome, Outcome::Lost);
  EXPECT_EQ(verdict("CANCELLED", signalled, {}).reason,
            "job 7 was cancelled from outside on node n3");
  EXPECT_EQ(verdict("CANCELLED", signalled, {}).outcome, Outcome::Failed);
  EXPECT_EQ(verdict("TIMEOUT", signalled, {}).reason,
            "job 7 reached Slurm's time limit on node n3");
  EXPECT_EQ(verdict("CANCELLED", {}, EndAs::Stopped).outcome, Outcome::Stopped);
  EXPECT_EQ(verdict("NODE_FAIL", {}, {}).reason, "the node of job 7 failed on node n3");
  EXPECT_EQ(verdict("", {}, {}).outcome, Outcome::Lost);
}

}  // namespace
}  // namespace skipjack
