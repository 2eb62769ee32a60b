// Random event bodies of every kind, and their comparison field by field.
#pragma once

#include <cmath>

#include "skipjack/base/rng.h"
#include "skipjack/trial/event.h"

namespace skipjack {

inline Json random_json(Rng& rng, int depth = 0) {
  switch (rng.uniform_int(0, depth < 2 ? 6 : 4)) {
    case 0:
      return nullptr;
    case 1:
      return rng.bernoulli(0.5);
    case 2:
      return rng.uniform_int(INT64_MIN / 2, INT64_MAX / 2);
    case 3:
      return std::exp(rng.uniform(-300, 300)) * (rng.bernoulli(0.5) ? 1 : -1);
    case 4:
      return "text \"\\\n\xe2\x82\xac" + std::to_string(rng.next());
    case 5: {
      Json::Array items;
      for (std::int64_t i = rng.uniform_int(0, 3); i > 0; --i)
        items.push_back(random_json(rng, depth + 1));
      return items;
    }
    default: {
      Json object{Json::Object{}};
      for (std::int64_t i = rng.uniform_int(0, 3); i > 0; --i)
        object.set("key" + std::to_string(i), random_json(rng, depth + 1));
      return object;
    }
  }
}

inline Json random_object(Rng& rng) {
  Json object{Json::Object{}};
  for (std::int64_t i = rng.uniform_int(0, 4); i > 0; --i)
    object.set("k" + std::to_string(i), random_json(rng));
  return object;
}

inline std::optional<std::int64_t> maybe_int(Rng& rng) {
  if (rng.bernoulli(0.5)) return std::nullopt;
  return rng.uniform_int(0, std::int64_t{1} << 40);
}

inline EventBody random_event_body(Rng& rng) {
  const auto small = [&] { return static_cast<int>(rng.uniform_int(0, 1000)); };
  const auto text = [&] { return "because \t" + std::to_string(rng.next()); };
  const auto duration = [&] { return Duration(rng.uniform_int(0, INT64_MAX)); };
  const AttemptId id{rng.uniform_int(0, 1 << 30), small()};
  switch (rng.uniform_int(0, 11)) {
    case 0:
      return RunStarted{small(), random_object(rng)};
    case 1:
      return RunEnded{small(), text()};
    case 2: {
      TrialStarted body{.trial = id.trial, .configuration = random_object(rng)};
      body.checkpoint_from = maybe_int(rng);
      body.max_resource = maybe_int(rng);
      if (rng.bernoulli(0.5)) body.deadline = duration();
      body.tag = random_json(rng);
      return body;
    }
    case 3:
      return TrialResumed{id, maybe_int(rng)};
    case 4:
      return StopOrdered{id.trial, text()};
    case 5:
      return PauseOrdered{id.trial};
    case 6:
      return DeadlineSet{id.trial, duration()};
    case 7:
      return DeadlineReached{id.trial};
    case 11:
      return CheckpointRemoved{id.trial};
    case 8:
      return Reported{id, random_object(rng)};
    case 9: {
      AttemptEnded body{.id = id, .end = {}};
      body.end.outcome = static_cast<Outcome>(rng.uniform_int(0, 4));
      if (rng.bernoulli(0.5)) body.end.exit_code = small();
      if (rng.bernoulli(0.5)) body.end.signal = small();
      body.end.reason = text();
      if (rng.bernoulli(0.5)) body.end.error_tail = text();
      return body;
    }
    default:
      return ModelFitted{random_json(rng)};
  }
}

inline bool same(const RunStarted& a, const RunStarted& b) {
  return a.run == b.run && a.environment == b.environment;
}
inline bool same(const RunEnded& a, const RunEnded& b) {
  return a.run == b.run && a.reason == b.reason;
}
inline bool same(const TrialStarted& a, const TrialStarted& b) {
  return a.trial == b.trial && a.configuration == b.configuration &&
         a.checkpoint_from == b.checkpoint_from && a.max_resource == b.max_resource &&
         a.deadline == b.deadline && a.tag == b.tag;
}
inline bool same(const TrialResumed& a, const TrialResumed& b) {
  return a.id == b.id && a.max_resource == b.max_resource;
}
inline bool same(const StopOrdered& a, const StopOrdered& b) {
  return a.trial == b.trial && a.reason == b.reason;
}
inline bool same(const PauseOrdered& a, const PauseOrdered& b) { return a.trial == b.trial; }
inline bool same(const CheckpointRemoved& a, const CheckpointRemoved& b) {
  return a.trial == b.trial;
}
inline bool same(const DeadlineSet& a, const DeadlineSet& b) {
  return a.trial == b.trial && a.deadline == b.deadline;
}
inline bool same(const DeadlineReached& a, const DeadlineReached& b) { return a.trial == b.trial; }
inline bool same(const Reported& a, const Reported& b) {
  return a.id == b.id && a.metrics == b.metrics;
}
inline bool same(const AttemptEnded& a, const AttemptEnded& b) {
  return a.id == b.id && a.end.outcome == b.end.outcome && a.end.exit_code == b.end.exit_code &&
         a.end.signal == b.end.signal && a.end.reason == b.end.reason &&
         a.end.error_tail == b.end.error_tail;
}
inline bool same(const ModelFitted& a, const ModelFitted& b) {
  return a.parameters == b.parameters;
}

inline bool same(const EventBody& a, const EventBody& b) {
  return std::visit(
      [](const auto& x, const auto& y) {
        if constexpr (std::is_same_v<decltype(x), decltype(y)>)
          return same(x, y);
        else
          return false;
      },
      a, b);
}

}  // namespace skipjack
