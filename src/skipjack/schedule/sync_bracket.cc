#include "skipjack/schedule/sync_bracket.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack {

std::vector<std::int64_t> sync_levels(std::int64_t grace_period, std::int64_t max_t, double eta) {
  std::vector<std::int64_t> levels;
  double level = static_cast<double>(grace_period);
  // The rung that would be nearest below max_t is max_t itself.
  for (; level * eta <= static_cast<double>(max_t) * (1 + 1e-12); level *= eta)
    levels.push_back(std::llround(level));
  levels.push_back(max_t);
  return levels;
}

std::vector<std::vector<SyncRung>> sync_ladders(const std::vector<std::int64_t>& levels, double eta,
                                                std::size_t num_brackets) {
  std::vector<std::vector<SyncRung>> ladders;
  const std::size_t s = levels.size() - 1;
  for (std::size_t b = 0; b < num_brackets; ++b) {
    const double f = static_cast<double>(s + 1) / static_cast<double>(s - b + 1);
    std::vector<SyncRung> ladder;
    for (std::size_t j = 0; b + j <= s; ++j) {
      const double size = f * std::pow(eta, static_cast<double>(s - b - j));
      ladder.push_back({levels[b + j], static_cast<std::int64_t>(std::ceil(size * (1 - 1e-12)))});
    }
    ladders.push_back(std::move(ladder));
  }
  return ladders;
}

std::vector<SyncBracket::Place> ranked(const std::vector<SyncBracket::Place>& places) {
  using Place = SyncBracket::Place;
  std::vector<Place> done;
  for (const Place& place : places)
    if (place.state == Place::State::Done && std::isfinite(place.loss)) done.push_back(place);
  std::sort(done.begin(), done.end(), [](const Place& a, const Place& b) {
    return std::pair(a.loss, a.trial) < std::pair(b.loss, b.trial);
  });
  return done;
}

SyncBracket::SyncBracket(std::vector<SyncRung> ladder, Advance advance)
    : ladder_(std::move(ladder)),
      advance_(advance),
      places_(ladder_.size()),
      num_open_(ladder_.front().size) {}

bool SyncBracket::is_open() const { return !is_done() && num_open_ > 0; }

const SyncBracket::Place* SyncBracket::find(TrialId trial) const {
  const auto at = at_.find(trial);
  return at == at_.end() ? nullptr : &places_[rung_][at->second];
}

SyncBracket::Place* SyncBracket::find(TrialId trial) {
  return const_cast<Place*>(std::as_const(*this).find(trial));
}

std::optional<TrialId> SyncBracket::waiting() const {
  if (is_done()) return std::nullopt;
  const std::vector<Place>& places = places_[rung_];
  // Nobody begins to wait once the rung is under way.
  while (first_waiting_ < places.size() && places[first_waiting_].state != Place::State::Waiting)
    ++first_waiting_;
  if (first_waiting_ == places.size()) return std::nullopt;
  return places[first_waiting_].trial;
}

bool SyncBracket::is_waiting(TrialId trial) const {
  const Place* place = find(trial);
  return place && place->state == Place::State::Waiting;
}

bool SyncBracket::is_running(TrialId trial) const {
  const Place* place = find(trial);
  return place && place->state == Place::State::Running;
}

void SyncBracket::start(TrialId trial) {
  SKIPJACK_CHECK(is_open());
  --num_open_;
  ++num_unsettled_;
  at_[trial] = places_[rung_].size();
  places_[rung_].push_back({.trial = trial});
}

void SyncBracket::resume(TrialId trial) {
  SKIPJACK_CHECK(is_waiting(trial));
  find(trial)->state = Place::State::Running;
}

void SyncBracket::settle(Place& place, Place::State state) {
  if (place.state == Place::State::Waiting || place.state == Place::State::Running)
    --num_unsettled_;
  place.state = state;
  advance();
}

void SyncBracket::finish(TrialId trial, double loss) {
  Place* place = find(trial);
  if (!place || place->state == Place::State::Done || place->state == Place::State::Failed) return;
  place->loss = loss;
  settle(*place, Place::State::Done);
}

void SyncBracket::fail(TrialId trial) {
  if (Place* place = find(trial)) settle(*place, Place::State::Failed);
}

void SyncBracket::close() {
  num_open_ = 0;
  advance();
}

void SyncBracket::advance() {
  if (is_done() || num_open_ > 0 || num_unsettled_ > 0) return;
  const std::vector<Place> best = ranked(places_[rung_]);
  ++rung_;
  at_.clear();
  first_waiting_ = 0;
  if (is_done()) return;
  if (advance_ == Advance::Renew) {
    num_open_ = ladder_[rung_].size;
    return;
  }
  const auto size = static_cast<std::size_t>(ladder_[rung_].size);
  for (std::size_t i = 0; i < std::min(size, best.size()); ++i) {
    at_[best[i].trial] = i;
    places_[rung_].push_back({.trial = best[i].trial, .state = Place::State::Waiting});
  }
  num_unsettled_ = static_cast<std::int64_t>(places_[rung_].size());
  if (places_[rung_].empty()) rung_ = ladder_.size();
}

}  // namespace skipjack
