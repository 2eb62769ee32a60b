// Sixteen workers on a real cluster, and sixteen on this machine: what is decided follows from the
// order of the reports alone, wherever the trials ran. What the backend said is told once more to a
// fresh tuner, which has to come to the same journal.
#include "backend/playback.h"
#include "skipjack/study/tuning.h"
#include "slurm/slurm_fixture.h"

namespace skipjack {
namespace {

constexpr int kWorkers = 16;

/// --x X --epochs N --st_checkpoint_dir DIR: the nearer to 300, the better; in an order that is
/// another each time.
constexpr const char* kProgram = R"bash(#!/bin/bash
x=$2 epochs=$4 checkpoints=$6
mkdir -p "$checkpoints"
epoch=$(cat "$checkpoints/epoch" 2>/dev/null || echo 0)
while [ "$epoch" -lt "$epochs" ]; do
  sleep "0.0$((RANDOM % 10))"
  epoch=$((epoch + 1))
  echo "$epoch" >"$checkpoints/epoch.new" && mv "$checkpoints/epoch.new" "$checkpoints/epoch"
  echo "[tune-metric]: {\"epoch\": $epoch, \"loss\": $(((x - 300) * (x - 300) + 9000 / epoch))}"
done
)bash";

struct Course {
  const char* method;
  bool on_slurm;
};

class Decisions : public ::testing::TestWithParam<Course> {
 protected:
  TuningDefinition definition() const {
    TuningDefinition definition;
    definition.space = SearchSpace::from_text("{x: 'randint(0, 1000)', epochs: 9}");
    definition.metrics = {{.name = "loss"}};
    definition.method = GetParam().method;
    if (definition.method == "pbt")
      definition.method_options =
          Json::Object{{"population_size", kWorkers}, {"perturbation_interval", 3}};
    definition.seed = 3;
    definition.workers = kWorkers;
    definition.stop.max_trials_started = 24;
    definition.at_end = AtEnd::WaitForRunning;
    definition.program.entry_point = folder_.write_script("program.sh", kProgram);
    return definition;
  }
  std::unique_ptr<Backend> make_backend(const TuningDefinition& definition,
                                        const std::filesystem::path& folder) const {
    if (!GetParam().on_slurm) return make_program_backend(definition, folder);
    SlurmOptions options = quick_options(folder_, kProgram);
    options.folder = folder / "trials";
    options.capacity = kWorkers;
    return make_slurm_backend(std::move(options));
  }

  SharedFolder folder_;
};

TEST_P(Decisions, FollowFromTheOrderOfReportsAlone) {
  const TuningDefinition tuning = definition();
  const ExperimentStore store(folder_.path() / "experiments");
  std::vector<Said> said;
  const auto make = [&](const TuningDefinition& d, const std::filesystem::path& folder) {
    return std::make_unique<Recorder>(make_backend(d, folder), said);
  };
  start_tuning(store, "real", tuning, {.make_backend = make});
  const std::vector<Event> events = store.read("real").events;

  int decided = 0;
  for (const Event& event : events) {
    const auto* started = std::get_if<TrialStarted>(&event.body);
    decided += std::holds_alternative<StopOrdered>(event.body) ||
               std::holds_alternative<ModelFitted>(event.body) ||
               (started && started->checkpoint_from);
  }
  EXPECT_GT(decided, 0) << "nothing was decided by what was reported";

  ManualClock clock;
  RunOptions again{.clock = &clock};
  again.make_backend = [&](const TuningDefinition&, const std::filesystem::path&) {
    return std::make_unique<Playback>(said, kWorkers, clock);
  };
  start_tuning(store, "again", tuning, again);
  expect_same_events(events, store.read("again").events);
}

INSTANTIATE_TEST_SUITE_P(Backends, Decisions,
                         ::testing::Values(Course{"asha", true}, Course{"pbt", true},
                                           Course{"bayesopt", true}, Course{"asha", false},
                                           Course{"pbt", false}, Course{"bayesopt", false}),
                         [](const auto& test) {
                           return std::string(test.param.method) +
                                  (test.param.on_slurm ? "OnSlurm" : "OnThisMachine");
                         });

}  // namespace
}  // namespace skipjack
