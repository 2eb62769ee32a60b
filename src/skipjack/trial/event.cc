// The journal's form of events: one flat JSON object each, "type" first, durations in whole
// nanoseconds so that nothing is rounded, what is unset left out.
#include "skipjack/trial/event.h"

#include <array>
#include <limits>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

constexpr std::array kOutcomes = {
    std::pair{Outcome::Completed, std::string_view("completed")},
    std::pair{Outcome::Failed, std::string_view("failed")},
    std::pair{Outcome::Stopped, std::string_view("stopped")},
    std::pair{Outcome::Paused, std::string_view("paused")},
    std::pair{Outcome::Lost, std::string_view("lost")},
};

Json typed(std::string_view type) { return Json(Json::Object{{"type", Json(type)}}); }

template <class Value>
void set_optional(Json& json, std::string_view key, const std::optional<Value>& value) {
  if (value) json.set(key, Json(*value));
}
void set_optional(Json& json, std::string_view key, const std::optional<Duration>& value) {
  if (value) json.set(key, Json(std::int64_t{value->count()}));
}

Json with_attempt(Json json, const AttemptId& id) {
  json.set("trial", Json(id.trial));
  json.set("attempt", Json(id.attempt));
  return json;
}

Json form_of(const RunStarted& body) {
  Json json = typed("run_started");
  json.set("run", Json(body.run));
  json.set("environment", body.environment);
  return json;
}

Json form_of(const RunEnded& body) {
  Json json = typed("run_ended");
  json.set("run", Json(body.run));
  json.set("reason", Json(body.reason));
  return json;
}

Json form_of(const TrialStarted& body) {
  Json json = typed("trial_started");
  json.set("trial", Json(body.trial));
  json.set("configuration", body.configuration);
  set_optional(json, "checkpoint_from", body.checkpoint_from);
  set_optional(json, "max_resource", body.max_resource);
  set_optional(json, "deadline_ns", body.deadline);
  if (!body.tag.is_null()) json.set("tag", body.tag);
  return json;
}

Json form_of(const TrialResumed& body) {
  Json json = with_attempt(typed("trial_resumed"), body.id);
  set_optional(json, "max_resource", body.max_resource);
  return json;
}

Json form_of(const StopOrdered& body) {
  Json json = typed("stop_ordered");
  json.set("trial", Json(body.trial));
  json.set("reason", Json(body.reason));
  set_optional(json, "bound", body.bound);
  return json;
}

Json form_of(const PauseOrdered& body) {
  Json json = typed("pause_ordered");
  json.set("trial", Json(body.trial));
  return json;
}

Json form_of(const DeadlineSet& body) {
  Json json = typed("deadline_set");
  json.set("trial", Json(body.trial));
  json.set("deadline_ns", Json(std::int64_t{body.deadline.count()}));
  return json;
}

Json form_of(const DeadlineReached& body) {
  Json json = typed("deadline_reached");
  json.set("trial", Json(body.trial));
  return json;
}

Json form_of(const CheckpointRemoved& body) {
  Json json = typed("checkpoint_removed");
  json.set("trial", Json(body.trial));
  return json;
}

Json form_of(const Reported& body) {
  Json json = with_attempt(typed("reported"), body.id);
  json.set("metrics", body.metrics);
  return json;
}

Json form_of(const AttemptEnded& body) {
  Json json = with_attempt(typed("attempt_ended"), body.id);
  json.set("outcome", Json(to_string(body.end.outcome)));
  set_optional(json, "exit_code", body.end.exit_code);
  set_optional(json, "signal", body.end.signal);
  json.set("reason", Json(body.end.reason));
  if (!body.end.error_tail.empty()) json.set("error_tail", Json(body.end.error_tail));
  return json;
}

Json form_of(const ModelFitted& body) {
  Json json = typed("model_fitted");
  json.set("parameters", body.parameters);
  return json;
}

int small_int(const Json& value) {
  const std::int64_t number = value.as_int();
  if (number < std::numeric_limits<int>::min() || number > std::numeric_limits<int>::max())
    throw Error(ErrorCode::InvalidArgument, std::to_string(number) + " must fit into 32 bits");
  return static_cast<int>(number);
}

int count_of(const Json& json, std::string_view key) {
  const int number = small_int(json.at(key));
  if (number < 0)
    throw Error(ErrorCode::InvalidArgument,
                std::string(key) + " = " + std::to_string(number) + " must be >= 0");
  return number;
}

TrialId trial_of(const Json& value) {
  const TrialId id = value.as_int();
  if (id < 0)
    throw Error(ErrorCode::InvalidArgument, "trial = " + std::to_string(id) + " must be >= 0");
  return id;
}

AttemptId attempt_of(const Json& json) {
  return {trial_of(json.at("trial")), count_of(json, "attempt")};
}

std::optional<std::int64_t> optional_int(const Json& json, std::string_view key) {
  const Json* value = json.find(key);
  return value == nullptr ? std::nullopt : std::optional(value->as_int());
}

std::optional<int> optional_small_int(const Json& json, std::string_view key) {
  const Json* value = json.find(key);
  return value == nullptr ? std::nullopt : std::optional(small_int(*value));
}

Json value_or_null(const Json& json, std::string_view key) {
  const Json* value = json.find(key);
  return value == nullptr ? Json() : *value;
}

TrialStarted trial_started_from(const Json& json) {
  TrialStarted body;
  body.trial = trial_of(json.at("trial"));
  body.configuration = json.at("configuration");
  (void)body.configuration.as_object();
  if (const Json* from = json.find("checkpoint_from")) body.checkpoint_from = trial_of(*from);
  body.max_resource = optional_int(json, "max_resource");
  if (const auto deadline = optional_int(json, "deadline_ns")) body.deadline = Duration(*deadline);
  body.tag = value_or_null(json, "tag");
  return body;
}

AttemptEnded attempt_ended_from(const Json& json) {
  AttemptEnded body;
  body.id = attempt_of(json);
  const std::string& name = json.at("outcome").as_string();
  const auto outcome = outcome_from_string(name);
  if (!outcome) throw Error(ErrorCode::InvalidArgument, "outcome '" + name + "' is unknown");
  body.end.outcome = *outcome;
  body.end.exit_code = optional_small_int(json, "exit_code");
  body.end.signal = optional_small_int(json, "signal");
  body.end.reason = json.at("reason").as_string();
  if (const Json* tail = json.find("error_tail")) body.end.error_tail = tail->as_string();
  return body;
}

StopOrdered stop_ordered_from(const Json& json) {
  StopOrdered body{trial_of(json.at("trial")), json.at("reason").as_string()};
  if (const Json* bound = json.find("bound")) body.bound = bound->as_double();
  return body;
}

Reported reported_from(const Json& json) {
  Reported body{attempt_of(json), json.at("metrics")};
  (void)body.metrics.as_object();
  return body;
}

EventBody body_from(const Json& json) {
  const std::string& type = json.at("type").as_string();
  const auto trial = [&] { return trial_of(json.at("trial")); };
  if (type == "run_started")
    return RunStarted{count_of(json, "run"), value_or_null(json, "environment")};
  if (type == "run_ended") return RunEnded{count_of(json, "run"), json.at("reason").as_string()};
  if (type == "trial_started") return trial_started_from(json);
  if (type == "trial_resumed")
    return TrialResumed{attempt_of(json), optional_int(json, "max_resource")};
  if (type == "stop_ordered") return stop_ordered_from(json);
  if (type == "pause_ordered") return PauseOrdered{trial()};
  if (type == "checkpoint_removed") return CheckpointRemoved{trial()};
  if (type == "deadline_set")
    return DeadlineSet{trial(), Duration(json.at("deadline_ns").as_int())};
  if (type == "deadline_reached") return DeadlineReached{trial()};
  if (type == "reported") return reported_from(json);
  if (type == "attempt_ended") return attempt_ended_from(json);
  if (type == "model_fitted") return ModelFitted{json.at("parameters")};
  throw Error(ErrorCode::InvalidArgument, "type '" + type + "' is unknown");
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  for (const auto& [value, name] : kOutcomes)
    if (value == outcome) return name;
  check_failed("a known outcome", __FILE__, __LINE__);
}

std::optional<Outcome> outcome_from_string(std::string_view text) {
  for (const auto& [value, name] : kOutcomes)
    if (name == text) return value;
  return std::nullopt;
}

Json to_json(const EventBody& body) {
  return std::visit([](const auto& kind) { return form_of(kind); }, body);
}

EventBody event_body_from_json(const Json& json) {
  try {
    return body_from(json);
  } catch (const Error& error) {
    throw Error(ErrorCode::Corrupted, std::string("unreadable event: ") + error.what(),
                "the journal may have been written by a newer version");
  }
}

}  // namespace skipjack
