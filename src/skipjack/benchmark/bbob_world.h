// A BBOB function as something to tune: D numbers in [-5, 5], and the noise of the suite's noisy
// sequel [Hansen2009b] where it is asked for.
#pragma once

#include <memory>

#include "skipjack/benchmark/bbob.h"
#include "skipjack/benchmark/duration.h"
#include "skipjack/benchmark/world.h"

namespace skipjack::benchmark {

/// What disturbs f(x) - f_opt [Hansen2009b, sec. 0.4].
enum class NoiseModel {
  None,
  Gaussian,  ///< a factor exp(beta N(0, 1))
  Uniform,   ///< a factor that grows towards the optimum, up to (10^9 / f)^alpha
  Cauchy,    ///< with probability p, alpha times a Cauchy number is added: outliers to both sides
};
enum class NoiseStrength {
  Moderate,  ///< beta = 0.01; alpha = 0.01 (0.49 + 1/D), beta = 0.01; alpha = 0.01, p = 0.05
  Severe,    ///< beta = 1; alpha = 0.49 + 1/D, beta = 1; alpha = 1, p = 0.2
};

struct BbobNoise {
  NoiseModel model = NoiseModel::None;
  NoiseStrength strength = NoiseStrength::Moderate;
};

/// excess: f(x) - f_opt, of a function in `dimension` dimensions. Below 10^-8 it is returned as it
/// is.
double add_noise(double excess, const BbobNoise& noise, int dimension, Rng& rng);

struct BbobWorldOptions {
  BbobOptions function;
  BbobNoise noise;
  DurationModel duration;
};

/// Named "bbob_f8_d6", "bbob_f8_d6_gauss_moderate". True values are those without noise; regret 1
/// is the median of 1000 points drawn evenly from the space. Throws InvalidArgument for options out
/// of range.
std::unique_ptr<World> make_bbob_world(const BbobWorldOptions& options);

}  // namespace skipjack::benchmark
