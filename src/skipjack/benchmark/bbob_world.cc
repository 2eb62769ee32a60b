#include "skipjack/benchmark/bbob_world.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack::benchmark {
namespace {

constexpr int kReferencePoints = 1000;
constexpr double kHalfWidth = 5;

std::string noise_suffix(const BbobNoise& noise) {
  const char* strength = noise.strength == NoiseStrength::Moderate ? "_moderate" : "_severe";
  switch (noise.model) {
    case NoiseModel::None:
      return "";
    case NoiseModel::Gaussian:
      return std::string("_gauss") + strength;
    case NoiseModel::Uniform:
      return std::string("_uniform") + strength;
    case NoiseModel::Cauchy:
      return std::string("_cauchy") + strength;
  }
  check_failed("a known noise", __FILE__, __LINE__);
}

SearchSpace cube(int dimension) {
  std::vector<Parameter> parameters;
  for (int i = 1; i <= dimension; ++i)
    parameters.push_back({"x" + std::to_string(i), uniform(-kHalfWidth, kHalfWidth)});
  return SearchSpace(std::move(parameters));
}

class BbobWorld final : public World {
 public:
  explicit BbobWorld(const BbobWorldOptions& options)
      : options_(options),
        function_(options.function),
        name_("bbob_f" + std::to_string(options.function.function) + "_d" +
              std::to_string(options.function.dimension) + noise_suffix(options.noise)),
        space_(cube(options.function.dimension)) {
    Rng rng(options.function.instance, "reference");
    std::vector<double> values(kReferencePoints);
    std::vector<double> x(static_cast<std::size_t>(options.function.dimension));
    for (double& value : values) {
      for (double& xi : x) xi = rng.uniform(-kHalfWidth, kHalfWidth);
      value = function_.excess(x);
    }
    const auto middle = values.begin() + kReferencePoints / 2;
    std::nth_element(values.begin(), middle, values.end());
    const double below = *std::max_element(values.begin(), middle);
    reference_ = {.best = function_.f_opt(), .median = function_.f_opt() + 0.5 * (below + *middle)};
  }

  const std::string& name() const override { return name_; }
  const SearchSpace& space() const override { return space_; }
  const Metric& metric() const override { return metric_; }
  const Resource& resource() const override { return resource_; }
  const Reference& reference() const override { return reference_; }

  Evaluation evaluate(const Configuration& configuration, Rng& rng) const override {
    const double excess = add_noise(function_.excess(point(configuration)), options_.noise,
                                    options_.function.dimension, rng);
    const double seconds = draw_seconds(options_.duration, rng);
    return {.curve = {{.value = function_.f_opt() + excess, .seconds = seconds}},
            .seconds = seconds};
  }

  std::optional<double> true_value(const Configuration& configuration) const override {
    return function_(point(configuration));
  }

 private:
  std::vector<double> point(const Configuration& configuration) const {
    std::vector<double> x;
    for (const auto& [name, domain] : space_.searched())
      x.push_back(configuration.at(name).as_double());
    return x;
  }

  BbobWorldOptions options_;
  BbobFunction function_;
  std::string name_;
  SearchSpace space_;
  Metric metric_{.name = "y"};
  Resource resource_;
  Reference reference_;
};

}  // namespace

double add_noise(double excess, const BbobNoise& noise, int dimension, Rng& rng) {
  if (noise.model == NoiseModel::None || excess < 1e-8) return excess;
  const bool severe = noise.strength == NoiseStrength::Severe;
  double disturbed = excess;
  switch (noise.model) {
    case NoiseModel::None:
      break;
    case NoiseModel::Gaussian:
      disturbed *= std::exp((severe ? 1.0 : 0.01) * rng.normal());
      break;
    case NoiseModel::Uniform: {
      const double alpha = (severe ? 1.0 : 0.01) * (0.49 + 1.0 / dimension);
      // In (0, 1]: a factor of 0 would be the optimum.
      disturbed *= std::pow(1 - rng.uniform(), severe ? 1.0 : 0.01);
      disturbed *= std::max(1.0, std::pow(1e9 / excess, alpha * rng.uniform()));
      break;
    }
    case NoiseModel::Cauchy: {
      double outlier = 0;
      if (rng.bernoulli(severe ? 0.2 : 0.05))
        outlier = rng.normal() / (std::abs(rng.normal()) + 1e-199);
      disturbed += (severe ? 1.0 : 0.01) * std::max(0.0, 1000 + outlier);
      break;
    }
  }
  return disturbed + 1.01e-8;
}

std::unique_ptr<World> make_bbob_world(const BbobWorldOptions& options) {
  validate(options.duration);
  return std::make_unique<BbobWorld>(options);
}

}  // namespace skipjack::benchmark
