#include "skipjack/benchmark/disguise.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack::benchmark {
namespace {

/// From a value that the method sees to that of the world within.
struct Mask {
  /// Shown domain of integers or labels: hidden[i] is behind the i-th. Empty: see turned.
  std::vector<Json> hidden;
  /// An ordered domain of numbers, from the other end.
  bool turned = false;
};

struct Shown {
  std::string name;
  Domain domain;
  /// Among the world's searched parameters; unset for an irrelevant one.
  std::optional<std::size_t> inner;
  Mask mask;
};

std::vector<Json> all_values(const Domain& domain) {
  std::vector<Json> values;
  const std::int64_t size = cardinality(domain).value_or(0);
  for (std::int64_t i = 0; i < size; ++i) values.push_back(value_at(domain, i));
  return values;
}

std::vector<Json> labels(std::size_t number) {
  std::vector<Json> result;
  for (std::size_t i = 0; i < number; ++i) result.emplace_back("v" + std::to_string(i));
  return result;
}

/// Its values lie at equal distances, so that their numbers serve as well as they do.
bool is_evenly_spaced_list(const Domain& domain) {
  if (const auto* ordinal = std::get_if<OrdinalDomain>(&domain))
    return ordinal->kind == OrdinalKind::Equal;
  return std::holds_alternative<FiniteRangeDomain>(domain);
}

bool can_be_turned(const Domain& domain) {
  if (const auto* integer = std::get_if<IntegerDomain>(&domain))
    return integer->scale == Scale::Linear;
  if (const auto* real = std::get_if<FloatDomain>(&domain)) return real->scale != Scale::ReverseLog;
  return false;
}

Shown mask(std::string name, const Domain& domain, std::size_t inner, Rng& rng) {
  Shown shown{.name = std::move(name), .domain = domain, .inner = inner, .mask = {}};
  const bool turn = rng.bernoulli(0.5);
  if (std::holds_alternative<CategoricalDomain>(domain)) {
    shown.mask.hidden = all_values(domain);
    rng.shuffle(shown.mask.hidden);
    shown.domain = choice(labels(shown.mask.hidden.size()));
  } else if (is_evenly_spaced_list(domain)) {
    shown.mask.hidden = all_values(domain);
    if (turn) std::reverse(shown.mask.hidden.begin(), shown.mask.hidden.end());
    shown.domain = rand_int(0, static_cast<std::int64_t>(shown.mask.hidden.size()) - 1);
  } else if (turn && can_be_turned(domain)) {
    shown.mask.turned = true;
  }
  return shown;
}

Shown irrelevant(std::string name, int number) {
  return {.name = std::move(name),
          .domain = number % 2 == 0 ? uniform(0, 1) : choice(labels(3)),
          .inner = std::nullopt,
          .mask = {}};
}

double turn(const FloatDomain& domain, double value) {
  const double other =
      domain.scale == Scale::Log
          ? std::exp(std::log(domain.lower) + std::log(domain.upper) - std::log(value))
          : domain.lower + domain.upper - value;
  return std::clamp(other, domain.lower, domain.upper);
}

Json unmask(const Shown& shown, const Json& value) {
  if (!shown.mask.hidden.empty()) {
    const std::int64_t index =
        value.is_string() ? std::stoll(value.as_string().substr(1)) : value.as_int();
    return shown.mask.hidden.at(static_cast<std::size_t>(index));
  }
  if (!shown.mask.turned) return value;
  if (const auto* integer = std::get_if<IntegerDomain>(&shown.domain))
    return integer->lower + integer->upper - value.as_int();
  return turn(std::get<FloatDomain>(shown.domain), value.as_double());
}

std::vector<Shown> masks(const World& world, const DisguiseOptions& options, Rng& rng) {
  const auto& searched = world.space().searched();
  const std::size_t number = searched.size() + static_cast<std::size_t>(options.num_irrelevant);
  std::vector<std::size_t> order(number);
  std::iota(order.begin(), order.end(), std::size_t{0});
  rng.shuffle(order);
  std::vector<Shown> result;
  for (const std::size_t which : order) {
    std::string name =
        "p" + std::to_string(rng.uniform_int(1000, 9999)) + "_" + std::to_string(result.size());
    result.push_back(which < searched.size()
                         ? mask(std::move(name), searched[which].second, which, rng)
                         : irrelevant(std::move(name), static_cast<int>(which - searched.size())));
  }
  return result;
}

SearchSpace space_of(const std::vector<Shown>& shown) {
  std::vector<Parameter> parameters;
  for (const Shown& parameter : shown) parameters.push_back({parameter.name, parameter.domain});
  return SearchSpace(std::move(parameters));
}

class Disguised final : public World {
 public:
  Disguised(std::shared_ptr<const World> world, const DisguiseOptions& options)
      : world_(std::move(world)) {
    Rng rng(options.seed, "disguise");
    shown_ = masks(*world_, options, rng);
    space_ = space_of(shown_);
    if (options.scale == ValueScale::Random) factor_ = std::pow(10.0, rng.uniform(-3, 3));
    const Reference& inner = world_->reference();
    reference_ = {.best = factor_ * inner.best, .median = factor_ * inner.median};
  }

  const std::string& name() const override { return world_->name(); }
  const SearchSpace& space() const override { return space_; }
  const Metric& metric() const override { return world_->metric(); }
  const Resource& resource() const override { return world_->resource(); }
  const Reference& reference() const override { return reference_; }

  Evaluation evaluate(const Configuration& configuration, Rng& rng) const override {
    Evaluation evaluation = world_->evaluate(reveal(configuration), rng);
    const double slower = metric().kind == MetricKind::Time ? factor_ : 1.0;
    for (Evaluation::Level& level : evaluation.curve) {
      level.value *= factor_;
      level.seconds *= slower;
    }
    evaluation.seconds *= slower;
    return evaluation;
  }

  std::optional<double> true_value(const Configuration& configuration) const override {
    std::optional<double> value = world_->true_value(reveal(configuration));
    if (value) *value *= factor_;
    return value;
  }

 private:
  Configuration reveal(const Configuration& configuration) const {
    Json::Object inner;
    for (const Parameter& parameter : world_->space().parameters()) {
      const Json* constant = std::get_if<Json>(&parameter.domain);
      inner.emplace_back(parameter.name, constant ? *constant : Json());
    }
    Configuration revealed(std::move(inner));
    for (const Shown& shown : shown_)
      if (shown.inner)
        revealed.set(world_->space().searched()[*shown.inner].first,
                     unmask(shown, configuration.at(shown.name)));
    return revealed;
  }

  std::shared_ptr<const World> world_;
  std::vector<Shown> shown_;
  SearchSpace space_;
  double factor_ = 1;
  Reference reference_;
};

}  // namespace

std::unique_ptr<World> disguise(std::shared_ptr<const World> world,
                                const DisguiseOptions& options) {
  if (world == nullptr) throw Error(ErrorCode::InvalidArgument, "world is null");
  if (options.num_irrelevant < 0 || options.num_irrelevant > 100)
    throw Error(
        ErrorCode::InvalidArgument,
        "num_irrelevant = " + std::to_string(options.num_irrelevant) + " must be in [0, 100]");
  if (!world->space().constraints().empty())
    throw Error(ErrorCode::Unsupported,
                "world '" + world->name() + "' has constraints, which name its parameters");
  return std::make_unique<Disguised>(std::move(world), options);
}

}  // namespace skipjack::benchmark
