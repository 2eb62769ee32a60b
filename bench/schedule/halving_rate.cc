// How many decisions a second asynchronous successive halving makes, by number of running trials: a
// decision is one report taken in by history and scheduler, and what follows from it. Trials report
// in turn; what is stopped or done is replaced. It checks each decision against a reference that
// sorts all values of a rung anew. halving_rate [decisions] [running...]; default 1,000,000 with
// 100, 10,000 and 100,000.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <vector>

#include "skipjack/base/rng.h"
#include "skipjack/schedule/halving.h"

namespace skipjack {
namespace {

constexpr std::int64_t kMaxEpoch = 81;
constexpr double kQuantile = 1.0 / 3;

class Counting final : public Searcher {
 public:
  Suggestion suggest(const History& history, const SuggestContext&) override {
    return Proposal{.configuration =
                        Json::Object{{"x", static_cast<std::int64_t>(history.trials().size())}}};
  }
};

/// The loss of a trial at an epoch.
double loss(TrialId trial, std::int64_t epoch) {
  Rng rng(1, "loss", static_cast<std::uint64_t>(trial));
  const double quality = rng.uniform();
  Rng noise(2, "noise", static_cast<std::uint64_t>(trial * kMaxEpoch + epoch));
  return quality + 1 / static_cast<double>(epoch) + 0.1 * noise.uniform();
}

struct Decision {
  std::int64_t epoch = 0;
  double loss = 0;
  bool stops = false;
};

class Play {
 public:
  explicit Play(int num_running) : running_(static_cast<std::size_t>(num_running)) {
    scheduler_ = make_halving({.searcher = std::make_unique<Counting>(),
                               .metrics = {{.name = "loss"}},
                               .resource = {.max_t = kMaxEpoch}});
    for (Running& each : running_) start(each);
  }

  Decision report(std::size_t index) {
    Running& its = running_[index];
    Decision decision{.epoch = ++its.epoch, .loss = loss(its.trial, its.epoch)};
    apply(Reported{.id = {its.trial, 0},
                   .metrics = Json::Object{{"epoch", decision.epoch}, {"loss", decision.loss}}});
    decision.stops = !scheduler_->decide(view(0)).empty();
    if (decision.stops) {
      apply(StopOrdered{.trial = its.trial, .reason = {}});
      apply(AttemptEnded{{its.trial, 0}, {.outcome = Outcome::Stopped}});
    } else if (its.epoch == kMaxEpoch) {
      apply(AttemptEnded{{its.trial, 0}, {.outcome = Outcome::Completed}});
    } else {
      return decision;
    }
    start(its);
    return decision;
  }

 private:
  struct Running {
    TrialId trial = 0;
    std::int64_t epoch = 0;
  };

  SchedulerView view(int free_workers) const {
    return {.history = history_, .free_workers = free_workers};
  }
  void apply(EventBody body) {
    const Event event{.number = number_++, .body = std::move(body)};
    history_.apply(event);
    scheduler_->apply(event, history_);
  }
  void start(Running& its) {
    const auto commands = scheduler_->decide(view(1));
    its = {.trial = static_cast<TrialId>(history_.trials().size())};
    apply(TrialStarted{.trial = its.trial,
                       .configuration = std::get<Start>(commands.at(0)).configuration});
  }

  std::unique_ptr<Scheduler> scheduler_;
  History history_;
  std::int64_t number_ = 0;
  std::vector<Running> running_;
};

/// By sorting; the same decisions, slowly.
class Reference {
 public:
  bool stops(const Decision& decision) {
    if (decision.epoch >= kMaxEpoch || !is_rung(decision.epoch)) return false;
    std::vector<double>& values = rungs_[decision.epoch];
    values.insert(std::upper_bound(values.begin(), values.end(), decision.loss), decision.loss);
    if (values.size() < 2) return false;
    const double place = kQuantile * static_cast<double>(values.size() - 1);
    const auto low = static_cast<std::size_t>(place);
    const double part = place - static_cast<double>(low);
    return decision.loss > values[low] + part * (values[low + 1] - values[low]);
  }

 private:
  static bool is_rung(std::int64_t epoch) {
    return epoch == 1 || epoch == 3 || epoch == 9 || epoch == 27;
  }
  std::map<std::int64_t, std::vector<double>> rungs_;
};

bool measure(int num_decisions, int num_running) {
  Play play(num_running);
  std::vector<Decision> decisions;
  decisions.reserve(static_cast<std::size_t>(num_decisions));
  const auto begin = std::chrono::steady_clock::now();
  const std::clock_t cpu_begin = std::clock();
  for (int i = 0; i < num_decisions; ++i)
    decisions.push_back(play.report(static_cast<std::size_t>(i % num_running)));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const double cpu = static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;
  Reference reference;
  int num_wrong = 0, num_stops = 0;
  for (const Decision& decision : decisions) {
    num_wrong += decision.stops != reference.stops(decision);
    num_stops += decision.stops;
  }
  std::printf(
      "%8d running: %d decisions in %.2f s, of the CPU %.2f s, %.0f a CPU second; %d stops, %d "
      "differ\n",
      num_running, num_decisions, seconds, cpu, num_decisions / cpu, num_stops, num_wrong);
  return num_wrong == 0 && num_stops > 0;
}

}  // namespace
}  // namespace skipjack

int main(int argc, char** argv) {
  const int num_decisions = argc > 1 ? std::atoi(argv[1]) : 1'000'000;
  std::vector<int> running;
  for (int i = 2; i < argc; ++i) running.push_back(std::atoi(argv[i]));
  if (running.empty()) running = {100, 10'000, 100'000};
  bool good = true;
  for (const int number : running) good = skipjack::measure(num_decisions, number) && good;
  if (!good) std::fprintf(stderr, "halving_rate: the answer is wrong\n");
  return good ? 0 : 1;
}
