// Reports to rows. The history decides which reports count; the events add what it does not keep:
// the order over all trials and what was decided on each report.
#include "skipjack/results/table.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>

namespace skipjack {
namespace {

constexpr std::string_view kWorkerColumns[] = {"st_worker_timestamp", "st_worker_time",
                                               "st_worker_cost", "st_worker_iter"};

bool is_worker_column(std::string_view name) {
  return std::find(std::begin(kWorkerColumns), std::end(kWorkerColumns), name) !=
         std::end(kWorkerColumns);
}

/// One row to be: report_index unset for a trial that never reported.
struct Row {
  Duration time{0};
  TrialId trial = 0;
  std::optional<std::size_t> report_index;
};

/// What was decided on reports: (trial, number of the report among those that count) -> decision.
using Decisions = std::map<std::pair<TrialId, std::size_t>, std::string_view>;

struct Folded {
  History history;
  Decisions decisions;
};

Folded fold(std::span<const Event> events) {
  Folded folded;
  const auto decide = [&](TrialId id, std::string_view decision) {
    const Trial* trial = folded.history.find(id);
    if (trial && !trial->reports.empty())
      folded.decisions[{id, trial->reports.size() - 1}] = decision;
  };
  for (const Event& event : events) {
    if (const auto* stop = std::get_if<StopOrdered>(&event.body)) decide(stop->trial, "STOP");
    if (const auto* pause = std::get_if<PauseOrdered>(&event.body)) decide(pause->trial, "PAUSE");
    if (const auto* resumed = std::get_if<TrialResumed>(&event.body)) {
      // The reports of a lost attempt are dropped, and with them what was decided on them.
      const std::size_t before = [&] {
        const Trial* trial = folded.history.find(resumed->id.trial);
        return trial ? trial->reports.size() : 0;
      }();
      folded.history.apply(event);
      const Trial* trial = folded.history.find(resumed->id.trial);
      const std::size_t after = trial ? trial->reports.size() : 0;
      for (std::size_t i = after; i < before; ++i) folded.decisions.erase({resumed->id.trial, i});
      continue;
    }
    folded.history.apply(event);
  }
  return folded;
}

std::vector<Row> rows_in_order(const History& history) {
  std::vector<Row> rows;
  for (const Trial& trial : history.trials()) {
    for (std::size_t i = 0; i < trial.reports.size(); ++i)
      rows.push_back({.time = trial.reports[i].time, .trial = trial.id, .report_index = i});
    if (trial.reports.empty() && trial.end)
      rows.push_back(
          {.time = trial.ended.value_or(trial.started), .trial = trial.id, .report_index = {}});
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row& a, const Row& b) { return a.time < b.time; });
  return rows;
}

std::string_view syne_tune_status(TrialStatus status) {
  switch (status) {
    case TrialStatus::Running:
      return "InProgress";
    case TrialStatus::Paused:
      return "InProgress";  // a pausing report's row says so there
    case TrialStatus::Completed:
      return "Completed";
    case TrialStatus::Stopped:
      return "Stopped";
    case TrialStatus::Failed:
      return "Failed";
  }
  return "InProgress";
}

/// Ordered columns without repetition; add() appends once, later groups take names from earlier
/// ones by being asked for in reserve().
class Columns {
 public:
  void add(std::string_view name) {
    if (seen_.insert(std::string(name)).second) names_.emplace_back(name);
  }
  /// The name will be added by a later group: leave it out until then.
  void reserve(std::string_view name) { reserved_.insert(std::string(name)); }
  void add_unless_reserved(std::string_view name) {
    if (!reserved_.contains(std::string(name))) add(name);
  }
  std::vector<std::string> take() { return std::move(names_); }

 private:
  std::vector<std::string> names_;
  std::unordered_set<std::string> seen_, reserved_;
};

std::vector<std::string> columns_of(const SearchSpace& space, const History& history) {
  std::vector<std::string> last = {"st_decision", "st_status", "trial_id"};
  for (const Parameter& parameter : space.parameters()) last.push_back("config_" + parameter.name);
  for (const char* name : {"st_tuner_time", "sj_attempt", "sj_unix_time", "sj_end"})
    last.emplace_back(name);
  for (const Trial& trial : history.trials())
    if (trial.tag.is_object())
      for (const auto& [key, value] : trial.tag.as_object()) last.push_back("sj_" + key);

  Columns columns;
  std::unordered_set<std::string> workers;
  for (const std::string& name : last) columns.reserve(name);
  for (const Trial& trial : history.trials())
    for (const Report& report : trial.reports) {
      if (!report.metrics.is_object()) continue;
      for (const auto& [key, value] : report.metrics.as_object()) {
        if (is_worker_column(key))
          workers.insert(key);
        else
          columns.add_unless_reserved(key);
      }
    }
  for (std::string_view name : kWorkerColumns)
    if (workers.contains(std::string(name))) columns.add(name);
  for (const std::string& name : last) columns.add(name);
  return columns.take();
}

std::string csv_cell(const Json& value) {
  std::string text = value.is_null()                         ? ""
                     : value.is_string()                     ? value.as_string()
                     : value.is_array() || value.is_object() ? to_json_text(value)
                                                             : to_python_text(value);
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

Table report_table(const SearchSpace& space, std::span<const Event> events) {
  const Folded folded = fold(events);
  const History& history = folded.history;
  Table table;
  table.columns = columns_of(space, history);
  std::unordered_map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < table.columns.size(); ++i) index[table.columns[i]] = i;

  for (const Row& row : rows_in_order(history)) {
    const Trial& trial = history.trials()[static_cast<std::size_t>(row.trial)];
    std::vector<Json> cells(table.columns.size());
    const auto put = [&](const std::string& column, Json value) {
      if (const auto at = index.find(column); at != index.end())
        cells[at->second] = std::move(value);
    };
    const bool is_last = !row.report_index || *row.report_index + 1 == trial.reports.size();
    if (row.report_index) {
      const Report& report = trial.reports[*row.report_index];
      if (report.metrics.is_object())
        for (const auto& [key, value] : report.metrics.as_object()) put(key, value);
      const auto decision = folded.decisions.find({trial.id, *row.report_index});
      put("st_decision", decision == folded.decisions.end() ? "CONTINUE" : decision->second);
      put("sj_attempt", report.attempt);
      put("sj_unix_time", report.unix_time);
    } else {
      put("st_decision", nullptr);
      put("sj_attempt", trial.attempt);
      put("sj_unix_time", nullptr);
    }
    put("st_status", is_last ? syne_tune_status(trial.status) : "InProgress");
    put("trial_id", trial.id);
    for (const Parameter& parameter : space.parameters()) {
      const Json* value = trial.configuration.find(parameter.name);
      put("config_" + parameter.name, value ? *value : Json());
    }
    put("st_tuner_time", to_seconds(row.time));
    put("sj_end", is_last && trial.end ? Json(trial.end->reason) : Json());
    if (trial.tag.is_object())
      for (const auto& [key, value] : trial.tag.as_object()) put("sj_" + key, value);
    table.rows.push_back(std::move(cells));
  }
  return table;
}

std::string to_csv(const Table& table) {
  std::string text;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) text += ',';
    text += csv_cell(Json(table.columns[i]));
  }
  text += '\n';
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) text += ',';
      text += csv_cell(row[i]);
    }
    text += '\n';
  }
  return text;
}

Json to_json(const Table& table) {
  Json::Array rows;
  for (const auto& row : table.rows) {
    Json::Object object;
    for (std::size_t i = 0; i < row.size(); ++i)
      if (!row[i].is_null()) object.emplace_back(table.columns[i], row[i]);
    rows.emplace_back(std::move(object));
  }
  return rows;
}

}  // namespace skipjack
