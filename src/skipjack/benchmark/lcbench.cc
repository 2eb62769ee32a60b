#include "skipjack/benchmark/lcbench.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/benchmark/lcbench_file.h"

namespace skipjack::benchmark {
namespace {

/// Where the logit scale of accuracy ends, in percent.
constexpr double kAccuracyMargin = 1e-3;

void check_range(const char* name, double value, double upper) {
  if (value >= 0 && value <= upper) return;
  throw Error(ErrorCode::InvalidArgument, std::string(name) + " = " + shortest_decimal(value) +
                                              " must be in [0, " + shortest_decimal(upper) + "]");
}

/// Outputs index of the network, at n points, in their own units.
std::vector<double> output(const std::vector<float>& y, std::size_t index, std::size_t n,
                           const OutputTransform& transform) {
  std::vector<double> values;
  values.reserve(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double sigmoid = 1 / (1 + std::exp(-static_cast<double>(y[index * n + i])));
    const double value = transform.scale * sigmoid + transform.shift;
    values.push_back(transform.exponential ? std::exp(value) : value);
  }
  return values;
}

float input(const InputTransform& transform, double value) {
  const double scaled = transform.logarithm ? std::log(value) : value;
  return static_cast<float>((scaled - transform.shift) / transform.scale);
}

}  // namespace

std::string_view to_string(LcbenchMetric metric) {
  return metric == LcbenchMetric::ValidationAccuracy ? "val_accuracy" : "val_cross_entropy";
}

struct LcbenchSurrogate::State {
  LcbenchFile file;

  std::size_t task_index(std::string_view task) const {
    const auto at = std::find(file.tasks.begin(), file.tasks.end(), task);
    if (at != file.tasks.end()) return static_cast<std::size_t>(at - file.tasks.begin());
    std::string known;
    for (const std::string& name : file.tasks) known += (known.empty() ? "" : ", ") + name;
    throw Error(ErrorCode::NotFound, "LCBench has no task '" + std::string(task) + "'",
                "one of: " + known);
  }
};

LcbenchSurrogate::LcbenchSurrogate(const std::filesystem::path& path)
    : state_(std::make_shared<const State>(State{read_lcbench_file(path)})) {
  if (state_->file.num_epochs != kNumEpochs)
    throw Error(ErrorCode::Corrupted, "surrogate '" + path.string() + "' has " +
                                          std::to_string(state_->file.num_epochs) +
                                          " epochs, not " + std::to_string(kNumEpochs));
}

const std::vector<std::string>& LcbenchSurrogate::tasks() const { return state_->file.tasks; }
const SearchSpace& LcbenchSurrogate::space() const { return state_->file.space; }

Reference LcbenchSurrogate::reference(std::string_view task, LcbenchMetric metric) const {
  const auto& references = metric == LcbenchMetric::ValidationAccuracy
                               ? state_->file.accuracy_reference
                               : state_->file.cross_entropy_reference;
  return references[state_->task_index(task)];
}

LcbenchPrediction LcbenchSurrogate::predict(std::string_view task,
                                            const Configuration& configuration,
                                            std::span<const int> epochs) const {
  const LcbenchFile& file = state_->file;
  const std::size_t task_index = state_->task_index(task), n = epochs.size();
  if (!file.space.contains(configuration))
    throw Error(ErrorCode::InvalidArgument, "the configuration " + to_json_text(configuration) +
                                                " is not in the space of LCBench");
  std::vector<float> x;
  x.reserve(file.inputs.size() * n);
  for (const int epoch : epochs) {
    if (epoch < 1 || epoch > kNumEpochs)
      throw Error(ErrorCode::InvalidArgument, "epoch = " + std::to_string(epoch) +
                                                  " must be in [1, " + std::to_string(kNumEpochs) +
                                                  "]");
    x.push_back(input(file.inputs[0], epoch));
  }
  for (std::size_t k = 1; k < file.inputs.size(); ++k) {
    const std::string& name = file.space.searched()[k - 1].first;
    x.insert(x.end(), n, input(file.inputs[k], configuration.at(name).as_double()));
  }
  const std::span<const float> bias(file.task_bias.data() + task_index * file.network.width,
                                    file.network.width);
  const std::vector<float> y = evaluate(file.network, bias, x);
  return {.seconds = output(y, 0, n, file.seconds),
          .validation_accuracy = output(y, 1, n, file.validation_accuracy),
          .validation_cross_entropy = output(y, 2, n, file.validation_cross_entropy)};
}

namespace {

class LcbenchWorld final : public World {
 public:
  LcbenchWorld(const LcbenchSurrogate& surrogate, const LcbenchOptions& options)
      : surrogate_(surrogate),
        options_(options),
        metric_{.name = std::string(to_string(options.metric)),
                .mode = accuracy() ? Mode::Max : Mode::Min},
        name_("lcbench_" + options.task + (accuracy() ? "" : "_" + metric_.name)),
        reference_(surrogate.reference(options.task, options.metric)),
        epochs_(LcbenchSurrogate::kNumEpochs) {
    check_range("noise.deviation", options.noise.deviation, 2);
    check_range("noise.run_share", options.noise.run_share, 1);
    check_range("noise.log_speed_deviation", options.noise.log_speed_deviation, 2);
    std::iota(epochs_.begin(), epochs_.end(), 1);
  }

  const std::string& name() const override { return name_; }
  const SearchSpace& space() const override { return surrogate_.space(); }
  const Metric& metric() const override { return metric_; }
  const Resource& resource() const override { return resource_; }
  const Reference& reference() const override { return reference_; }

  Evaluation evaluate(const Configuration& configuration, Rng& rng) const override {
    const LcbenchPrediction curve = surrogate_.predict(options_.task, configuration, epochs_);
    const LcbenchNoise& noise = options_.noise;
    // In this order, and always all of them, so that changing one option leaves other chance alone.
    const double run = std::sqrt(noise.run_share) * rng.normal();
    const double slowness = std::exp(noise.log_speed_deviation * rng.normal());
    Evaluation evaluation;
    evaluation.curve.reserve(epochs_.size());
    for (std::size_t i = 0; i < epochs_.size(); ++i) {
      const double luck = run + std::sqrt(1 - noise.run_share) * rng.normal();
      evaluation.seconds = std::max(evaluation.seconds, slowness * curve.seconds[i]);
      evaluation.curve.push_back({.resource = epochs_[i],
                                  .value = with_noise(value(curve, i), noise.deviation * luck),
                                  .seconds = evaluation.seconds});
    }
    return evaluation;
  }

  std::optional<double> true_value(const Configuration& configuration) const override {
    const int last[] = {LcbenchSurrogate::kNumEpochs};
    return value(surrogate_.predict(options_.task, configuration, last), 0);
  }

 private:
  bool accuracy() const { return options_.metric == LcbenchMetric::ValidationAccuracy; }

  double value(const LcbenchPrediction& curve, std::size_t i) const {
    return accuracy() ? curve.validation_accuracy[i] : curve.validation_cross_entropy[i];
  }

  double with_noise(double value, double better) const {
    if (better == 0) return value;
    if (!accuracy()) return value * std::exp(-better);
    const double inside = std::clamp(value, kAccuracyMargin, 100 - kAccuracyMargin);
    const double logit = std::log(inside / (100 - inside)) + better;
    return 100 / (1 + std::exp(-logit));
  }

  LcbenchSurrogate surrogate_;
  LcbenchOptions options_;
  Metric metric_;
  Resource resource_{.name = "epoch", .max = LcbenchSurrogate::kNumEpochs};
  std::string name_;
  Reference reference_;
  std::vector<int> epochs_;
};

}  // namespace

std::unique_ptr<World> make_lcbench_world(const LcbenchSurrogate& surrogate,
                                          const LcbenchOptions& options) {
  return std::make_unique<LcbenchWorld>(surrogate, options);
}

}  // namespace skipjack::benchmark
