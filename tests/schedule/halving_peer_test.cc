// The same values, the same order: what Syne Tune 0.13's rung systems decided, recorded by a
// program that drives them without tuner and backend.
#include <gtest/gtest.h>

#include <sstream>

#include "halving_play.h"

namespace skipjack {
namespace {

using testing::HalvingPlay;

const std::vector<std::int64_t> kLevels = {1, 3, 9};
constexpr std::int64_t kMaxEpoch = 27;

/// By trial: losses at epochs 1, 3, 9 and 27.
constexpr int kCurves[16][4] = {
    {113, 87, 81, 66},  {79, 46, 41, 41},     {83, 49, 36, 32}, {92, 81, 74, 79},
    {80, 74, 66, 67},   {139, 110, 112, 109}, {66, 61, 69, 73}, {51, 38, 41, 32},
    {110, 105, 99, 89}, {69, 51, 38, 37},     {68, 40, 42, 30}, {109, 105, 101, 98},
    {88, 78, 66, 62},   {75, 57, 64, 63},     {55, 47, 50, 49}, {106, 80, 77, 65}};

HalvingOptions options(HalvingType type, Mode mode) {
  return {
      .metrics = {{.name = "loss", .mode = mode}}, .resource = {.max_t = kMaxEpoch}, .type = type};
}

std::vector<double> quantiles() { return rung_quantiles(kLevels, kMaxEpoch); }

/// Trials side by side, trial t at its k-th level in step t + 5 k: "trial@level", and + for what
/// goes on.
std::string stopping(HalvingOptions o) {
  const double sign = o.metrics.front().mode == Mode::Min ? 1 : -1;
  HalvingPlay play(std::move(o));
  for (int t = 0; t < 16; ++t) play.decide(1);
  std::string log;
  for (int step = 0; step < 31; ++step)
    for (int t = 0; t < 16; ++t) {
      const int k = (step - t) / 5;
      if (step < t || (step - t) % 5 != 0 || k > 2) continue;
      if (play.history().find(t)->status != TrialStatus::Running) continue;
      const std::int64_t level = kLevels[static_cast<std::size_t>(k)];
      const bool goes_on = play.report(t, level, sign * kCurves[t][k]).empty();
      log += (log.empty() ? "" : " ") + std::to_string(t) + "@" + std::to_string(level) +
             (goes_on ? "+" : "-");
    }
  return log;
}

/// One worker: "s3" for trial 3 started, "r1>9" for trial 1 resumed to level 9. loss: of a trial
/// at an epoch. All epochs are reported. Ends where the 16th or so trial would start.
std::string promotion(HalvingOptions o, int num_trials, bool every_epoch,
                      double (*loss)(std::int64_t trial, std::int64_t epoch)) {
  const double sign = o.metrics.front().mode == Mode::Min ? 1 : -1;
  HalvingPlay play(std::move(o));
  std::string log;
  std::vector<std::int64_t> reached(static_cast<std::size_t>(num_trials));
  for (;;) {
    if (static_cast<int>(play.history().trials().size()) == num_trials) {
      // The next one may be a resumption still; a start ends it.
      const std::string last = play.decide(1);
      if (last.starts_with("start")) return log;
      log += " " + last;
    } else {
      log += (log.empty() ? "" : " ") + play.decide(1);
    }
    const Trial* trial = nullptr;
    for (const Trial& each : play.history().trials())
      if (each.status == TrialStatus::Running) trial = &each;
    const TrialId id = trial->id;
    const std::int64_t target = *trial->max_resource, done = reached[static_cast<std::size_t>(id)];
    for (std::int64_t epoch = every_epoch ? done + 1 : target; epoch <= target; ++epoch)
      play.report(
          id, Json::Object{{"epoch", epoch},
                           {"loss", sign * loss(id, epoch)},
                           {"cost", static_cast<double>((target - done) * (1 + (id * 7) % 5))}});
    reached[static_cast<std::size_t>(id)] = target;
    if (target == kMaxEpoch) play.end(id, Outcome::Completed);
  }
}

double of_table(std::int64_t trial, std::int64_t epoch) {
  return kCurves[trial][epoch == 1 ? 0 : epoch == 3 ? 1 : epoch == 9 ? 2 : 3];
}

/// "s0 r1>3" in the words of HalvingPlay.
std::string spelled(const std::string& shorthand) {
  std::istringstream in(shorthand);
  std::string text, word;
  while (in >> word) {
    const std::size_t arrow = word.find('>');
    text += (text.empty() ? "" : " ") + (word[0] == 's' ? "start " + word.substr(1) + " to 1"
                                                        : "resume " + word.substr(1, arrow - 1) +
                                                              " to " + word.substr(arrow + 1));
  }
  return text;
}

TEST(SyneTunesDecisions, Stopping) {
  for (const Mode mode : {Mode::Min, Mode::Max})
    EXPECT_EQ(stopping(options(HalvingType::Stopping, mode)),
              "0@1+ 1@1+ 2@1- 3@1- 4@1+ 0@3+ 5@1- 1@3+ 6@1+ 7@1+ 8@1- 4@3- 9@1+ 0@9+ 10@1+ 1@9+ "
              "6@3+ 11@1- 7@3+ 12@1- 13@1+ 9@3- 14@1+ 10@3+ 15@1- 6@9- 7@9+ 13@3- 14@3- 10@9-");
}

TEST(SyneTunesDecisions, RushStopping) {
  HalvingOptions o = options(HalvingType::Stopping, Mode::Min);
  o.make_rule = [] { return make_rush_rule(quantiles(), 3); };
  EXPECT_EQ(stopping(std::move(o)),
            "0@1+ 1@1+ 2@1- 3@1- 4@1- 0@3+ 5@1- 1@3+ 6@1+ 7@1+ 8@1- 9@1+ 0@9+ 10@1+ 1@9+ 6@3- "
            "11@1- 7@3+ 12@1- 13@1+ 9@3- 14@1+ 10@3+ 15@1- 7@9+ 13@3- 14@3- 10@9-");
}

TEST(SyneTunesDecisions, Promotion) {
  for (const Mode mode : {Mode::Min, Mode::Max})
    EXPECT_EQ(promotion(options(HalvingType::Promotion, mode), 16, false, of_table),
              spelled("s0 s1 r1>3 s2 s3 r2>3 r1>9 s4 r4>3 s5 s6 r6>3 r2>9 r2>27 s7 r7>3 r7>9 s8 s9 "
                      "r9>3 s10 r10>3 r10>9 r1>27 r7>27 s11 s12 s13 r13>3 s14 r14>3 s15"));
}

TEST(SyneTunesDecisions, CostAwarePromotion) {
  HalvingOptions o = options(HalvingType::Promotion, Mode::Min);
  o.make_rule = [] { return make_cost_rule(quantiles()); };
  o.cost_metric = "cost";
  EXPECT_EQ(promotion(std::move(o), 16, false, of_table),
            spelled("s0 s1 s2 r1>3 s3 s4 s5 s6 r6>3 s7 r7>3 s8 s9 s10 r10>3 s11 s12 r9>3 r7>9 s13 "
                    "s14 r14>3 r10>9 s15"));
}

TEST(SyneTunesDecisions, RushPromotion) {
  HalvingOptions o = options(HalvingType::Promotion, Mode::Min);
  o.make_rule = [] { return make_rush_rule(quantiles(), 3); };
  EXPECT_EQ(promotion(std::move(o), 16, false, of_table),
            spelled("s0 s1 r1>3 s2 s3 r2>3 r1>9 s4 s5 s6 r6>3 s7 r7>3 r7>9 r1>27 r7>27 s8 s9 r9>3 "
                    "s10 r10>3 r10>9 s11 s12 s13 r13>3 s14 r14>3 s15"));
}

/// A loss in whole numbers, noisy to a degree.
template <int noise>
double noisy(std::int64_t t, std::int64_t e) {
  const std::int64_t whole = (t * 37) % 50 + 60 / e + (t * t * 13 + e * 29 + t * e * 7) % noise;
  return static_cast<double>(whole);
}

std::string pasha(std::vector<std::int64_t> levels, std::int64_t max_t, int num_trials,
                  double (*loss)(std::int64_t, std::int64_t)) {
  HalvingOptions o{.metrics = {{.name = "loss"}},
                   .resource = {.max_t = max_t, .rung_levels = levels},
                   .type = HalvingType::Promotion};
  o.make_rule = [resource = o.resource] {
    return make_pasha_rule(rung_quantiles(resource.rung_levels, resource.max_t),
                           level_options(resource, SearcherData::All), {.name = "loss"});
  };
  std::string all = promotion(std::move(o), num_trials, true, loss), resumed;
  std::istringstream in(all);
  for (std::string word; in >> word;)
    if (word == "resume") {
      std::string trial, to, level;
      in >> trial >> to >> level;
      resumed += (resumed.empty() ? "r" : " r") + trial + ">" + level;
    }
  return resumed;
}

// Cases in which Syne Tune decides the same whatever the order of its sets of trials; elsewhere it
// doesn't: its epsilon counts some pairs twice.
TEST(SyneTunesDecisions, Pasha) {
  EXPECT_EQ(pasha({1, 3, 9}, 27, 40, noisy<3>),
            "r0>3 r3>3 r6>3 r7>3 r10>3 r11>3 r14>3 r15>3 r18>3 r19>3 r22>3 r23>3 r26>3 r30>3 r34>3 "
            "r37>3 r38>3");
  EXPECT_EQ(pasha({2, 4, 8, 16}, 32, 40, noisy<9>),
            "r0>4 r2>4 r3>4 r6>4 r0>8 r3>8 r7>4 r7>8 r10>4 r11>4 r11>8 r14>4 r15>4 r15>8 r18>4 "
            "r19>4 r19>8 r21>4 r22>4 r22>8 r23>4 r23>8 r25>4 r26>4 r26>8 r29>4 r30>4 r30>8 r33>4 "
            "r34>4 r34>8 r37>4 r38>4 r38>8");
  EXPECT_EQ(pasha({2, 4, 8, 16}, 32, 40, noisy<25>),
            "r0>4 r2>4 r3>4 r6>4 r0>8 r6>8 r7>4 r3>8 r5>4 r11>4 r11>8 r14>4 r14>8 r15>4 r15>8 "
            "r17>4 r18>4 r18>8 r19>4 r19>8 r21>4 r22>4 r23>4 r23>8 r25>4 r26>4 r26>8 r30>4 r30>8 "
            "r33>4 r34>4 r38>4 r38>8");
  EXPECT_EQ(pasha({4, 8, 16}, 32, 60, noisy<9>),
            "r0>8 r2>8 r3>8 r6>8 r7>8 r10>8 r0>16 r7>16 r3>16 r11>8 r11>16 r14>8 r15>8 r15>16 "
            "r17>8 r18>8 r14>16 r19>8 r19>16 r21>8 r22>8 r23>8 r23>16 r25>8 r26>8 r26>16 r30>8 "
            "r30>16 r29>8 r33>8 r34>8 r34>16 r37>8 r38>8 r38>16 r41>8 r41>16 r42>8 r42>16 r44>8 "
            "r45>8 r46>8 r46>16 r48>8 r49>8 r50>8 r50>16 r52>8 r53>8 r53>16 r57>8 r57>16");
}

}  // namespace
}  // namespace skipjack
