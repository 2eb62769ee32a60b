// The file of the LCBench surrogate, as bench/data/make_lcbench.py writes it: gzip; one line of
// JSON; float32 little-endian arrays in the order that the line gives. Private to benchmark.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "skipjack/benchmark/gated_network.h"
#include "skipjack/benchmark/world.h"

namespace skipjack::benchmark {

/// Input of the network: ((log) value - shift) / scale.
struct InputTransform {
  bool logarithm = false;
  double shift = 0, scale = 1;
};

/// (exp of) scale * sigmoid(y) + shift.
struct OutputTransform {
  bool exponential = false;
  double scale = 1, shift = 0;
};

struct LcbenchFile {
  std::vector<std::string> tasks;
  SearchSpace space;
  int num_epochs = 0;
  /// Of the epoch, then of the space's parameters.
  std::vector<InputTransform> inputs;
  OutputTransform seconds, validation_accuracy, validation_cross_entropy;
  /// One per task.
  std::vector<Reference> accuracy_reference, cross_entropy_reference;
  GatedNetwork network;
  std::vector<float> task_bias;  // (tasks, w)
};

/// Throws NotFound, Corrupted.
LcbenchFile read_lcbench_file(const std::filesystem::path& path);

}  // namespace skipjack::benchmark
