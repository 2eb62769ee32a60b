// Milliseconds for a learning curve of the LCBench surrogate, and for its last epoch alone:
//     lcbench_speed bench/data/lcbench/surrogate.gz
// Different configurations and tasks in turn, so that nothing is answered from a cache. Each answer
// is checked: the last epoch alone must have the bits that it has in its curve.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <numeric>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/benchmark/lcbench.h"

namespace skipjack::benchmark {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

void print(const char* what, std::vector<double> times) {
  std::sort(times.begin(), times.end());
  std::printf("%-12s median %.3f ms   p95 %.3f ms   of %zu\n", what, times[times.size() / 2],
              times[times.size() * 95 / 100], times.size());
}

int run(const char* path) {
  const auto start = Clock::now();
  const LcbenchSurrogate surrogate(path);
  std::printf("%-12s %.1f ms\n", "reading", milliseconds(Clock::now() - start));
  std::vector<int> epochs(LcbenchSurrogate::kNumEpochs);
  std::iota(epochs.begin(), epochs.end(), 1);
  const std::span<const int> last = std::span(epochs).last(1);
  Rng rng(1, "bench");
  std::vector<double> curve_times, last_times;
  for (int i = 0; i < 1000; ++i) {
    const auto& task = surrogate.tasks()[static_cast<std::size_t>(i) % surrogate.tasks().size()];
    const Configuration configuration = *surrogate.space().sample(rng);
    const auto begin = Clock::now();
    const LcbenchPrediction curve = surrogate.predict(task, configuration, epochs);
    const auto middle = Clock::now();
    const LcbenchPrediction alone = surrogate.predict(task, configuration, last);
    last_times.push_back(milliseconds(Clock::now() - middle));
    curve_times.push_back(milliseconds(middle - begin));
    if (alone.validation_accuracy.front() != curve.validation_accuracy.back()) {
      std::fprintf(stderr, "evaluation %d: the last epoch differs from that of its curve\n", i);
      return 1;
    }
  }
  print("52 epochs", std::move(curve_times));
  print("last epoch", std::move(last_times));
  return 0;
}

}  // namespace
}  // namespace skipjack::benchmark

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: lcbench_speed bench/data/lcbench/surrogate.gz\n");
    return 2;
  }
  try {
    return skipjack::benchmark::run(argv[1]);
  } catch (const skipjack::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
