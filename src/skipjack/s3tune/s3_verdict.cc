#include "skipjack/s3tune/s3_verdict.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3tune/client.h"
#include "skipjack/s3tune/cluster_timings.h"
#include "skipjack/s3tune/measure.h"
#include "skipjack/s3tune/s3_tuning.h"
#include "skipjack/s3tune/search_jobs.h"
#include "skipjack/s3tune/transfer_space.h"
#include "skipjack/s3tune/trial_beliefs.h"

namespace skipjack::s3tune {
namespace {

constexpr std::string_view kBoto3Arm = "boto3";
constexpr std::string_view kAutoArm = "auto";

const Client& client_of(const TuningDefinition& definition) {
  return find_client(definition.extra.at("client").as_string());
}

bool tunes_engine(const TuningDefinition& definition) {
  return client_of(definition).kind == Client::Kind::Engine;
}

/// The row of the tuned client without values.
std::string untuned_arm(const TuningDefinition& definition) {
  return std::string(tunes_engine(definition) ? kAutoArm : client_of(definition).name);
}

std::string label_of(const std::string& name, const TuningDefinition& definition) {
  if (name == kBoto3Arm) return "boto3, its defaults";
  if (name == "boto3-values") return "skipjack, boto3's values";
  if (name == kAutoArm) return "skipjack, left to itself";
  return std::string(client_of(definition).label) +
         (name == kWinnerArm ? ", tuned" : ", its defaults");
}

Configuration configuration_of(const std::string& name, const VerdictPlan& plan,
                               const TuningDefinition& definition) {
  if (name == kWinnerArm) return plan.winner;
  for (const Json& arm : definition.extra.at("arms").as_array())
    if (arm.at("name").as_string() == name) {
      Json values;
      for (std::string_view parameter :
           {kMaxConcurrency, kMultipartChunksize, kMaxIoQueue, kIoChunksize})
        if (const Json* value = arm.at("configuration").find(parameter))
          values.set(parameter, *value);
      return values;
    }
  return Json();
}

double mean_of_reports(const std::vector<Json>& reports, std::string_view key) {
  double sum = 0;
  std::size_t count = 0;
  for (const Json& report : reports) {
    const Json* value = report.find(key);
    if (!value || !value->is_number()) continue;
    sum += value->as_double();
    ++count;
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string gain_text(const Gain& gain) {
  return fixed(gain.ratio, 2) + "x [" + fixed(gain.lower, 2) + ", " + fixed(gain.upper, 2) + "]";
}

std::string pad(std::string text, std::size_t width, bool right) {
  if (text.size() < width) text.insert(right ? 0 : text.size(), width - text.size(), ' ');
  return text;
}

/// First column left, the others right.
std::string table_text(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += (i == 0 ? "  " : "   ") + pad(row[i], widths[i], i != 0);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string values_text(const Json& configuration) {
  std::string text;
  for (const auto& [name, value] : configuration.as_object()) {
    if (value.is_null()) continue;
    const bool is_size = name == kMultipartChunksize || name == kIoChunksize ||
                         name.ends_with("_chunk_size") || name.ends_with("buffer_size");
    text += (text.empty() ? "" : ", ") + name + " = " +
            (is_size ? format_byte_size(value.as_double()) : *value_text(configuration, name));
  }
  return text;
}

const VerdictRow* row_named(const S3Verdict& verdict, std::string_view name) {
  for (const VerdictRow& row : verdict.rows)
    if (row.name == name) return &row;
  return nullptr;
}

/// The blocks that the verdict is made of; of many machines, those of the kind with the most, and
/// what is to be said of each kind.
VerdictTimings comparable_timings(const History& history, const VerdictPlan& plan,
                                  std::string_view untuned, S3Verdict& verdict) {
  VerdictTimings first{.seconds = std::vector<std::vector<double>>(plan.arms.size()),
                       .reports = std::vector<std::vector<Json>>(plan.arms.size()),
                       .num_incomplete_blocks = plan.num_blocks};
  std::map<std::string, std::set<std::string>> nodes = nodes_by_kind(history);
  const auto index_of = [&](std::string_view arm) {
    return static_cast<std::size_t>(std::find(plan.arms.begin(), plan.arms.end(), arm) -
                                    plan.arms.begin());
  };
  const std::size_t tuned = index_of(kWinnerArm), by_itself = index_of(untuned);
  for (KindTimings& kind : timings_by_kind(history, plan)) {
    const std::vector<std::vector<double>>& seconds = kind.timings.seconds;
    VerdictKind entry{.kind = kind.kind,
                      .nodes = {nodes[kind.kind].begin(), nodes[kind.kind].end()},
                      .complete_blocks = static_cast<int>(seconds.front().size())};
    nodes.erase(kind.kind);
    if (tuned < seconds.size() && by_itself < seconds.size())
      entry.tuning_gain = estimate_gain(seconds[by_itself], seconds[tuned]);
    if (verdict.kinds.empty()) first = std::move(kind.timings);
    verdict.kinds.push_back(std::move(entry));
  }
  for (const auto& [kind, names] : nodes)
    verdict.kinds.push_back({.kind = kind, .nodes = {names.begin(), names.end()}});
  return first;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// What a verdict over many machines says of them.
std::string kinds_text(const S3Verdict& verdict, const std::string& untuned) {
  std::string text;
  for (const VerdictKind& kind : verdict.kinds) {
    text += "Nodes: " + std::to_string(kind.nodes.size()) + " of " + kind.kind + " (" +
            joined(kind.nodes) + ")";
    if (&kind != &verdict.kinds.front()) {
      text += ", " + count_of(kind.complete_blocks, "block");
      if (kind.tuning_gain)
        text += "; there the tuned values are " + gain_text(*kind.tuning_gain) +
                " times as fast as " + untuned;
    }
    text += "\n";
  }
  if (verdict.kinds.size() > 1)
    text +=
        "The table, and what is claimed, is of the first kind alone; --slurm-constraint keeps a "
        "tuning to one kind.\n";
  return text;
}

std::string gain_claim(const VerdictRow& row, const S3Verdict& verdict) {
  return row.label + " is " + gain_text(*row.gain) + " times as fast as " +
         verdict.rows.front().label + " (95 % interval, " +
         std::to_string(verdict.complete_blocks) + " pairs).\n";
}

std::string gain_cell(const VerdictRow& row, const VerdictRow& first) {
  if (row.gain) return gain_text(*row.gain);
  return &row == &first ? "1" : "unknown";  // Of one block there is no interval.
}

/// What is claimed of the answer over the first row. Where that is the answer itself, it is
/// another client as it is, and the sentence on tuning says why.
std::string gain_sentence(const S3Verdict& verdict) {
  constexpr const char* kTooFew = "Too few blocks for an interval: nothing is claimed.\n";
  const VerdictRow& first = verdict.rows.front();
  const VerdictRow* answer = row_named(verdict, verdict.answer);
  if (answer == &first)
    return std::any_of(verdict.rows.begin() + 1, verdict.rows.end(),
                       [](const VerdictRow& row) { return !row.gain; })
               ? kTooFew
               : "";
  if (!verdict.gain) return kTooFew;
  if (verdict.gain_claimed) return "Gain: " + gain_claim(*answer, verdict);
  return "No gain of " + answer->label + " over " + first.label +
         " is claimed: what was seen could be luck, or is below 2 %.\n";
}

}  // namespace

S3Verdict s3_verdict(const TuningDefinition& definition, const History& history) {
  S3Verdict verdict;
  const std::string untuned = untuned_arm(definition);
  verdict.answer = untuned;
  if (is_cluster_tuning(definition)) {
    verdict.noise = search_jobs(history, baseline_arm_of(definition)).noise();
  } else {
    const DriftModel drift = drift_of(history);
    verdict.drift_corrected = drift.corrects();
    verdict.noise = drift.noise();
  }
  for (const Trial& trial : history.trials()) {
    for (const Report& report : trial.reports)
      if (const Json* bytes = report.metrics.find(kBytes); bytes && bytes->is_int())
        verdict.bytes_downloaded += bytes->as_int();
    if (phase_of(trial) != "search") continue;
    ++verdict.search_trials;
    verdict.failed_trials += trial.status == TrialStatus::Failed;
  }
  const auto plan = verdict_plan(history);
  if (!plan) return verdict;
  const VerdictTimings timings = is_cluster_tuning(definition)
                                     ? comparable_timings(history, *plan, untuned, verdict)
                                     : verdict_timings(history, *plan);
  verdict.planned_blocks = plan->num_blocks;
  verdict.complete_blocks = plan->num_blocks - timings.num_incomplete_blocks;
  const double size = definition.extra.at("object").at("size").as_double();
  std::optional<std::size_t> winner_index, untuned_index;
  for (std::size_t i = 0; i < plan->arms.size(); ++i) {
    const std::string& name = plan->arms[i];
    VerdictRow row{.name = name, .label = label_of(name, definition)};
    row.seconds = summarise_timings(timings.seconds[i]);
    if (row.seconds.mean > 0) row.bytes_per_second = size / row.seconds.mean;
    row.cpu_seconds = mean_of_reports(timings.reports[i], kCpuSeconds);
    row.peak_memory_bytes = mean_of_reports(timings.reports[i], kPeakMemory);
    if (i > 0) row.gain = estimate_gain(timings.seconds[0], timings.seconds[i]);
    row.configuration = configuration_of(name, *plan, definition);
    verdict.rows.push_back(std::move(row));
    if (name == kWinnerArm) winner_index = i;
    if (name == untuned) untuned_index = i;
  }
  if (winner_index && untuned_index) {
    verdict.tuning_gain =
        estimate_gain(timings.seconds[*untuned_index], timings.seconds[*winner_index]);
    verdict.tuning_claimed = verdict.tuning_gain && claims_gain(*verdict.tuning_gain);
    if (verdict.tuning_claimed) verdict.answer = kWinnerArm;
  }
  if (const VerdictRow* row = row_named(verdict, verdict.answer)) {
    verdict.gain = row->gain;
    verdict.gain_claimed = row->gain && claims_gain(*row->gain);
  }
  return verdict;
}

std::string to_text(const S3Verdict& verdict, const TuningDefinition& definition) {
  const Json& object = definition.extra.at("object");
  const Json* count = object.find("num_objects");
  std::string text =
      "Verdict on " + object.at("uri").as_string() + " (" +
      (is_folder_uri(object.at("uri").as_string()) && count ? to_json_text(*count) + " objects, "
                                                            : std::string()) +
      format_byte_size(object.at("size").as_double()) + ", to " + object.at("to").as_string() +
      "): ";
  if (verdict.complete_blocks == 0) {
    text +=
        "none, since no block of the head-to-head was completed; give it more time or bytes "
        "(--max-time, --max-bytes)\n";
    return text;
  }
  text += std::to_string(verdict.complete_blocks) + " of " +
          std::to_string(verdict.planned_blocks) +
          " planned blocks, each row once a block in random order" +
          (is_cluster_tuning(definition) ? " and on one node" : "") + "\n\n";
  std::vector<std::vector<std::string>> table = {
      {"", "seconds", "median", "GiB/s", "CPU s", "memory", "times as fast [95 %]"}};
  for (const VerdictRow& row : verdict.rows)
    table.push_back({row.label, fixed(row.seconds.mean, 3), fixed(row.seconds.median, 3),
                     fixed(row.bytes_per_second / static_cast<double>(kGiB), 2),
                     fixed(row.cpu_seconds, 2), format_byte_size(row.peak_memory_bytes),
                     gain_cell(row, verdict.rows.front())});
  const Json* profile = definition.extra.find("profile");
  // Of a server without a model, or with one of a user's own, no optimum is known.
  const double ideal = profile ? profile->at("ideal_seconds").as_double() : 0;
  if (ideal > 0)
    table.push_back({"(the profile's own optimum)", fixed(ideal, 3), "",
                     fixed(object.at("size").as_double() / ideal / static_cast<double>(kGiB), 2),
                     "", "", ""});
  text += table_text(table) + "\n";

  text += gain_sentence(verdict);
  const VerdictRow* winner = row_named(verdict, kWinnerArm);
  const std::string untuned = label_of(untuned_arm(definition), definition);
  if (!winner && verdict.search_trials == 0)
    text +=
        "Tuning: no configuration was tried, for want of time, bytes or trials; the answer is " +
        untuned + ".\n";
  else if (!winner)
    text += std::string("Tuning: the search found nothing faster than ") +
            (tunes_engine(definition) ? "boto3's values" : "its defaults") + "; the answer is " +
            untuned + ".\n";
  else if (verdict.tuning_gain && verdict.tuning_claimed && verdict.rows.front().label != untuned)
    text += "Tuning: " + gain_text(*verdict.tuning_gain) + " times as fast as " + untuned + ".\n";
  else if (verdict.tuning_gain && !verdict.tuning_claimed)
    text += "Tuning: " + gain_text(*verdict.tuning_gain) + " against " + untuned +
            ", no gain that is beyond luck and 2 %; the answer is " + untuned + ".\n";
  if (winner) text += "Tuned values: " + values_text(winner->configuration) + "\n";
  if (const VerdictRow* ours = row_named(verdict, kAutoArm);
      ours && !tunes_engine(definition) && ours->gain && claims_gain(*ours->gain))
    text += "Beside it: " + gain_claim(*ours, verdict);
  text +=
      "Search: " + std::to_string(verdict.search_trials) + " configurations" +
      (verdict.failed_trials > 0 ? ", " + std::to_string(verdict.failed_trials) + " failed" : "") +
      (verdict.noise ? "; noise of a download " + fixed(100 * *verdict.noise, 1) + " %; "
                     : "; noise unknown, of single downloads; ") +
      (is_cluster_tuning(definition) ? "each beside the baseline on its node"
       : verdict.drift_corrected     ? "drift found and corrected"
                                     : "drift not beyond noise") +
      "; " + format_byte_size(static_cast<double>(verdict.bytes_downloaded)) +
      " in complete downloads\n";
  text += kinds_text(verdict, untuned);
  if (profile) text += "Note: " + profile->at("remark").as_string() + "\n";
  if (tunes_engine(definition) && !row_named(verdict, kBoto3Arm))
    text +=
        "Note: boto3 was not measured (--python names an interpreter that has it); the first row "
        "is this engine with boto3's values.\n";
  return text;
}

Json to_json(const S3Verdict& verdict) {
  const auto gain_json = [](const std::optional<Gain>& gain) {
    if (!gain) return Json();
    return Json(Json::Object{{"ratio", gain->ratio},
                             {"lower", gain->lower},
                             {"upper", gain->upper},
                             {"pairs", static_cast<std::int64_t>(gain->num_pairs)}});
  };
  Json::Array rows;
  for (const VerdictRow& row : verdict.rows)
    rows.push_back(Json(Json::Object{{"name", row.name},
                                     {"label", row.label},
                                     {"mean_seconds", row.seconds.mean},
                                     {"median_seconds", row.seconds.median},
                                     {"smallest_seconds", row.seconds.smallest},
                                     {"largest_seconds", row.seconds.largest},
                                     {"bytes_per_second", row.bytes_per_second},
                                     {"cpu_seconds", row.cpu_seconds},
                                     {"peak_memory_bytes", row.peak_memory_bytes},
                                     {"gain", gain_json(row.gain)},
                                     {"configuration", row.configuration}}));
  Json::Array kinds;
  for (const VerdictKind& kind : verdict.kinds)
    kinds.push_back(Json(Json::Object{{"kind", kind.kind},
                                      {"nodes", Json::Array(kind.nodes.begin(), kind.nodes.end())},
                                      {"complete_blocks", kind.complete_blocks},
                                      {"tuning_gain", gain_json(kind.tuning_gain)}}));
  return Json(Json::Object{{"rows", std::move(rows)},
                           {"planned_blocks", verdict.planned_blocks},
                           {"complete_blocks", verdict.complete_blocks},
                           {"answer", verdict.answer},
                           {"gain", gain_json(verdict.gain)},
                           {"gain_claimed", verdict.gain_claimed},
                           {"tuning_gain", gain_json(verdict.tuning_gain)},
                           {"tuning_claimed", verdict.tuning_claimed},
                           {"search_trials", verdict.search_trials},
                           {"failed_trials", verdict.failed_trials},
                           {"drift_corrected", verdict.drift_corrected},
                           {"noise", verdict.noise ? Json(*verdict.noise) : Json()},
                           {"bytes_downloaded", verdict.bytes_downloaded},
                           {"kinds", std::move(kinds)}});
}

std::string ready_configuration(const S3Verdict& verdict, const TuningDefinition& definition) {
  const VerdictRow* row = row_named(verdict, kWinnerArm);
  const bool is_winner = verdict.answer == kWinnerArm && row;
  if (!is_winner && !tunes_engine(definition)) return {};
  const Json& object = definition.extra.at("object");
  return client_of(definition)
      .ready({.values = is_winner ? row->configuration : Json(Json::Object{}),
              .object = object.at("uri").as_string(),
              .endpoint_url = object.at("endpoint_url").as_string()});
}

}  // namespace skipjack::s3tune
