// skipjack list, show and rm.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include "skipjack/base/bytes.h"
#include "skipjack/cli/commands.h"
#include "skipjack/cli/scratch_folder.h"
#include "skipjack/cli/summary.h"
#include "skipjack/cli/terminal.h"
#include "skipjack/cli/tuning_progress.h"
#include "skipjack/method/method.h"
#include "skipjack/results/curve.h"
#include "skipjack/s3tune/node.h"
#include "skipjack/s3tune/s3_tuning.h"
#include "skipjack/s3tune/s3_verdict.h"
#include "skipjack/s3tune/trial_reports.h"
#include "skipjack/study/lease_options.h"

namespace skipjack::cli {
namespace {

/// How many of the best trials and of the last failures `show` shows.
constexpr std::size_t kMaxRowsShown = 10;

struct ListedExperiment {
  std::string name, status, trials, best, created, problem;
};

ListedExperiment listed(const ExperimentStore& store, const ExperimentEntry& entry) {
  ListedExperiment row{.name = entry.name,
                       .status = "unreadable",
                       .trials = "-",
                       .best = "-",
                       .created = "-",
                       .problem = entry.problem};
  if (!entry.header) return row;
  row.created = utc_time(entry.header->created);
  try {
    const StoredExperiment experiment = read_experiment(store, entry.name);
    row.status = status_word(experiment);
    row.trials = std::to_string(experiment.history.trials().size());
    if (experiment.definition.metrics.empty()) return row;
    const auto [metric, value] = comparison_of(experiment.definition, experiment.history);
    const Curve curve =
        best_so_far(experiment.history, {.metric = metric,
                                         .include =
                                             [&](const Trial& trial) {
                                               return satisfies_constraints(
                                                   trial, experiment.definition.metrics);
                                             },
                                         .value = value});
    if (has_front(experiment.definition))
      row.best =
          "front of " +
          std::to_string(pareto_front(experiment.history, experiment.definition.metrics).size());
    else if (curve.best_value)
      row.best = one_line(metric.name) + " " + short_number(*curve.best_value);
  } catch (const Error& error) {
    row.problem = error.what();
  }
  return row;
}

struct ListFlags {
  bool json = false;
};

int list(const ListFlags& flags, Context& context) {
  const ExperimentStore store(experiments_folder(context));
  std::vector<std::vector<std::string>> rows{{"NAME", "STATUS", "TRIALS", "BEST", "CREATED"}};
  Json::Array json;
  std::vector<std::string> problems;
  for (const ExperimentEntry& entry : store.list()) {
    const ListedExperiment row = listed(store, entry);
    rows.push_back({one_line(row.name), row.status, row.trials, row.best, row.created});
    if (!row.problem.empty()) problems.push_back(one_line(row.name) + ": " + one_line(row.problem));
    Json object;
    object.set("name", row.name);
    object.set("status", row.status);
    if (row.trials != "-") object.set("num_trials", *try_parse_json(row.trials));
    if (entry.header) object.set("created", entry.header->created);
    if (!row.problem.empty()) object.set("problem", row.problem);
    json.push_back(object);
  }
  if (flags.json) {
    write_output(context, "-", to_json_text(json, JsonStyle::Indented) + "\n");
    return kExitOk;
  }
  if (rows.size() == 1)
    write_output(context, "-", "no experiments in " + store.root().string() + "\n");
  else
    write_output(context, "-", aligned(rows));
  for (const std::string& problem : problems) context.err << "skipjack: " + problem + "\n";
  return kExitOk;
}

std::string stop_sentence(const StoppingCriterion& stop) {
  const Json criterion = to_json(stop);
  std::string text;
  if (criterion.is_object())
    for (const auto& [key, value] : criterion.as_object())
      text += (text.empty() ? "" : ", ") + key + " " +
              (value.is_string() ? value.as_string() : to_json_text(value));
  return text.empty() ? "when nothing more is to be tried" : text;
}

std::string runs_text(const std::vector<Event>& events) {
  std::string text;
  for (const Event& event : events) {
    if (const auto* started = std::get_if<RunStarted>(&event.body)) {
      text += "run " + std::to_string(started->run) + ": started " + utc_time(event.unix_time);
      if (const Json* host = started->environment.find("host"); host && host->is_string())
        text += " on " + one_line(host->as_string());
      text += "\n";
    } else if (const auto* ended = std::get_if<RunEnded>(&event.body)) {
      text += "run " + std::to_string(ended->run) + ": ended " + utc_time(event.unix_time) +
              " by " + one_line(ended->reason) + "\n";
    }
  }
  return text;
}

/// The best trials, best first, those that break a constraint last, and the last that failed. With
/// several objectives the failures alone: the front is shown already.
std::string trials_text(const StoredExperiment& experiment) {
  const auto [metric, value_of] = comparison_of(experiment.definition, experiment.history);
  std::vector<std::pair<double, const Trial*>> measured;
  std::vector<std::vector<std::string>> failed{{"FAILED", "WHY"}};
  for (const Trial& trial : experiment.history.trials()) {
    const std::optional<double> value = value_of(trial);
    if (!has_front(experiment.definition) && value && trial.status != TrialStatus::Running)
      measured.emplace_back(*value, &trial);
    if (trial.status == TrialStatus::Failed && trial.end)
      failed.push_back({std::to_string(trial.id), one_line(failure_text(trial))});
  }
  if (failed.size() > kMaxRowsShown + 1)
    failed.erase(failed.begin() + 1, failed.end() - kMaxRowsShown);
  const std::vector<Metric> constraints =
      metrics_with(MetricRole::Constraint, experiment.definition.metrics);
  std::stable_sort(measured.begin(), measured.end(), [&](const auto& a, const auto& b) {
    const bool a_is_allowed = satisfies_constraints(*a.second, constraints);
    if (a_is_allowed != satisfies_constraints(*b.second, constraints)) return a_is_allowed;
    return is_better(a.first, b.first, metric.mode);
  });
  std::string text;
  if (!measured.empty()) {
    std::vector<std::vector<std::string>> rows{{"TRIAL", one_line(metric.name)}};
    for (const Metric& constraint : constraints) rows[0].push_back(one_line(constraint.name));
    // Beside the ratio, what it was of: the seconds of which node.
    const bool tells_node = s3tune::is_cluster_tuning(experiment.definition);
    if (tells_node) rows[0].insert(rows[0].end(), {std::string(s3tune::kMeanDownloadTime), "ON"});
    for (const auto& [name, domain] : experiment.definition.space.searched())
      rows[0].push_back(one_line(name));
    for (std::size_t i = 0; i < std::min(measured.size(), kMaxRowsShown); ++i) {
      const Trial& trial = *measured[i].second;
      rows.push_back({std::to_string(trial.id), short_number(measured[i].first)});
      for (const Metric& constraint : constraints) {
        const auto value = last_value(trial, constraint.name);
        rows.back().push_back(value ? short_number(*value) : "-");
      }
      if (tells_node) {
        const auto seconds = last_value(trial, s3tune::kMeanDownloadTime);
        rows.back().push_back(seconds ? short_number(*seconds) : "-");
        const auto node = s3tune::node_of(trial);
        rows.back().push_back(node ? one_line(node->name + ": " + s3tune::kind_of(*node)) : "-");
      }
      for (const auto& [name, domain] : experiment.definition.space.searched()) {
        const Json* value = trial.configuration.find(name);
        rows.back().push_back(value && !value->is_null() ? value_cell(*value) : "-");
      }
    }
    text += "\n" + aligned(rows);
  }
  if (failed.size() > 1) text += "\n" + aligned(failed);
  return text;
}

Json trial_json(const Trial& trial) {
  Json json;
  json.set("trial_id", trial.id);
  json.set("status", std::string(to_string(trial.status)));
  json.set("attempt", trial.attempt);
  json.set("configuration", trial.configuration);
  if (trial.checkpoint_from) json.set("checkpoint_from", *trial.checkpoint_from);
  if (!trial.tag.is_null()) json.set("tag", trial.tag);
  json.set("started", to_seconds(trial.started));
  if (trial.ended) json.set("ended", to_seconds(*trial.ended));
  Json::Array reports;
  for (const Report& report : trial.reports) reports.push_back(report.metrics);
  json.set("reports", reports);
  if (trial.end) {
    json.set("end", trial.end->reason);
    if (!trial.end->error_tail.empty()) json.set("error_tail", trial.end->error_tail);
  }
  return json;
}

Json experiment_json(const ExperimentStore& store, const StoredExperiment& experiment) {
  Json json;
  json.set("name", experiment.header.name);
  json.set("status", status_word(experiment));
  json.set("folder", store.folder(experiment.header.name).string());
  json.set("created", experiment.header.created);
  json.set("running_seconds", to_seconds(experiment.running_time));
  if (experiment.holder) json.set("queued", experiment.num_queued);
  json.set("definition", experiment.header.definition);
  Json::Array runs;
  for (const Event& event : experiment.events) {
    if (const auto* started = std::get_if<RunStarted>(&event.body)) {
      Json run;
      run.set("run", started->run);
      run.set("started", event.unix_time);
      run.set("environment", started->environment);
      runs.push_back(run);
    } else if (const auto* ended = std::get_if<RunEnded>(&event.body); ended && !runs.empty()) {
      runs.back().set("ended", event.unix_time);
      runs.back().set("reason", ended->reason);
    }
  }
  json.set("runs", runs);
  if (s3tune::is_s3_tuning(experiment.definition)) {
    json.set("verdict",
             s3tune::to_json(s3tune::s3_verdict(experiment.definition, experiment.history)));
  } else if (has_front(experiment.definition)) {
    json.set("front", front_json(experiment.history, experiment.definition.metrics,
                                 comparable_trials(experiment.definition)));
  } else if (const auto found =
                 recommend(experiment.definition.space, experiment.history,
                           experiment.definition.metrics.at(0), experiment.definition.metrics,
                           resource_attr_of(experiment.definition.method,
                                            experiment.definition.method_options))) {
    json.set("recommended", to_json(*found));
    Json best;
    best.set("trial_id", found->best_value_trial);
    best.set("value", found->best_value);
    best.set("configuration", found->best_value_configuration);
    json.set("best_single_value", best);
  }
  Json::Array trials;
  for (const Trial& trial : experiment.history.trials()) trials.push_back(trial_json(trial));
  json.set("trials", trials);
  return json;
}

struct ShowFlags {
  std::string name;
  bool json = false;
};

int show(const ShowFlags& flags, Context& context) {
  const ExperimentStore store(experiments_folder(context));
  const StoredExperiment experiment = read_experiment(store, flags.name);
  if (flags.json) {
    write_output(context, "-",
                 to_json_text(experiment_json(store, experiment), JsonStyle::Indented) + "\n");
    return kExitOk;
  }
  const TuningDefinition& definition = experiment.definition;
  std::string text = "experiment " + flags.name + " (" + status_word(experiment);
  if (experiment.holder)
    text += ", pid " + std::to_string(experiment.holder->pid) + " on " +
            one_line(experiment.holder->host);
  text += "): " + trials_sentence(experiment) + " in " + format_duration(experiment.running_time) +
          "\n";
  if (!definition.program.entry_point.empty())
    text += "program: " + one_line(definition.program.entry_point.string()) + "\n";
  text += "method: " + one_line(definition.method) + ", seed " + std::to_string(definition.seed) +
          ", " + count_of(definition.workers, "worker") +
          "; ends: " + stop_sentence(definition.stop) + "\n";
  text += "space:\n";
  for (const Parameter& parameter : definition.space.parameters())
    text += "  " + one_line(parameter.name) + ": " +
            one_line(std::holds_alternative<Domain>(parameter.domain)
                         ? to_text(std::get<Domain>(parameter.domain))
                         : to_json_text(std::get<Json>(parameter.domain))) +
            "\n";
  for (const std::string& constraint : definition.space.constraints())
    text += "  constraint: " + one_line(constraint) + "\n";
  for (const Condition& condition : definition.space.conditions())
    text += "  condition: " + one_line(condition.parameter) + " only where " +
            one_line(condition.when) + "\n";
  text += runs_text(experiment.events) + findings_text(definition, experiment.history) +
          trials_text(experiment);
  text += "\nfiles: " + store.folder(flags.name).string() + "\n";
  write_output(context, "-", text);
  return kExitOk;
}

struct RemoveFlags {
  std::string name;
  bool yes = false;
};

/// Where a killed S3 tuning may have left half a download; empty if nobody knows.
std::filesystem::path scratch_folder_left_by(const ExperimentStore& store,
                                             const std::string& name) {
  try {
    const StoredExperiment experiment = read_experiment(store, name);
    if (s3tune::is_s3_tuning(experiment.definition))
      return scratch_folder_of(experiment.definition, name);
  } catch (const Error&) {
    // A broken experiment can be removed too; it doesn't say what else was its own.
  }
  return {};
}

int remove(const RemoveFlags& flags, Context& context) {
  const ExperimentStore store(experiments_folder(context), lease_options(context.environment));
  const std::filesystem::path folder = store.folder(flags.name);
  if (!std::filesystem::exists(folder))
    throw Error(ErrorCode::NotFound,
                "there is no experiment '" + flags.name + "' in " + store.root().string(),
                command_line(context, "list"));
  if (!flags.yes) {
    if (::isatty(STDIN_FILENO) != 1)
      throw Error(ErrorCode::InvalidArgument,
                  "rm deletes " + folder.string() + " with all its trials' files", "say --yes");
    context.err << "delete " + folder.string() + " with all its trials' files? [y/N] "
                << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != "y" && answer != "yes") {
      context.err << "nothing deleted\n";
      return kExitFailure;
    }
  }
  const std::filesystem::path scratch = scratch_folder_left_by(store, flags.name);
  store.remove(flags.name);
  if (!scratch.empty()) {
    std::error_code error;
    std::filesystem::remove_all(scratch, error);
    if (error) throw errno_error(error.value(), "can't remove " + scratch.string());
  }
  write_output(context, "-", "deleted " + folder.string() + "\n");
  return kExitOk;
}

}  // namespace

void add_experiments(CLI::App& app, Context& context) {
  const auto list_flags = std::make_shared<ListFlags>();
  CLI::App& list_command = *app.add_subcommand("list", "The experiments, newest first");
  list_command.add_flag("--json", list_flags->json, "as JSON");
  on_choice(list_command, context, list_flags, list);

  const auto show_flags = std::make_shared<ShowFlags>();
  CLI::App& show_command = *app.add_subcommand("show", "What an experiment is and what it found");
  show_command.add_option("name", show_flags->name, "the experiment")
      ->required()
      ->type_name("NAME");
  show_command.add_flag("--json", show_flags->json, "everything, as JSON");
  on_choice(show_command, context, show_flags, show);

  const auto remove_flags = std::make_shared<RemoveFlags>();
  CLI::App& remove_command = *app.add_subcommand("rm", "Delete an experiment with all its files");
  remove_command.add_option("name", remove_flags->name, "the experiment")
      ->required()
      ->type_name("NAME");
  remove_command.add_flag("--yes,-y", remove_flags->yes, "don't ask");
  on_choice(remove_command, context, remove_flags, remove);
}

}  // namespace skipjack::cli
