#include "skipjack/schedule/population.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/base/invalid.h"
#include "skipjack/base/json.h"
#include "skipjack/schedule/explore.h"
#include "skipjack/schedule/resource.h"

namespace skipjack {
namespace {

constexpr std::int64_t kMaxPopulation = 10'000;
/// Of a member's trials in a row that end before they report.
constexpr int kMaxSilent = 3;

struct Member {
  enum class State {
    Unborn,    ///< it never had a trial
    Running,   ///< lost attempts among them
    Resting,   ///< paused
    Orphaned,  ///< its trial ended, and the next one has not begun
    Empty,     ///< for good: too many of its trials reported nothing
  };
  State state = State::Unborn;
  /// The current or last one.
  TrialId trial = 0;
  /// Level of the trial, or of the checkpoint that it began with.
  std::int64_t reached = 0;
  /// At which it compares itself next.
  std::int64_t next = 0;
  /// At its trial's last comparison; smaller is better.
  std::optional<double> loss = std::nullopt;
  bool has_reported = false;
  int num_silent = 0;

  bool is_waiting() const {
    return state == State::Unborn || state == State::Resting || state == State::Orphaned;
  }
  bool is_alive() const { return state == State::Running || state == State::Resting; }
};

void validate(const PopulationOptions& o) {
  if (!o.searcher) invalid("searcher = null: a population needs configurations to begin with");
  if (o.max_t < 2) invalid("max_t = " + std::to_string(o.max_t) + " must be >= 2");
  if (o.population_size == 1)
    invalid("population_size = 1: a population of one has nobody to learn from",
            "give at least 2, better 10 or more");
  if (o.population_size < 1 || o.population_size > kMaxPopulation)
    invalid("population_size = " + std::to_string(o.population_size) + " must be in [2, " +
            std::to_string(kMaxPopulation) + "]");
  const auto interval = o.perturbation_interval;
  if (interval && (*interval < 1 || *interval >= o.max_t))
    invalid("perturbation_interval = " + std::to_string(*interval) +
            " must be in [1, max_t = " + std::to_string(o.max_t) + ")");
  if (!(o.quantile_fraction > 0 && o.quantile_fraction <= 0.5))
    invalid("quantile_fraction = " + shortest_decimal(o.quantile_fraction) +
            " must be in (0, 0.5]");
  if (!(o.resample_probability >= 0 && o.resample_probability <= 1))
    invalid("resample_probability = " + shortest_decimal(o.resample_probability) +
            " must be in [0, 1]");
}

class PopulationTraining final : public Scheduler {
 public:
  explicit PopulationTraining(PopulationOptions options)
      : options_(std::move(options)), log_(options_.resource_attr, {options_.metric}) {
    validate(options_);
    interval_ =
        options_.perturbation_interval.value_or(std::max<std::int64_t>(1, options_.max_t / 10));
  }

  void apply(const Event& event, const History& history) override {
    if (const auto* fitted = std::get_if<ModelFitted>(&event.body))
      options_.searcher->restore(fitted->parameters);
    if (const auto* started = std::get_if<TrialStarted>(&event.body)) take_start(*started);
    if (const auto* resumed = std::get_if<TrialResumed>(&event.body))
      if (const auto index = current(resumed->id.trial)) set_state(*index, Member::State::Running);
    if (const auto* report = std::get_if<Reported>(&event.body)) take_report(*report, history);
    if (const auto* pause = std::get_if<PauseOrdered>(&event.body))
      if (const auto index = current(pause->trial))
        if (ready_.erase(*index) > 0) pausing_.insert(*index);
    if (const auto* stop = std::get_if<StopOrdered>(&event.body)) {
      const Trial& trial = *history.find(stop->trial);
      to_stop_.erase(stop->trial);
      if (const auto index = current(stop->trial)) ready_.erase(*index);
      // At rest, or its attempt lost: no end will follow.
      if (!trial.ending && trial.status == TrialStatus::Stopped)
        take_end(stop->trial, Outcome::Stopped);
    }
    if (const auto* ended = std::get_if<AttemptEnded>(&event.body))
      take_end(ended->id.trial, ended->end.outcome);
  }

  std::vector<Command> decide(const SchedulerView& view) override {
    log_.require_sense();
    std::vector<Command> commands;
    for (const TrialId trial : to_stop_)
      if (!view.history.find(trial)->ending)
        commands.push_back(Stop{.trial = trial,
                                .reason = member_with(trial).reached >= options_.max_t
                                              ? "reached the largest resource"
                                              : "among the worst of its population"});
    if (view.free_workers > 0)
      commands.push_back(next(view));
    else if (!view.starts_full)
      make_room(commands);
    return commands;
  }

 private:
  /// Earlier populations first, then members that are behind.
  using Turn = std::tuple<std::size_t, std::int64_t, std::size_t>;
  Turn turn_of(std::size_t index) const {
    return {index / population_size(), members_[index].reached, index};
  }
  std::size_t population_size() const { return static_cast<std::size_t>(options_.population_size); }

  /// Whose trial this is, or was.
  const Member& member_with(TrialId trial) const {
    return members_[member_of_[static_cast<std::size_t>(trial)]];
  }

  /// The member whose trial this is now.
  std::optional<std::size_t> current(TrialId trial) const {
    const std::size_t index = member_of_[static_cast<std::size_t>(trial)];
    return members_[index].trial == trial ? std::optional(index) : std::nullopt;
  }

  void set_state(std::size_t index, Member::State state) {
    if (members_[index].is_waiting()) waiting_.erase(turn_of(index));
    members_[index].state = state;
    if (members_[index].is_waiting()) waiting_.insert(turn_of(index));
  }

  void take_start(const TrialStarted& started) {
    const auto population = static_cast<std::size_t>(started.tag.at("population").as_int());
    const auto number = static_cast<std::size_t>(started.tag.at("member").as_int());
    const std::size_t index = population * population_size() + number;
    if (population * population_size() > members_.size() || number >= population_size())
      throw Error(ErrorCode::Corrupted,
                  "trial " + std::to_string(started.trial) + " is of a population that never was",
                  "the journal is damaged or from other options");
    while (index >= members_.size())
      for (std::size_t i = 0; i < population_size(); ++i) {
        members_.emplace_back();
        waiting_.insert(turn_of(members_.size() - 1));
      }
    member_of_.push_back(index);
    set_state(index, Member::State::Running);
    Member& member = members_[index];
    member = {.state = Member::State::Running,
              .trial = started.trial,
              .next = interval_,
              .num_silent = member.num_silent};
    if (!started.checkpoint_from) return;
    const Member& donor = member_with(*started.checkpoint_from);
    member.reached = donor.reached;
    // A copy has to prove itself at once: what it has learnt is the other's.
    member.next = donor.reached + 1;
  }

  void take_report(const Reported& report, const History& history) {
    const auto step = log_.take(report, history);
    const auto index = current(report.id.trial);
    if (!step || !index || to_stop_.contains(report.id.trial)) return;
    Member& member = members_[*index];
    ready_.erase(*index);
    member.reached = step->to;
    member.has_reported = true;
    member.num_silent = 0;
    if (member.reached < std::min(member.next, options_.max_t)) return;
    member.loss = score_of(report.metrics, options_.metric);
    member.next = member.reached + interval_;
    if (member.reached >= options_.max_t || is_among_worst(*index))
      to_stop_.insert(report.id.trial);
    else
      ready_.insert(*index);
  }

  void take_end(TrialId trial, Outcome outcome) {
    const auto index = current(trial);
    if (!index || outcome == Outcome::Lost) return;
    Member& member = members_[*index];
    to_stop_.erase(trial);
    ready_.erase(*index);
    pausing_.erase(*index);
    const bool is_done = member.reached >= options_.max_t || outcome == Outcome::Completed;
    if (outcome == Outcome::Paused && !is_done) {
      set_state(*index, Member::State::Resting);
      return;
    }
    if (is_done) {
      member.reached = 0;
      member.loss.reset();
    }
    if (!member.has_reported) ++member.num_silent;
    set_state(*index,
              member.num_silent < kMaxSilent ? Member::State::Orphaned : Member::State::Empty);
  }

  /// The members of a population that have a loss and are not at max_t, best first.
  std::vector<std::size_t> ranked(std::size_t population) const {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < population_size(); ++i) {
      const std::size_t index = population * population_size() + i;
      const Member& member = members_[index];
      if (member.loss && member.state != Member::State::Empty && member.reached < options_.max_t)
        order.push_back(index);
    }
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return *members_[a].loss < *members_[b].loss;
    });
    return order;
  }

  /// Of n that are ranked, how many are the best, and how many the worst.
  std::size_t quantile_size(std::size_t n) const {
    const auto size =
        static_cast<std::size_t>(std::ceil(static_cast<double>(n) * options_.quantile_fraction));
    return std::min(size, n / 2);
  }

  /// Those of the best that can lend this member their checkpoint: better than it, and alive.
  std::vector<std::size_t> donors(std::size_t index) const {
    const std::vector<std::size_t> order = ranked(index / population_size());
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < quantile_size(order.size()); ++i) {
      const Member& donor = members_[order[i]];
      const auto& own = members_[index].loss;
      if (order[i] != index && donor.is_alive() && std::isfinite(*donor.loss) &&
          (!own || *donor.loss < *own))
        found.push_back(order[i]);
    }
    return found;
  }

  bool is_among_worst(std::size_t index) const {
    const std::vector<std::size_t> order = ranked(index / population_size());
    const auto worst = order.end() - static_cast<std::ptrdiff_t>(quantile_size(order.size()));
    return std::find(worst, order.end(), index) != order.end() && !donors(index).empty();
  }

  /// Members that have just compared themselves give way to those that wait and are behind.
  void make_room(std::vector<Command>& commands) const {
    auto turn = waiting_.begin();
    std::advance(turn, std::min(pausing_.size(), waiting_.size()));
    for (const std::size_t index : ready_) {
      if (turn == waiting_.end()) return;
      if (!is_behind(*turn, index)) continue;
      commands.push_back(Pause{members_[index].trial});
      ++turn;
    }
  }
  bool is_behind(const Turn& turn, std::size_t index) const {
    const auto& [population, reached, number] = turn;
    return std::pair(population, reached) <
           std::pair(index / population_size(), members_[index].reached);
  }

  Command next(const SchedulerView& view) const {
    if (view.starts_full) return next_resting();
    if (waiting_.empty()) return begin(members_.size(), view);
    const std::size_t index = std::get<2>(*waiting_.begin());
    const Member& member = members_[index];
    if (member.state == Member::State::Resting)
      return Resume{.trial = member.trial, .max_resource = options_.max_t};
    const std::vector<std::size_t> lenders = donors(index);
    if (member.state == Member::State::Unborn || lenders.empty()) return begin(index, view);
    Rng rng(options_.seed, "exploit", view.history.trials().size());
    const TrialId from = members_[lenders[static_cast<std::size_t>(rng.uniform_int(
                                      0, static_cast<std::int64_t>(lenders.size()) - 1))]]
                             .trial;
    Start start = start_of(index);
    start.checkpoint_from = from;
    start.configuration = explore(options_.space, view.history.find(from)->configuration,
                                  options_.resample_probability, rng);
    return start;
  }

  Command next_resting() const {
    for (const auto& [population, reached, index] : waiting_)
      if (members_[index].state == Member::State::Resting)
        return Resume{.trial = members_[index].trial, .max_resource = options_.max_t};
    const bool any_runs = std::any_of(members_.begin(), members_.end(), [](const Member& member) {
      return member.state == Member::State::Running;
    });
    return any_runs ? Command(Wait{}) : Finished{};
  }

  Start start_of(std::size_t index) const {
    Start start{.max_resource = options_.max_t};
    start.tag.set("population", static_cast<std::int64_t>(index / population_size()));
    start.tag.set("member", static_cast<std::int64_t>(index % population_size()));
    return start;
  }

  Command begin(std::size_t index, const SchedulerView& view) const {
    Start start = start_of(index);
    const bool is_unborn =
        index >= members_.size() || members_[index].state == Member::State::Unborn;
    if (is_unborn && index < options_.points_to_evaluate.size()) {
      start.configuration = options_.points_to_evaluate[index];
      return start;
    }
    Suggestion suggestion = options_.searcher->suggest(
        view.history, {.resource = interval_, .remaining_fraction = view.remaining_fraction});
    auto* proposal = std::get_if<Proposal>(&suggestion);
    if (!proposal) return Wait{};
    start.configuration = std::move(proposal->configuration);
    start.fitted = std::move(proposal->fitted);
    return start;
  }

  PopulationOptions options_;
  ResourceLog log_;
  std::int64_t interval_ = 1;
  /// Of all populations, one after the other.
  std::vector<Member> members_;
  /// By trial.
  std::vector<std::size_t> member_of_;
  std::set<Turn> waiting_;
  /// They run and have compared themselves since their last report.
  std::set<std::size_t> ready_;
  /// They run and have been told to pause.
  std::set<std::size_t> pausing_;
  std::set<TrialId> to_stop_;
};

}  // namespace

std::unique_ptr<Scheduler> make_population_training(PopulationOptions options) {
  return std::make_unique<PopulationTraining>(std::move(options));
}

}  // namespace skipjack
