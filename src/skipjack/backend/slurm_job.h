// What a trial asks of Slurm. The words are sbatch's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/base/clock.h"

namespace skipjack {

struct SlurmJob {
  /// --partition, --account, --constraint (features of nodes: such as the instance type); empty:
  /// the cluster's default.
  std::string partition, account, constraint;
  /// --cpus-per-task. Range [1, 65535]; unset: the cluster's default, usually 1.
  std::optional<int> cpus;
  /// --mem, in bytes, rounded up to whole MiB. Range [1, 2^60]; unset: the cluster's default.
  std::optional<std::int64_t> memory_bytes;
  /// --gres=gpu:N. Range [0, 1024].
  int gpus = 0;
  /// --time, rounded up to whole minutes; a job that runs longer is ended by Slurm and has failed.
  /// Range [1 s, 1 year]; unset: the partition's.
  std::optional<Duration> time_limit;
  /// Further arguments of sbatch, such as {"--qos=low", "--exclusive"}. They come last.
  std::vector<std::string> extra;
};

}  // namespace skipjack
