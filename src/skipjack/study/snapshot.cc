#include "skipjack/study/snapshot.h"

#include <unistd.h>

#include <algorithm>

#include "skipjack/base/error.h"
#include "skipjack/base/file.h"

namespace skipjack {
namespace {

constexpr const char* kFile = "snapshot.json";
constexpr Duration kInterval = std::chrono::seconds(1);
/// At most this part of the time goes into snapshots.
constexpr int kShare = 20;

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

}  // namespace

BestOf best_single_value(std::vector<Metric> metrics) {
  return [metrics = std::move(metrics)](const History& history) -> std::optional<Snapshot::Best> {
    const Metric& metric = metrics.front();
    const auto best = best_value(history, metrics, metric.mode,
                                 [&](const Trial& trial) { return measured_value(trial, metric); });
    if (!best) return std::nullopt;
    return Snapshot::Best{best->trial, metric.name, best->value,
                          history.find(best->trial)->configuration};
  };
}

Json to_json(const Snapshot& snapshot) {
  Json json = Json::Object{{"name", snapshot.name},
                           {"host", snapshot.host},
                           {"pid", snapshot.pid},
                           {"unix_time", snapshot.unix_time},
                           {"running_seconds", to_seconds(snapshot.time)},
                           {"ending", snapshot.ending},
                           {"trials", snapshot.num_trials},
                           {"running", snapshot.num_running},
                           {"queued", snapshot.num_queued},
                           {"completed", snapshot.num_completed},
                           {"stopped", snapshot.num_stopped},
                           {"failed", snapshot.num_failed},
                           {"paused", snapshot.num_paused},
                           {"reports", snapshot.num_reports}};
  if (snapshot.ended) json.set("ended", *snapshot.ended);
  if (snapshot.best)
    json.set("best", Json::Object{{"trial_id", snapshot.best->trial},
                                  {"metric", snapshot.best->metric},
                                  {"value", snapshot.best->value},
                                  {"configuration", snapshot.best->configuration}});
  return json;
}

Snapshot snapshot_from_json(const Json& json) {
  try {
    Snapshot snapshot;
    snapshot.name = json.at("name").as_string();
    snapshot.host = json.at("host").as_string();
    snapshot.pid = static_cast<int>(json.at("pid").as_int());
    snapshot.unix_time = json.at("unix_time").as_double();
    snapshot.time = from_seconds(std::clamp(json.at("running_seconds").as_double(), 0.0, 6.3e9));
    snapshot.ending = json.at("ending").as_string();
    snapshot.num_trials = json.at("trials").as_int();
    snapshot.num_running = json.at("running").as_int();
    // Earlier versions did not tell them apart.
    if (const Json* queued = json.find("queued")) snapshot.num_queued = queued->as_int();
    snapshot.num_completed = json.at("completed").as_int();
    snapshot.num_stopped = json.at("stopped").as_int();
    snapshot.num_failed = json.at("failed").as_int();
    snapshot.num_paused = json.at("paused").as_int();
    snapshot.num_reports = json.at("reports").as_int();
    if (const Json* ended = json.find("ended")) snapshot.ended = ended->as_string();
    if (const Json* best = json.find("best"))
      snapshot.best = Snapshot::Best{.trial = best->at("trial_id").as_int(),
                                     .metric = best->at("metric").as_string(),
                                     .value = best->at("value").as_double(),
                                     .configuration = best->at("configuration")};
    return snapshot;
  } catch (const Error& error) {
    throw Error(ErrorCode::Corrupted, std::string("a snapshot can't be read: ") + error.what(),
                "it may be from another version of skipjack");
  }
}

std::optional<Snapshot> read_snapshot(const std::filesystem::path& folder) {
  std::string text;
  try {
    text = read_file(folder / kFile);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::NotFound) return std::nullopt;
    throw;
  }
  const std::optional<Json> json = try_parse_json(text);
  if (!json)
    throw Error(ErrorCode::Corrupted, (folder / kFile).string() + " is not JSON",
                "the tuner writes it anew while it runs");
  return snapshot_from_json(*json);
}

SnapshotWriter::SnapshotWriter(std::filesystem::path folder, BestOf best,
                               const TunerOptions& options)
    : folder_(std::move(folder)),
      best_of_(std::move(best)),
      clock_(*options.clock),
      log_(options.log) {
  snapshot_.name = folder_.filename().string();
  snapshot_.host = host_name();
  snapshot_.pid = static_cast<int>(::getpid());
}

void SnapshotWriter::on_turn(const Turn& turn) {
  const auto begin = std::chrono::steady_clock::now();
  if (next_ && begin < *next_) return;
  take(turn);
  write();
  const auto end = std::chrono::steady_clock::now();
  next_ = end + std::max<Duration>(kInterval, kShare * (end - begin));
}

void SnapshotWriter::take(const Turn& turn) {
  Snapshot now{.name = snapshot_.name, .host = snapshot_.host, .pid = snapshot_.pid};
  now.time = turn.now;
  now.ending = turn.ending_reason;
  now.num_trials = static_cast<std::int64_t>(turn.history.trials().size());
  now.num_running = turn.num_running;
  now.num_queued = turn.num_queued;
  now.num_reports = turn.history.num_reports();
  now.num_completed = turn.history.num_with(TrialStatus::Completed);
  now.num_stopped = turn.history.num_with(TrialStatus::Stopped);
  now.num_failed = turn.history.num_with(TrialStatus::Failed);
  now.num_paused = turn.history.num_with(TrialStatus::Paused);
  now.best = best_of_(turn.history);
  snapshot_ = std::move(now);
}

void SnapshotWriter::end(const std::string& reason, const std::optional<Turn>& last) {
  if (last) take(*last);
  snapshot_.ended = reason;
  snapshot_.num_running = 0;
  snapshot_.num_queued = 0;
  write();
}

void SnapshotWriter::write() {
  snapshot_.unix_time = clock_.unix_time();
  try {
    write_file_atomically(folder_ / kFile, to_json_text(to_json(snapshot_)) + "\n");
  } catch (const Error& error) {
    if (!has_failed_) log(log_, LogLevel::Warning, std::string("no snapshot: ") + error.what());
    has_failed_ = true;
  }
}

}  // namespace skipjack
