// Draws a table of learning curves (bench/data/README.md) from the LCBench surrogate: random
// configurations of a task, accuracy and seconds of every epoch.
//
//   draw_curves bench/data/lcbench/surrogate.gz TASK ROWS | gzip -9n > TABLE.gz
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/benchmark/lcbench.h"

namespace {

using skipjack::Json;
using skipjack::benchmark::LcbenchSurrogate;

double rounded(double value, double unit) { return std::round(value / unit) * unit; }

/// To so many significant digits: shorter text, no less truth.
Json short_number(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return skipjack::parse_json(text);
}

Json row(const LcbenchSurrogate& surrogate, const std::string& task, skipjack::Rng& rng) {
  std::vector<double> unit(surrogate.space().dimension());
  for (double& u : unit) u = rng.uniform();
  skipjack::Configuration drawn = surrogate.space().decode(unit);
  Json::Array values, curve, seconds;
  for (auto& [name, value] : drawn.as_object()) {
    if (value.is_double()) value = short_number(value.as_double(), 6);
    values.push_back(value);
  }
  std::vector<int> epochs(LcbenchSurrogate::kNumEpochs);
  std::iota(epochs.begin(), epochs.end(), 1);
  const auto predicted = surrogate.predict(task, drawn, epochs);
  double until = 0;
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    curve.push_back(short_number(rounded(predicted.validation_accuracy[i], 0.01), 5));
    // The running maximum, as in the world that is made of the surrogate.
    const double step = std::max(0.0, predicted.seconds[i] - until);
    seconds.push_back(short_number(step, 3));
    until += step;
  }
  return Json::Array{std::move(values), std::move(curve), std::move(seconds)};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: draw_curves SURROGATE TASK ROWS\n");
    return 2;
  }
  try {
    const LcbenchSurrogate surrogate(argv[1]);
    const std::string task = argv[2];
    const Json header = Json::Object{{"format", "skipjack-curves-1"},
                                     {"name", "curves_" + task},
                                     {"space", surrogate.space().to_json()},
                                     {"metric", "val_accuracy"},
                                     {"mode", "max"},
                                     {"resource", "epoch"},
                                     {"max", LcbenchSurrogate::kNumEpochs}};
    std::printf("%s\n", to_json_text(header).c_str());
    skipjack::Rng rng(0, "draw_curves");
    for (int i = std::atoi(argv[3]); i > 0; --i)
      std::printf("%s\n", to_json_text(row(surrogate, task, rng)).c_str());
  } catch (const skipjack::Error& error) {
    std::fprintf(stderr, "draw_curves: %s\n", error.what());
    return 1;
  }
  return 0;
}
