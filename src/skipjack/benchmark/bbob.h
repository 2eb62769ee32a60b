// The 24 noiseless functions of the Black-Box Optimization Benchmark, from their definition
// [Hansen2009]: separable, ill-conditioned, multi-modal and weakly structured ones, each shifted,
// rotated and raised at random by instance. Pure functions of points; noise and search spaces are
// the business of bbob_world.h.
//
// Deviation: instances are drawn from our own generator, so they are of the definition's
// distribution without being those of the COCO software.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace skipjack::benchmark {

struct BbobOptions {
  /// Number in the definition: 1 is the sphere, 24 Lunacek's bi-Rastrigin function. Range [1, 24].
  int function = 1;
  /// D. Range [2, 1000]: several of the definitions divide by D - 1.
  int dimension = 2;
  /// Chooses rotations, optimum and f_opt.
  std::uint64_t instance = 0;
};

/// A function of one instance, minimised over [-5, 5]^D and defined everywhere. Immutable; safe to
/// share between threads.
class BbobFunction {
 public:
  /// Row by row.
  using Matrix = std::vector<std::vector<double>>;

  /// Throws InvalidArgument for options out of range.
  explicit BbobFunction(const BbobOptions& options);
  BbobFunction(BbobFunction&&) noexcept;
  BbobFunction& operator=(BbobFunction&&) noexcept;
  ~BbobFunction();

  /// f(x) - f_opt >= 0. x: D coordinates. O(D^2); O(101 D) more for function 21.
  double excess(std::span<const double> x) const;
  double operator()(std::span<const double> x) const { return excess(x) + f_opt(); }

  /// Where the smallest value is, and that value. Range of f_opt: [-1000, 1000], two decimals.
  const std::vector<double>& x_opt() const;
  double f_opt() const;

  /// The rotations of the definition, D by D; functions that have none ignore them.
  const Matrix& r() const;
  const Matrix& q() const;

 private:
  struct Instance;
  std::unique_ptr<const Instance> instance_;
  friend struct BbobDefinitions;
};

/// The oscillation and the asymmetry that keep the functions from being too regular [Hansen2009,
/// sec. 0.2]. coordinate_fraction: (i - 1) / (D - 1).
double t_osz(double x);
double t_asy(double x, double beta, double coordinate_fraction);

}  // namespace skipjack::benchmark
