// Letters are those of [Hansen2009]: D dimension, R and Q rotations, Lambda^alpha the diagonal
// matrix of alpha^((i-1)/(2(D-1))), T_osz and T_asy the irregularities, z the transformed point.
// Indices count from 0 here, so "(i-1)/(D-1)" is fraction(i).
#include "skipjack/benchmark/bbob.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <string>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"

namespace skipjack::benchmark {
namespace {

using Vector = std::vector<double>;
using Matrix = BbobFunction::Matrix;
using std::numbers::pi;

double square(double x) { return x * x; }

Vector multiply(const Matrix& m, const Vector& v) {
  Vector result(m.size(), 0.0);
  for (std::size_t i = 0; i < m.size(); ++i)
    result[i] = std::inner_product(v.begin(), v.end(), m[i].begin(), 0.0);
  return result;
}

Vector multiply_transposed(const Matrix& m, const Vector& v) {
  Vector result(m.size(), 0.0);
  for (std::size_t i = 0; i < m.size(); ++i)
    for (std::size_t j = 0; j < m.size(); ++j) result[j] += m[i][j] * v[i];
  return result;
}

Vector minus(std::span<const double> a, const Vector& b) {
  Vector result(a.begin(), a.end());
  for (std::size_t i = 0; i < result.size(); ++i) result[i] -= b[i];
  return result;
}

double squared_norm(const Vector& v) {
  return std::inner_product(v.begin(), v.end(), v.begin(), 0.0);
}

double fraction(std::size_t i, std::size_t dimension) {
  return static_cast<double>(i) / static_cast<double>(dimension - 1);
}

/// Diagonal of Lambda^alpha.
double lambda(double alpha, std::size_t i, std::size_t dimension) {
  return std::pow(alpha, 0.5 * fraction(i, dimension));
}

Vector scale(double alpha, Vector v) {
  for (std::size_t i = 0; i < v.size(); ++i) v[i] *= lambda(alpha, i, v.size());
  return v;
}

Vector oscillate(Vector v) {
  for (double& x : v) x = t_osz(x);
  return v;
}

Vector skew(double beta, Vector v) {
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = t_asy(v[i], beta, fraction(i, v.size()));
  return v;
}

double f_pen(std::span<const double> x) {
  double sum = 0;
  for (const double xi : x) sum += square(std::max(0.0, std::abs(xi) - 5.0));
  return sum;
}

/// sum of 10^(exponent (i-1)/(D-1)) z_i^2
double ellipsoid(double exponent, const Vector& z) {
  double sum = 0;
  for (std::size_t i = 0; i < z.size(); ++i)
    sum += std::pow(10.0, exponent * fraction(i, z.size())) * square(z[i]);
  return sum;
}

double cosine_ripple(const Vector& z) {
  double sum = 0;
  for (const double zi : z) sum += 1.0 - std::cos(2 * pi * zi);
  return 10.0 * sum;
}

double rastrigin(const Vector& z) { return cosine_ripple(z) + squared_norm(z); }

double rosenbrock_term(const Vector& z, std::size_t i) {
  return 100.0 * square(square(z[i]) - z[i + 1]) + square(z[i] - 1);
}

double rosenbrock(const Vector& z) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < z.size(); ++i) sum += rosenbrock_term(z, i);
  return sum;
}

double sum_behind_first(const Vector& z) { return squared_norm(z) - square(z[0]); }

/// By Gram and Schmidt from normal numbers: uniform among orthogonal matrices.
Matrix random_rotation(std::size_t dimension, Rng& rng) {
  Matrix m(dimension, Vector(dimension));
  for (std::size_t i = 0; i < dimension; ++i) {
    double length = 0;
    while (length < 1e-6) {
      for (double& x : m[i]) x = rng.normal();
      // Twice, since once is inexact in rows that are nearly dependent.
      for (int pass = 0; pass < 2; ++pass)
        for (std::size_t j = 0; j < i; ++j) {
          const double along = std::inner_product(m[i].begin(), m[i].end(), m[j].begin(), 0.0);
          for (std::size_t k = 0; k < dimension; ++k) m[i][k] -= along * m[j][k];
        }
      length = std::sqrt(squared_norm(m[i]));
    }
    for (double& x : m[i]) x /= length;
  }
  return m;
}

Vector random_point(std::size_t dimension, double half_width, Rng& rng) {
  Vector point(dimension);
  for (double& x : point) x = rng.uniform(-half_width, half_width);
  return point;
}

Vector random_signs(std::size_t dimension, double size, Rng& rng) {
  Vector point(dimension);
  for (double& x : point) x = rng.bernoulli(0.5) ? size : -size;
  return point;
}

constexpr double kSchwefelOptimum = 4.2096874633;
constexpr double kLunacekMu0 = 2.5;

double rosenbrock_scale(std::size_t dimension) {
  return std::max(1.0, std::sqrt(static_cast<double>(dimension)) / 8.0);
}

}  // namespace

struct BbobFunction::Instance {
  /// One of Gallagher's.
  struct Peak {
    double height = 0;
    /// R y, and the diagonal of C.
    Vector center, shape;
  };
  BbobOptions options;
  Vector x_opt;
  double f_opt = 0;
  Matrix r, q;
  std::vector<Peak> peaks;

  std::size_t dimension() const { return x_opt.size(); }
};

/// The definitions, f(x) - f_opt each.
struct BbobDefinitions {
  using I = BbobFunction::Instance;
  using X = std::span<const double>;

  /// Q Lambda^alpha R (x - x_opt)
  static Vector bent(const I& f, double alpha, X x) {
    return multiply(f.q, scale(alpha, multiply(f.r, minus(x, f.x_opt))));
  }
  static double sphere(const I& f, X x) { return squared_norm(minus(x, f.x_opt)); }
  static double ellipsoidal_separable(const I& f, X x) {
    return ellipsoid(6, oscillate(minus(x, f.x_opt)));
  }
  static double rastrigin_separable(const I& f, X x) {
    return rastrigin(scale(10, skew(0.2, oscillate(minus(x, f.x_opt)))));
  }
  static double bueche_rastrigin(const I& f, X x) {
    Vector z = oscillate(minus(x, f.x_opt));
    for (std::size_t i = 0; i < z.size(); ++i)
      z[i] *= lambda(10, i, z.size()) * (z[i] > 0 && i % 2 == 0 ? 10.0 : 1.0);
    return rastrigin(z) + 100 * f_pen(x);
  }
  static double linear_slope(const I& f, X x) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double s = std::copysign(std::pow(10.0, fraction(i, x.size())), f.x_opt[i]);
      const double z = f.x_opt[i] * x[i] < 25.0 ? x[i] : f.x_opt[i];
      sum += 5 * std::abs(s) - s * z;
    }
    return sum;
  }
  static double attractive_sector(const I& f, X x) {
    const Vector z = bent(f, 10, x);
    double sum = 0;
    for (std::size_t i = 0; i < z.size(); ++i)
      sum += square(z[i] * (z[i] * f.x_opt[i] > 0 ? 100.0 : 1.0));
    return std::pow(t_osz(sum), 0.9);
  }
  static double step_ellipsoidal(const I& f, X x) {
    Vector z = scale(10, multiply(f.r, minus(x, f.x_opt)));
    const double first = std::abs(z[0]);
    for (double& zi : z)
      zi = std::abs(zi) > 0.5 ? std::floor(0.5 + zi) : std::floor(0.5 + 10 * zi) / 10;
    return 0.1 * std::max(first / 1e4, ellipsoid(2, multiply(f.q, z))) + f_pen(x);
  }
  static double rosenbrock_original(const I& f, X x) {
    Vector z = minus(x, f.x_opt);
    for (double& zi : z) zi = rosenbrock_scale(z.size()) * zi + 1;
    return rosenbrock(z);
  }
  static Vector rosenbrock_point(const I& f, X x) {
    Vector z = multiply(f.r, Vector(x.begin(), x.end()));
    for (double& zi : z) zi = rosenbrock_scale(z.size()) * zi + 0.5;
    return z;
  }
  static double rosenbrock_rotated(const I& f, X x) { return rosenbrock(rosenbrock_point(f, x)); }
  static double ellipsoidal(const I& f, X x) {
    return ellipsoid(6, oscillate(multiply(f.r, minus(x, f.x_opt))));
  }
  static double discus(const I& f, X x) {
    const Vector z = oscillate(multiply(f.r, minus(x, f.x_opt)));
    return 1e6 * square(z[0]) + sum_behind_first(z);
  }
  static double bent_cigar(const I& f, X x) {
    const Vector z = multiply(f.r, skew(0.5, multiply(f.r, minus(x, f.x_opt))));
    return square(z[0]) + 1e6 * sum_behind_first(z);
  }
  static double sharp_ridge(const I& f, X x) {
    const Vector z = bent(f, 10, x);
    return square(z[0]) + 100 * std::sqrt(std::max(0.0, sum_behind_first(z)));
  }
  static double different_powers(const I& f, X x) {
    const Vector z = multiply(f.r, minus(x, f.x_opt));
    double sum = 0;
    for (std::size_t i = 0; i < z.size(); ++i)
      sum += std::pow(std::abs(z[i]), 2 + 4 * fraction(i, z.size()));
    return std::sqrt(sum);
  }
  static double rastrigin_rotated(const I& f, X x) {
    const Vector z = skew(0.2, oscillate(multiply(f.r, minus(x, f.x_opt))));
    return rastrigin(multiply(f.r, scale(10, multiply(f.q, z))));
  }
  static double weierstrass(const I& f, X x) {
    const Vector z =
        multiply(f.r, scale(0.01, multiply(f.q, oscillate(multiply(f.r, minus(x, f.x_opt))))));
    double sum = 0;
    for (const double zi : z)
      for (int k = 0; k < 12; ++k)
        sum += std::ldexp(
            std::cos(2 * pi * std::pow(3.0, k) * (zi + 0.5)) - std::cos(pi * std::pow(3.0, k)), -k);
    const auto d = static_cast<double>(z.size());
    return 10 * std::pow(sum / d, 3) + 10 / d * f_pen(x);
  }
  static double schaffers(const I& f, double alpha, X x) {
    const Vector z = scale(alpha, multiply(f.q, skew(0.5, multiply(f.r, minus(x, f.x_opt)))));
    double sum = 0;
    for (std::size_t i = 0; i + 1 < z.size(); ++i) {
      const double s = std::hypot(z[i], z[i + 1]);
      sum += std::sqrt(s) * (1 + square(std::sin(50 * std::pow(s, 0.2))));
    }
    return square(sum / static_cast<double>(z.size() - 1)) + 10 * f_pen(x);
  }
  static double schaffers_f7(const I& f, X x) { return schaffers(f, 10, x); }
  static double schaffers_f7_ill(const I& f, X x) { return schaffers(f, 1000, x); }
  static double griewank_rosenbrock(const I& f, X x) {
    const Vector z = rosenbrock_point(f, x);
    double sum = 0;
    for (std::size_t i = 0; i + 1 < z.size(); ++i) {
      const double s = rosenbrock_term(z, i);
      sum += s / 4000 - std::cos(s);
    }
    return 10 * sum / static_cast<double>(z.size() - 1) + 10;
  }
  static double schwefel(const I& f, X x) {
    const std::size_t dimension = x.size();
    // x_opt's size is the same in every coordinate: 2 |x_opt| = kSchwefelOptimum.
    Vector x_hat(dimension), z(dimension);
    for (std::size_t i = 0; i < dimension; ++i)
      x_hat[i] = 2 * std::copysign(1.0, f.x_opt[i]) * x[i];
    double sum = 0;
    for (std::size_t i = 0; i < dimension; ++i) {
      const double z_hat = x_hat[i] + (i > 0 ? 0.25 * (x_hat[i - 1] - kSchwefelOptimum) : 0.0);
      z[i] = lambda(10, i, dimension) * (z_hat - kSchwefelOptimum) + kSchwefelOptimum;
      sum += 100 * z[i] * std::sin(std::sqrt(std::abs(100 * z[i])));
    }
    return 4.189828872724339 - sum / (100 * static_cast<double>(dimension)) + 100 * f_pen(z);
  }
  static double gallagher(const I& f, X x) {
    const Vector rotated = multiply(f.r, Vector(x.begin(), x.end()));
    const auto d = static_cast<double>(x.size());
    double highest = 0;
    for (const I::Peak& peak : f.peaks) {
      double sum = 0;
      for (std::size_t i = 0; i < rotated.size(); ++i)
        sum += peak.shape[i] * square(rotated[i] - peak.center[i]);
      highest = std::max(highest, peak.height * std::exp(-sum / (2 * d)));
    }
    return square(t_osz(10 - highest)) + f_pen(x);
  }
  static double katsuura(const I& f, X x) {
    const Vector z = bent(f, 100, x);
    const auto d = static_cast<double>(z.size());
    double product = 1;
    for (std::size_t i = 0; i < z.size(); ++i) {
      double sum = 0;
      for (int j = 1; j <= 32; ++j) {
        const double y = std::ldexp(z[i], j);
        sum += std::ldexp(std::abs(y - std::nearbyint(y)), -j);
      }
      product *= std::pow(1 + static_cast<double>(i + 1) * sum, 10 / std::pow(d, 1.2));
    }
    return 10 / square(d) * (product - 1) + f_pen(x);
  }
  static double lunacek(const I& f, X x) {
    const auto d = static_cast<double>(x.size());
    const double s = 1 - 1 / (2 * std::sqrt(d + 20) - 8.2);
    const double mu1 = -std::sqrt((square(kLunacekMu0) - 1) / s);
    double near = 0, far = 0;
    Vector offset(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double x_hat = 2 * std::copysign(1.0, f.x_opt[i]) * x[i];
      offset[i] = x_hat - kLunacekMu0;
      near += square(offset[i]);
      far += square(x_hat - mu1);
    }
    const Vector z = multiply(f.q, scale(100, multiply(f.r, offset)));
    return std::min(near, d + s * far) + cosine_ripple(z) + 1e4 * f_pen(x);
  }

  static constexpr std::array<double (*)(const I&, X), 24> kAll = {
      sphere,
      ellipsoidal_separable,
      rastrigin_separable,
      bueche_rastrigin,
      linear_slope,
      attractive_sector,
      step_ellipsoidal,
      rosenbrock_original,
      rosenbrock_rotated,
      ellipsoidal,
      discus,
      bent_cigar,
      sharp_ridge,
      different_powers,
      rastrigin_rotated,
      weierstrass,
      schaffers_f7,
      schaffers_f7_ill,
      griewank_rosenbrock,
      schwefel,
      gallagher,
      gallagher,
      katsuura,
      lunacek,
  };

  static Vector optimum(const I& f, Rng& rng) {
    const auto dimension = static_cast<std::size_t>(f.options.dimension);
    switch (f.options.function) {
      case 5:
        return random_signs(dimension, 5.0, rng);
      case 8:
        return random_point(dimension, 3.0, rng);
      case 9:
      case 19:
        // z = 1 where R x = 1/2 / scale.
        return multiply_transposed(f.r, Vector(dimension, 0.5 / rosenbrock_scale(dimension)));
      case 20:
        return random_signs(dimension, kSchwefelOptimum / 2, rng);
      case 22:
        return random_point(dimension, 3.92, rng);
      case 24:
        return random_signs(dimension, kLunacekMu0 / 2, rng);
      default:
        return random_point(dimension, 4.0, rng);
    }
  }

  struct GallagherOptions {
    int num_peaks = 101;
    /// Of the highest peak.
    double alpha = 1000;
    double half_width = 5;
  };
  static std::vector<I::Peak> gallagher_peaks(const I& f, const GallagherOptions& options,
                                              Rng& rng) {
    const std::size_t dimension = f.dimension();
    const double last = options.num_peaks - 2;
    Vector alphas;
    for (int j = 0; j + 1 < options.num_peaks; ++j)
      alphas.push_back(std::pow(1000.0, 2 * j / last));
    rng.shuffle(alphas);
    std::vector<I::Peak> peaks;
    for (int i = 0; i < options.num_peaks; ++i) {
      const double alpha = i == 0 ? options.alpha : alphas[static_cast<std::size_t>(i - 1)];
      I::Peak peak{.height = i == 0 ? 10.0 : 1.1 + 8 * (i - 1) / last};
      peak.center =
          multiply(f.r, i == 0 ? f.x_opt : random_point(dimension, options.half_width, rng));
      for (std::size_t k = 0; k < dimension; ++k)
        peak.shape.push_back(lambda(alpha, k, dimension) / std::pow(alpha, 0.25));
      rng.shuffle(peak.shape);
      peaks.push_back(std::move(peak));
    }
    return peaks;
  }
};

double t_osz(double x) {
  if (x == 0) return 0;
  const double x_hat = std::log(std::abs(x));
  const double c1 = x > 0 ? 10.0 : 5.5, c2 = x > 0 ? 7.9 : 3.1;
  return std::copysign(std::exp(x_hat + 0.049 * (std::sin(c1 * x_hat) + std::sin(c2 * x_hat))), x);
}

double t_asy(double x, double beta, double coordinate_fraction) {
  return x > 0 ? std::pow(x, 1 + beta * coordinate_fraction * std::sqrt(x)) : x;
}

BbobFunction::BbobFunction(const BbobOptions& options) {
  if (options.function < 1 || options.function > 24)
    throw Error(ErrorCode::InvalidArgument,
                "function = " + std::to_string(options.function) + " must be in [1, 24]");
  if (options.dimension < 2 || options.dimension > 1000)
    throw Error(ErrorCode::InvalidArgument,
                "dimension = " + std::to_string(options.dimension) + " must be in [2, 1000]");
  const auto dimension = static_cast<std::size_t>(options.dimension);
  Rng rng(options.instance, "bbob f" + std::to_string(options.function),
          static_cast<std::uint64_t>(options.dimension));
  Instance made{.options = options};
  // A quotient of normal numbers is Cauchy: half of all f_opt are within 100.
  const double cauchy = rng.normal() / std::max(std::abs(rng.normal()), 1e-12);
  made.f_opt = std::clamp(std::round(100 * 100 * cauchy) / 100, -1000.0, 1000.0);
  made.r = random_rotation(dimension, rng);
  made.q = random_rotation(dimension, rng);
  made.x_opt = BbobDefinitions::optimum(made, rng);
  if (options.function == 21) made.peaks = BbobDefinitions::gallagher_peaks(made, {}, rng);
  if (options.function == 22)
    made.peaks = BbobDefinitions::gallagher_peaks(
        made, {.num_peaks = 21, .alpha = 1e6, .half_width = 4.9}, rng);
  instance_ = std::make_unique<const Instance>(std::move(made));
}

BbobFunction::BbobFunction(BbobFunction&&) noexcept = default;
BbobFunction& BbobFunction::operator=(BbobFunction&&) noexcept = default;
BbobFunction::~BbobFunction() = default;

double BbobFunction::excess(std::span<const double> x) const {
  SKIPJACK_CHECK(x.size() == instance_->dimension());
  const auto index = static_cast<std::size_t>(instance_->options.function - 1);
  return BbobDefinitions::kAll[index](*instance_, x);
}

const std::vector<double>& BbobFunction::x_opt() const { return instance_->x_opt; }
double BbobFunction::f_opt() const { return instance_->f_opt; }
const BbobFunction::Matrix& BbobFunction::r() const { return instance_->r; }
const BbobFunction::Matrix& BbobFunction::q() const { return instance_->q; }

}  // namespace skipjack::benchmark
