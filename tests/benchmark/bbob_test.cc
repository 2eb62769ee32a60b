// The functions against what their definition says of single points [Hansen2009]: the optimum,
// steps along axes of the rotated system (where T_osz(+-1) = +-1 and T_asy(1) = 1 leave closed
// forms), the origin, and symmetries.
#include "skipjack/benchmark/bbob.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <numeric>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"

namespace skipjack::benchmark {
namespace {

using Vector = std::vector<double>;
using Matrix = BbobFunction::Matrix;
constexpr int kDimension = 5;
constexpr double kPi = std::numbers::pi;

BbobFunction make(int function, int dimension = kDimension, std::uint64_t instance = 3) {
  return BbobFunction({.function = function, .dimension = dimension, .instance = instance});
}

Vector axis(std::size_t i, double length = 1) {
  Vector v(kDimension, 0.0);
  v[i] = length;
  return v;
}
Vector plus(Vector a, const Vector& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}
Vector times(const Matrix& m, const Vector& v) {
  Vector result;
  for (const auto& row : m)
    result.push_back(std::inner_product(row.begin(), row.end(), v.begin(), 0.0));
  return result;
}
Vector times_transposed(const Matrix& m, const Vector& v) {
  Vector result(v.size(), 0.0);
  for (std::size_t i = 0; i < v.size(); ++i)
    for (std::size_t j = 0; j < v.size(); ++j) result[j] += m[i][j] * v[i];
  return result;
}
/// Lambda^alpha, its inverse for power -1.
Vector stretched(double alpha, double power, Vector v) {
  for (std::size_t i = 0; i < v.size(); ++i)
    v[i] *= std::pow(alpha, power * 0.5 * static_cast<double>(i) / (kDimension - 1));
  return v;
}
/// f(x_opt + R^T v) - f_opt
double at_rotated(const BbobFunction& f, const Vector& v) {
  return f.excess(plus(f.x_opt(), times_transposed(f.r(), v)));
}
/// f(x) - f_opt where Q Lambda^alpha R (x - x_opt) = z.
double at_bent(const BbobFunction& f, double alpha, const Vector& z) {
  return at_rotated(f, stretched(alpha, -1, times_transposed(f.q(), z)));
}
double axis_fraction(std::size_t i) { return static_cast<double>(i) / (kDimension - 1); }
double rastrigin(const Vector& z) {
  double sum = 0;
  for (const double zi : z) sum += 10 * (1 - std::cos(2 * kPi * zi)) + zi * zi;
  return sum;
}

class BbobFunctions : public ::testing::TestWithParam<int> {};

TEST_P(BbobFunctions, ReachItsSmallestValueAtTheOptimum) {
  for (const int dimension : {2, 3, 10, 40})
    for (std::uint64_t instance = 0; instance < 5; ++instance) {
      const BbobFunction f = make(GetParam(), dimension, instance);
      // Schwefel's constants are printed to 10 digits; T_osz makes the others 0 exactly, or nearly.
      EXPECT_NEAR(f.excess(f.x_opt()), 0, 1e-8) << dimension << ", " << instance;
      EXPECT_NEAR(f(f.x_opt()), f.f_opt(), 1e-8);
    }
}

TEST_P(BbobFunctions, AreNowhereBelowTheirOptimum) {
  for (const int dimension : {2, 5, 20}) {
    const BbobFunction f = make(GetParam(), dimension);
    Rng rng(7, "points", static_cast<std::uint64_t>(dimension));
    for (int i = 0; i < 2000; ++i) {
      Vector x(static_cast<std::size_t>(dimension));
      // Half of the points near the optimum.
      for (std::size_t k = 0; k < x.size(); ++k)
        x[k] = i % 2 ? rng.uniform(-5, 5) : f.x_opt()[k] + 0.05 * rng.normal();
      const double excess = f.excess(x);
      ASSERT_TRUE(std::isfinite(excess));
      ASSERT_GE(excess, -1e-8) << "point " << i << " in " << dimension << " dimensions";
    }
  }
}

TEST_P(BbobFunctions, HaveTheirOptimumInTheBoxAndDependOnTheInstance) {
  const BbobFunction f = make(GetParam()), same = make(GetParam()), other = make(GetParam(), 5, 4);
  for (const double x : f.x_opt()) EXPECT_LE(std::abs(x), 5.0);
  EXPECT_EQ(f.x_opt(), same.x_opt());
  EXPECT_EQ(f.r(), same.r());
  EXPECT_NE(f.r(), other.r());
  EXPECT_NE(f.x_opt(), other.x_opt());
  EXPECT_LE(std::abs(f.f_opt()), 1000);
  EXPECT_NEAR(f.f_opt() * 100, std::round(f.f_opt() * 100), 1e-6);
}

TEST_P(BbobFunctions, RotateByOrthogonalMatrices) {
  const BbobFunction f = make(GetParam(), 10);
  for (const Matrix* m : {&f.r(), &f.q()})
    for (std::size_t i = 0; i < 10; ++i)
      for (std::size_t j = 0; j < 10; ++j)
        EXPECT_NEAR(std::inner_product((*m)[i].begin(), (*m)[i].end(), (*m)[j].begin(), 0.0),
                    i == j ? 1.0 : 0.0, 1e-14);
}
INSTANTIATE_TEST_SUITE_P(All, BbobFunctions, ::testing::Range(1, 25));

TEST(Bbob, OscillationKeepsOneAndSignAndIsNearTheIdentity) {
  EXPECT_EQ(t_osz(0), 0);
  EXPECT_DOUBLE_EQ(t_osz(1), 1);
  EXPECT_DOUBLE_EQ(t_osz(-1), -1);
  for (const double x : {1e-6, 0.3, 2.0, 70.0}) {
    EXPECT_LE(std::abs(std::log(t_osz(x) / x)), 0.098);
    EXPECT_LE(std::abs(std::log(t_osz(-x) / -x)), 0.098);
  }
  // exp(log 2 + 0.049 (sin(10 log 2) + sin(7.9 log 2))), by hand.
  const double l = std::log(2.0);
  EXPECT_DOUBLE_EQ(t_osz(2), 2 * std::exp(0.049 * (std::sin(10 * l) + std::sin(7.9 * l))));
  EXPECT_DOUBLE_EQ(t_osz(-2), -2 * std::exp(0.049 * (std::sin(5.5 * l) + std::sin(3.1 * l))));
}

TEST(Bbob, AsymmetryBendsThePositiveSideOnly) {
  EXPECT_EQ(t_asy(-2, 0.5, 1), -2);
  EXPECT_EQ(t_asy(4, 0.5, 0), 4);
  EXPECT_DOUBLE_EQ(t_asy(4, 0.5, 1), 16);  // 4^(1 + 0.5 * 2)
}

TEST(Bbob, F1IsTheSquaredDistance) {
  const BbobFunction f = make(1);
  EXPECT_NEAR(f.excess(plus(f.x_opt(), {1, -2, 0.5, 0, 3})), 14.25, 1e-12);
}

TEST(Bbob, F2AndF10HaveConditionOneMillion) {
  const BbobFunction separable = make(2), rotated = make(10);
  for (std::size_t i = 0; i < kDimension; ++i)
    for (const double sign : {1.0, -1.0}) {
      const double expected = std::pow(10, 6 * axis_fraction(i));
      EXPECT_NEAR(separable.excess(plus(separable.x_opt(), axis(i, sign))) / expected, 1, 1e-9);
      EXPECT_NEAR(at_rotated(rotated, axis(i, sign)) / expected, 1, 1e-6);
    }
}

TEST(Bbob, F3IsRastriginsFunctionInStretchedCoordinates) {
  const BbobFunction f = make(3);
  for (std::size_t i = 0; i < kDimension; ++i)
    EXPECT_NEAR(f.excess(plus(f.x_opt(), axis(i))), rastrigin(stretched(10, 1, axis(i))), 1e-9);
}

TEST(Bbob, F4IsTenTimesWiderOnThePositiveSideOfEveryOtherAxis) {
  const BbobFunction f = make(4);
  for (std::size_t i = 0; i < kDimension; ++i) {
    const double up = i % 2 == 0 ? 10 : 1;
    // 10 % inside the box, so that the penalty stays away.
    for (const double sign : {1.0, -1.0}) {
      if (std::abs(f.x_opt()[i] + sign) > 5) continue;
      EXPECT_NEAR(f.excess(plus(f.x_opt(), axis(i, sign))),
                  rastrigin(stretched(10, 1, axis(i, sign > 0 ? up : -1))), 1e-8);
    }
  }
}

TEST(Bbob, F4PenalisesLeavingTheBox) {
  const BbobFunction f = make(4);
  Vector outside = f.x_opt(), inside = f.x_opt();
  outside[1] = 7;
  EXPECT_GE(f.excess(outside), 100 * 4.0);
}

TEST(Bbob, F5IsLinearUpToItsCorner) {
  const BbobFunction f = make(5);
  double slopes = 0;
  for (std::size_t i = 0; i < kDimension; ++i) slopes += std::pow(10, axis_fraction(i));
  Vector origin(kDimension, 0.0), opposite = f.x_opt(), beyond = f.x_opt();
  for (double& x : opposite) x = -x;
  for (double& x : beyond) x *= 1.5;
  EXPECT_NEAR(f.excess(origin), 5 * slopes, 1e-9);
  EXPECT_NEAR(f.excess(opposite), 10 * slopes, 1e-9);
  EXPECT_NEAR(f.excess(beyond), 0, 1e-9);
}

TEST(Bbob, F6IsSteeperByTenThousandTowardsTheOptimum) {
  const BbobFunction f = make(6);
  for (std::size_t i = 0; i < kDimension; ++i) {
    const double towards = std::copysign(1.0, f.x_opt()[i]);
    EXPECT_NEAR(at_bent(f, 10, axis(i, -towards)), 1, 1e-9);
    EXPECT_NEAR(at_bent(f, 10, axis(i, towards)), std::pow(t_osz(1e4), 0.9), 1e-4);
  }
}

TEST(Bbob, F7IsFlatAroundTheOptimumButForItsFirstCoordinate) {
  const BbobFunction f = make(7);
  // |z_hat| < 0.05 rounds to zero; what is left is |z_hat_1| / 10^4 / 10.
  EXPECT_NEAR(at_rotated(f, axis(0, 0.04)), 0.1 * 0.04 / 1e4, 1e-15);
  EXPECT_NEAR(at_rotated(f, axis(2, 0.01)), 0, 1e-15);
  // A plateau: 0.6 to 1.4 all round to 1.
  EXPECT_DOUBLE_EQ(at_rotated(f, axis(0, 0.7)), at_rotated(f, axis(0, 1.3)));
  EXPECT_LT(at_rotated(f, axis(0, 1.3)), at_rotated(f, axis(0, 1.7)));
}

TEST(Bbob, F8TakesRosenbrocksValueWhereZIsZero) {
  for (const int dimension : {2, 5, 100}) {
    const BbobFunction f = make(8, dimension);
    Vector x = f.x_opt();
    for (double& xi : x) xi -= 1 / std::max(1.0, std::sqrt(dimension) / 8);
    EXPECT_NEAR(f.excess(x), dimension - 1, 1e-9);
  }
}

TEST(Bbob, F9AndF19AreKnownAtTheOrigin) {
  // z = 1/2: every term of Rosenbrock's is 100 / 16 + 1/4 = 6.5.
  const Vector origin(kDimension, 0.0);
  EXPECT_NEAR(make(9).excess(origin), 6.5 * (kDimension - 1), 1e-9);
  EXPECT_NEAR(make(19).excess(origin), 10 * (6.5 / 4000 - std::cos(6.5)) + 10, 1e-9);
}

TEST(Bbob, F11HasOneSteepAxis) {
  const BbobFunction f = make(11);
  for (std::size_t i = 0; i < kDimension; ++i)
    EXPECT_NEAR(at_rotated(f, axis(i)) / (i == 0 ? 1e6 : 1.0), 1, 1e-4);
}

TEST(Bbob, F12HasOneFlatAxis) {
  const BbobFunction f = make(12);
  for (std::size_t i = 0; i < kDimension; ++i) {
    const double flat = f.r()[0][i] * f.r()[0][i];  // z = R e_i
    EXPECT_NEAR(at_rotated(f, axis(i)) / (flat + 1e6 * (1 - flat)), 1, 1e-6);
  }
}

TEST(Bbob, F13IsASharpRidge) {
  const BbobFunction f = make(13);
  EXPECT_NEAR(at_bent(f, 10, axis(0, 2)), 4, 1e-4);
  for (std::size_t i = 1; i < kDimension; ++i) EXPECT_NEAR(at_bent(f, 10, axis(i, 2)), 200, 1e-5);
}

TEST(Bbob, F14HasADifferentPowerForEachAxis) {
  const BbobFunction f = make(14);
  for (std::size_t i = 0; i < kDimension; ++i)
    EXPECT_NEAR(at_rotated(f, axis(i, 0.5)), std::pow(0.5, 1 + 2 * axis_fraction(i)), 1e-9);
}

TEST(Bbob, F15IsRastriginsFunctionTurned) {
  const BbobFunction f = make(15);
  for (std::size_t i = 0; i < kDimension; ++i) {
    const Vector z = times(f.r(), stretched(10, 1, times(f.q(), axis(i))));
    EXPECT_NEAR(at_rotated(f, axis(i)), rastrigin(z), 1e-5);
  }
}

TEST(Bbob, F16IsWeierstrassSumOfCosines) {
  const BbobFunction f = make(16);
  const Vector z = times(f.r(), stretched(0.01, 1, times(f.q(), axis(2))));
  double mean = 0, at_zero = 0;
  for (int k = 0; k < 12; ++k) {
    at_zero += std::pow(0.5, k) * std::cos(2 * kPi * std::pow(3, k) * 0.5);
    for (const double zi : z)
      mean += std::pow(0.5, k) * std::cos(2 * kPi * std::pow(3, k) * (zi + 0.5)) / kDimension;
  }
  // The fastest cosine multiplies rounding by 3^11.
  EXPECT_NEAR(at_rotated(f, axis(2)), 10 * std::pow(mean - at_zero, 3), 1e-4);
}

TEST(Bbob, F17AndF18DifferByTheirConditionAlone) {
  for (const auto& [function, alpha] : {std::pair(17, 10.0), std::pair(18, 1000.0)}) {
    const BbobFunction f = make(function);
    const Vector z = stretched(alpha, 1, times(f.q(), axis(1)));
    double sum = 0;
    for (std::size_t i = 0; i + 1 < kDimension; ++i) {
      const double s = std::sqrt(z[i] * z[i] + z[i + 1] * z[i + 1]);
      sum += std::sqrt(s) + std::sqrt(s) * std::pow(std::sin(50 * std::pow(s, 0.2)), 2);
    }
    EXPECT_NEAR(at_rotated(f, axis(1)), std::pow(sum / (kDimension - 1), 2), 1e-7);
  }
}

TEST(Bbob, F20IsKnownAtTheOriginsNeighbours) {
  // x = 0: x_hat = 0; z_hat_1 = 0, the others -m/4 with m = 2 |x_opt|.
  const BbobFunction f = make(20);
  const double m = 4.2096874633;
  double sum = 0;
  for (std::size_t i = 0; i < kDimension; ++i) {
    const double z_hat = i == 0 ? 0.0 : -0.25 * m;
    const double z = 100 * (std::pow(10, 0.5 * axis_fraction(i)) * (z_hat - m) + m);
    sum += z * std::sin(std::sqrt(std::abs(z))) / (100 * kDimension);
    const double out = std::max(0.0, std::abs(z / 100) - 5);
    sum -= 100 * out * out;
  }
  EXPECT_NEAR(f.excess(Vector(kDimension, 0.0)), 4.189828872724339 - sum, 1e-9);
}

TEST(Bbob, F21AndF22FallOffAsTheirHighestPeakSays) {
  // Near the optimum the first peak is the highest: w = 10, C = Lambda^alpha / alpha^(1/4)
  // permuted.
  for (const auto& [function, alpha] : {std::pair(21, 1000.0), std::pair(22, 1e6)}) {
    const BbobFunction f = make(function);
    std::vector<double> seen, expected;
    for (std::size_t i = 0; i < kDimension; ++i) {
      seen.push_back(at_rotated(f, axis(i, 0.01)));
      const double c = std::pow(alpha, 0.5 * axis_fraction(i)) / std::pow(alpha, 0.25);
      const double peak = 10 * std::exp(-c * 1e-4 / (2 * kDimension));
      expected.push_back(std::pow(t_osz(10 - peak), 2));
    }
    std::sort(seen.begin(), seen.end());
    std::sort(expected.begin(), expected.end());
    for (std::size_t i = 0; i < kDimension; ++i) EXPECT_NEAR(seen[i] / expected[i], 1, 1e-6);
  }
}

TEST(Bbob, F23IsThePublishedProduct) {
  // z = 1/3 on one axis: |2^j / 3 - nearest| = 1/3 for every j.
  const BbobFunction f = make(23);
  double sum = 0;
  for (int j = 1; j <= 32; ++j) sum += 1.0 / 3 / std::pow(2, j);
  for (const std::size_t i : {std::size_t{0}, std::size_t{4}}) {
    const double factor =
        std::pow(1 + static_cast<double>(i + 1) * sum, 10 / std::pow(kDimension, 1.2));
    // Where z is zero but for rounding, the other factors are 1 but for 32 times that.
    EXPECT_NEAR(at_bent(f, 100, axis(i, 1.0 / 3)), 10.0 / 25 * (factor - 1), 1e-6);
  }
}

TEST(Bbob, F24HasASecondFunnelThatIsHigher) {
  const BbobFunction f = make(24);
  const double s = 1 - 1 / (2 * std::sqrt(kDimension + 20.0) - 8.2);
  const double mu1 = -std::sqrt((2.5 * 2.5 - 1) / s);
  Vector second = f.x_opt();
  for (double& x : second) x = std::copysign(0.5 * mu1, -x);
  const double ripple = f.excess(second) - kDimension;  // d D + s 0 + 10 (D - sum of cosines)
  EXPECT_GE(ripple, -1e-9);
  EXPECT_LE(ripple, 20.0 * kDimension);
}

TEST(Bbob, OptionsOutOfRangeAreRefused) {
  EXPECT_THROW(make(0), Error);
  EXPECT_THROW(make(25), Error);
  EXPECT_THROW(make(1, 1), Error);
  EXPECT_THROW(make(1, 1001), Error);
}

}  // namespace
}  // namespace skipjack::benchmark
