// Random tunings beside a model that knows no order statistics: it keeps all that happened in
// lists, and goes over them at every decision.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "halving_play.h"

namespace skipjack {
namespace {

using testing::HalvingPlay;

constexpr std::int64_t kMaxEpoch = 20;
const std::vector<std::int64_t> kLevels = {1, 2, 5, 9};

class Model {
 public:
  void come_to(std::int64_t level, TrialId trial, double loss) {
    values_[level].push_back({loss, trial});
  }
  void rest(std::int64_t level, TrialId trial) { resting_[trial] = level; }
  void resume(TrialId trial) { resting_.erase(trial); }

  /// numpy.quantile.
  std::optional<double> cutoff(std::size_t rung) const {
    const auto at = values_.find(kLevels[rung]);
    if (at == values_.end() || at->second.size() < 2) return std::nullopt;
    std::vector<double> sorted;
    for (const auto& [loss, trial] : at->second) sorted.push_back(loss);
    std::sort(sorted.begin(), sorted.end());
    const double q = static_cast<double>(kLevels[rung]) / static_cast<double>(next(rung));
    const double place = q * static_cast<double>(sorted.size() - 1);
    const auto low = static_cast<std::size_t>(place);
    const double part = place - static_cast<double>(low);
    return part == 0 ? sorted[low] : sorted[low] + part * (sorted[low + 1] - sorted[low]);
  }
  std::string promotion() const {
    for (std::size_t rung = kLevels.size(); rung-- > 0;) {
      const auto bound = cutoff(rung);
      if (!bound) continue;
      std::optional<std::pair<double, TrialId>> best;
      for (const auto& each : values_.at(kLevels[rung])) {
        const auto rests = resting_.find(each.second);
        if (rests == resting_.end() || rests->second != kLevels[rung]) continue;
        if (!best || each < *best) best = each;
      }
      if (best && best->first <= *bound)
        return "resume " + std::to_string(best->second) + " to " + std::to_string(next(rung));
    }
    return {};
  }
  static std::int64_t next(std::size_t rung) {
    return rung + 1 < kLevels.size() ? kLevels[rung + 1] : kMaxEpoch;
  }

 private:
  std::map<std::int64_t, std::vector<std::pair<double, TrialId>>> values_;
  std::map<TrialId, std::int64_t> resting_;
};

HalvingOptions options(HalvingType type) {
  return {.resource = {.max_t = kMaxEpoch, .rung_levels = kLevels}, .type = type};
}

/// Coarse, so that there are ties.
double draw_loss(Rng& rng) { return static_cast<double>(rng.uniform_int(0, 30)); }

TEST(HalvingAgainstAModel, PromotesTheSame) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng(seed, "promotion");
    HalvingPlay play(options(HalvingType::Promotion));
    Model model;
    std::map<TrialId, std::int64_t> running;  // to which level
    int num_resumed = 0;
    for (int step = 0; step < 400; ++step) {
      if (running.size() < 4) {
        const std::string expected = model.promotion(), said = play.decide(1);
        const auto id = static_cast<TrialId>(play.history().trials().size()) - 1;
        ASSERT_EQ(said, expected.empty() ? "start " + std::to_string(id) + " to 1" : expected)
            << "seed " << seed << " step " << step;
        const TrialId trial = expected.empty() ? id : std::stoll(said.substr(7));
        running[trial] = *play.history().find(trial)->max_resource;
        if (!expected.empty()) model.resume(trial), ++num_resumed;
        continue;
      }
      auto at = running.begin();
      std::advance(at, rng.uniform_int(0, 3));
      const auto [trial, level] = *at;
      running.erase(at);
      if (rng.bernoulli(0.05)) {
        play.end(trial, Outcome::Failed);
        continue;
      }
      const double loss = draw_loss(rng);
      const std::string said = play.report(trial, level, loss);
      if (level == kMaxEpoch) {
        ASSERT_EQ(said, "");
        play.end(trial, Outcome::Completed);
        continue;
      }
      ASSERT_EQ(said, "pause " + std::to_string(trial));
      model.come_to(level, trial, loss);
      model.rest(level, trial);
    }
    EXPECT_GT(num_resumed, 50);
  }
}

TEST(HalvingAgainstAModel, StopsTheSame) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng(seed, "stopping");
    HalvingPlay play(options(HalvingType::Stopping));
    Model model;
    std::map<TrialId, std::int64_t> running;  // how far
    int num_stopped = 0;
    for (int step = 0; step < 600; ++step) {
      if (running.size() < 5) {
        play.decide(1);
        running[static_cast<TrialId>(play.history().trials().size()) - 1] = 0;
        continue;
      }
      auto at = running.begin();
      std::advance(at, rng.uniform_int(0, 4));
      const TrialId trial = at->first;
      const std::int64_t level = ++at->second;
      const double loss = draw_loss(rng);
      const std::string said = play.report(trial, level, loss);
      std::string expected;
      if (const auto rung = std::find(kLevels.begin(), kLevels.end(), level);
          rung != kLevels.end()) {
        model.come_to(level, trial, loss);
        const auto bound = model.cutoff(static_cast<std::size_t>(rung - kLevels.begin()));
        if (bound && loss > *bound) expected = "stop " + std::to_string(trial);
      }
      ASSERT_EQ(said, expected) << "seed " << seed << " step " << step;
      if (level == kMaxEpoch) play.end(trial, Outcome::Completed);
      if (level == kMaxEpoch || !said.empty()) running.erase(trial);
      num_stopped += !said.empty();
    }
    EXPECT_GT(num_stopped, 50);
  }
}

}  // namespace
}  // namespace skipjack
