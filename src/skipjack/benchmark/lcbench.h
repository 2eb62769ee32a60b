// Learning curves of a funnel-shaped network on 34 data sets of OpenML, LCBench [Zimmer2021], by
// the surrogate that YAHPO Gym fitted to them [Pfisterer2022]: one space of seven parameters, 52
// epochs, validation accuracy, cross entropy and seconds after each. Curves cross, durations
// differ, and the tasks resemble each other more or less: a world with a resource axis, and many
// environments to transfer between. Origin and licence of the file: bench/data/README.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/benchmark/world.h"

namespace skipjack::benchmark {

enum class LcbenchMetric {
  ValidationAccuracy,      ///< "val_accuracy", percent, maximised
  ValidationCrossEntropy,  ///< "val_cross_entropy", minimised
};
std::string_view to_string(LcbenchMetric metric);

/// What the surrogate says, without noise; one entry per epoch asked for.
struct LcbenchPrediction {
  /// Since the start of training. As the network has them: not always ascending.
  std::vector<double> seconds;
  /// Percent, in (0, 100].
  std::vector<double> validation_accuracy;
  std::vector<double> validation_cross_entropy;
};

/// The surrogate in memory. Copies share it. Immutable; safe to share between threads.
class LcbenchSurrogate {
 public:
  static constexpr int kNumEpochs = 52;

  /// path: bench/data/lcbench/surrogate.gz. Throws NotFound, Corrupted.
  explicit LcbenchSurrogate(const std::filesystem::path& path);

  /// OpenML task ids ("3945", ...), in the order of the original.
  const std::vector<std::string>& tasks() const;
  /// batch_size, learning_rate, momentum, weight_decay, num_layers, max_units, max_dropout, with
  /// the original's bounds and scales.
  const SearchSpace& space() const;
  /// Best value that a search of 80,000 evaluations found, and median of 20,000 random
  /// configurations, at the last epoch. Throws NotFound for an unknown task.
  Reference reference(std::string_view task, LcbenchMetric metric) const;

  /// epochs: in [1, kNumEpochs], in any order. Throws NotFound for an unknown task, InvalidArgument
  /// for a configuration that is not in space() or an epoch out of range. A millisecond for all
  /// epochs, half of one for a single epoch (bench/lcbench).
  LcbenchPrediction predict(std::string_view task, const Configuration& configuration,
                            std::span<const int> epochs) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

/// How runs of one configuration differ, as runs from different random seeds do. The surrogate
/// itself knows no noise. One standard normal number z, the same at all epochs for its share of the
/// variance, moves accuracy a by deviation * z on the scale log(a / (100 - a)) and cross entropy by
/// -deviation * z on its logarithm, so that both say "better" together; the surrogate's value stays
/// the median.
struct LcbenchNoise {
  /// Standard deviation of z's effect: about that of log(error) from seed to seed. Range [0, 2];
  /// default 0, no noise. kSeedDeviation is as large as what repeats of networks of that kind show.
  double deviation = 0;
  /// Part of the variance that a run keeps through all its epochs; the rest is drawn anew at each.
  /// Range [0, 1]; default 0.8, by judgement: a seed decides where a run ends, and epochs flicker
  /// around it. At 0 early epochs tell nothing of a run's luck, at 1 curves stay smooth.
  double run_share = 0.8;
  /// Standard deviation of the logarithm of a run's speed. Range [0, 2]; default 0. Larger makes
  /// equal configurations finish at more different times.
  double log_speed_deviation = 0;
};

/// Root mean square of the deviation of log(accuracy / (1 - accuracy)) over five seeds, for the
/// better quarter of configurations of the tables hpobench_australian, _blood_transfusion and
/// _phoneme in bench/data: 0.21, 0.11, 0.13. (hpobench_car, where most of that quarter makes hardly
/// an error, has 0.9.)
inline constexpr double kSeedDeviation = 0.15;

struct LcbenchOptions {
  /// One of surrogate.tasks(); no default.
  std::string task;
  /// What is tuned. Default: what Syne Tune tunes on LCBench.
  LcbenchMetric metric = LcbenchMetric::ValidationAccuracy;
  LcbenchNoise noise = {};
};

/// The world "lcbench_TASK" ("lcbench_TASK_val_cross_entropy" for that metric), resource "epoch".
/// Regret may come out slightly below 0, since the best value is what a search found.
/// Deviation: elapsed seconds are the running maximum of the surrogate's over epochs.
/// Throws NotFound for an unknown task, InvalidArgument for noise out of range.
std::unique_ptr<World> make_lcbench_world(const LcbenchSurrogate& surrogate,
                                          const LcbenchOptions& options);

}  // namespace skipjack::benchmark
