// skipjack watch: follows a tuning by its snapshot, from any host that sees the experiment's
// folder.
#include <chrono>
#include <memory>
#include <ostream>
#include <thread>

#include "skipjack/base/bytes.h"
#include "skipjack/cli/commands.h"
#include "skipjack/cli/summary.h"
#include "skipjack/cli/terminal.h"
#include "skipjack/cli/tuning_progress.h"
#include "skipjack/journal/experiment_store.h"
#include "skipjack/study/snapshot.h"

namespace skipjack::cli {
namespace {

/// As often as there is a new one.
constexpr auto kInterval = std::chrono::seconds(1);
/// A tuner that lives writes a snapshot a second; file servers and clocks may be late.
constexpr Duration kSilence = std::chrono::minutes(1);

struct WatchFlags {
  std::string name;
  bool once = false, json = false;
};

std::string snapshot_line(const Snapshot& snapshot) {
  std::string line = "experiment " + one_line(snapshot.name) + ": " +
                     std::to_string(snapshot.num_trials) + " trials, " +
                     std::to_string(snapshot.num_running) + " running, " +
                     (snapshot.num_queued > 0 ? std::to_string(snapshot.num_queued) + " queued, "
                                              : std::string()) +
                     std::to_string(snapshot.num_completed) + " completed";
  const auto add = [&](std::int64_t count, const char* what) {
    if (count > 0) line += ", " + std::to_string(count) + " " + what;
  };
  add(snapshot.num_stopped, "stopped");
  add(snapshot.num_paused, "paused");
  add(snapshot.num_failed, "failed");
  if (snapshot.best)
    line += "; best " + one_line(snapshot.best->metric) + " " + short_number(snapshot.best->value) +
            " (trial " + std::to_string(snapshot.best->trial) + ")";
  line += "; " + format_duration(snapshot.time);
  if (snapshot.ended)
    line += "; ended by: " + one_line(*snapshot.ended);
  else if (!snapshot.ending.empty())
    line += "; ending: " + one_line(snapshot.ending);
  return line;
}

Snapshot current_snapshot(const ExperimentStore& store, const std::string& name) {
  if (const auto snapshot = read_snapshot(store.folder(name))) return *snapshot;
  throw Error(ErrorCode::NotFound,
              "experiment '" + name + "' has not begun in " + store.root().string(),
              "if its tuner was submitted, 'squeue --me' shows whether it still waits");
}

int show_once(Context& context, const Snapshot& snapshot, const WatchFlags& flags) {
  write_output(context, "-",
               flags.json ? to_json_text(to_json(snapshot), JsonStyle::Indented) + "\n"
                          : snapshot_line(snapshot) + "; written " + utc_time(snapshot.unix_time) +
                                " on " + one_line(snapshot.host) + "\n");
  return kExitOk;
}

int watch(const WatchFlags& flags, Context& context) {
  const ExperimentStore store(experiments_folder(context));
  Snapshot snapshot = current_snapshot(store, flags.name);
  if (flags.once || flags.json) return show_once(context, snapshot, flags);
  StatusLine status(context);
  auto last_news = std::chrono::steady_clock::now();
  bool is_silent = false;
  while (!snapshot.ended) {
    status.update(snapshot_line(snapshot));
    std::this_thread::sleep_for(kInterval);
    Snapshot next = current_snapshot(store, flags.name);
    const auto now = std::chrono::steady_clock::now();
    if (next.unix_time != snapshot.unix_time) {
      last_news = now;
      is_silent = false;
    } else if (now - last_news > kSilence && !is_silent) {
      is_silent = true;
      status.note("no sign of life of pid " + std::to_string(snapshot.pid) + " on host " +
                  one_line(snapshot.host) + " for " + format_duration(kSilence) +
                  "; if it is gone, " + command_line(context, "resume " + flags.name) + " goes on");
    }
    snapshot = std::move(next);
  }
  status.clear();
  write_output(context, "-", snapshot_line(snapshot) + "\n");
  return kExitOk;
}

}  // namespace

void add_watch(CLI::App& app, Context& context) {
  const auto flags = std::make_shared<WatchFlags>();
  CLI::App& command =
      *app.add_subcommand("watch", "Follow a tuning that runs, from any host that sees its folder");
  command.add_option("name", flags->name, "the experiment")->required()->type_name("NAME");
  command.add_flag("--once", flags->once, "say how it stands, and end");
  command.add_flag("--json", flags->json, "the same as JSON");
  on_choice(command, context, flags, watch);
}

}  // namespace skipjack::cli
