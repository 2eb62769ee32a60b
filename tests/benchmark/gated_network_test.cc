// The gated network against one worked by hand and against plain loops in double precision.
#include "skipjack/benchmark/gated_network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "skipjack/base/rng.h"

namespace skipjack::benchmark {
namespace {

using Floats = std::vector<float>;

TEST(GatedNetwork, IsWhatOneWorksOutByHand) {
  GatedNetwork network{.num_inputs = 1, .width = 2, .num_gates = 1, .num_outputs = 1};
  network.input = {2, -1};
  network.layers = {{.value = {1, 1},
                     .value_bias = {1},
                     .gate = {0.5, 0},
                     .gate_bias = {-2},
                     .back = {3, 10},
                     .back_bias = {0, 0.5}}};
  network.last_scale = {1, 2};
  network.last_shift = {-1, 0};
  network.head = {1, 1};
  network.head_bias = {100};
  // x = 1: h = (2 + 1, -1 + 4) = (3, 3), gate 1.5 - 2 < 0: shut, h = (3, 3.5), y = 2 + 7 + 100.
  // x = 3: h = (7, 1), gate 1.5, value 9: h = (7 + 40.5, 1 + 135 + 0.5), y = 46.5 + 273 + 100.
  const Floats y = evaluate(network, Floats{1, 4}, Floats{1, 3});
  ASSERT_EQ(y.size(), 2u);
  EXPECT_EQ(y[0], 109.0f);
  EXPECT_EQ(y[1], 419.5f);
}

Floats random_floats(std::size_t size, double scale, Rng& rng) {
  Floats values;
  for (std::size_t i = 0; i < size; ++i) values.push_back(static_cast<float>(scale * rng.normal()));
  return values;
}

GatedNetwork random_network(Rng& rng) {
  GatedNetwork n{.num_inputs = 5, .width = 13, .num_gates = 29, .num_outputs = 2};
  n.input = random_floats(n.width * n.num_inputs, 0.5, rng);
  for (int i = 0; i < 2; ++i)
    n.layers.push_back({.value = random_floats(n.num_gates * n.width, 0.2, rng),
                        .value_bias = random_floats(n.num_gates, 0.2, rng),
                        .gate = random_floats(n.num_gates * n.width, 0.2, rng),
                        .gate_bias = random_floats(n.num_gates, 0.2, rng),
                        .back = random_floats(n.width * n.num_gates, 0.2, rng),
                        .back_bias = random_floats(n.width, 0.2, rng)});
  n.last_scale = random_floats(n.width, 1, rng);
  n.last_shift = random_floats(n.width, 1, rng);
  n.head = random_floats(n.num_outputs * n.width, 0.3, rng);
  n.head_bias = random_floats(n.num_outputs, 0.3, rng);
  return n;
}

/// weights (rows, x.size()) times x plus bias.
std::vector<double> affine(const Floats& weights, const Floats& bias,
                           const std::vector<double>& x) {
  std::vector<double> y(bias.begin(), bias.end());
  for (std::size_t i = 0; i < y.size(); ++i)
    for (std::size_t k = 0; k < x.size(); ++k)
      y[i] += static_cast<double>(weights[i * x.size() + k]) * x[k];
  return y;
}

std::vector<double> by_plain_loops(const GatedNetwork& network, const Floats& bias,
                                   const std::vector<double>& x) {
  std::vector<double> h = affine(network.input, bias, x);
  for (const GatedLayer& layer : network.layers) {
    std::vector<double> gated = affine(layer.value, layer.value_bias, h);
    const std::vector<double> gate = affine(layer.gate, layer.gate_bias, h);
    for (std::size_t j = 0; j < gated.size(); ++j) gated[j] *= std::max(0.0, gate[j]);
    const std::vector<double> step = affine(layer.back, layer.back_bias, gated);
    for (std::size_t i = 0; i < h.size(); ++i) h[i] += step[i];
  }
  for (std::size_t i = 0; i < h.size(); ++i)
    h[i] = std::max(0.0, static_cast<double>(network.last_scale[i]) * h[i] +
                             static_cast<double>(network.last_shift[i]));
  return affine(network.head, network.head_bias, h);
}

TEST(GatedNetwork, AgreesWithPlainLoopsWhateverTheNumberOfPoints) {
  Rng rng(1, "test");
  const GatedNetwork network = random_network(rng);
  const Floats bias = random_floats(network.width, 0.5, rng);
  for (const std::size_t n : {1u, 7u, 8u, 9u, 52u}) {
    const Floats x = random_floats(network.num_inputs * n, 1, rng);
    const Floats y = evaluate(network, bias, x);
    ASSERT_EQ(y.size(), network.num_outputs * n);
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<double> point;
      for (std::size_t k = 0; k < network.num_inputs; ++k) point.push_back(x[k * n + i]);
      const std::vector<double> expected = by_plain_loops(network, bias, point);
      for (std::size_t k = 0; k < network.num_outputs; ++k)
        EXPECT_NEAR(y[k * n + i], expected[k], 1e-5 * (1 + std::abs(expected[k]))) << n << ' ' << i;
    }
  }
}

TEST(GatedNetwork, GivesPointTheSameBitsAloneAndAmongOthers) {
  Rng rng(2, "test");
  const GatedNetwork network = random_network(rng);
  const Floats bias = random_floats(network.width, 0.5, rng);
  const std::size_t n = 21;
  const Floats x = random_floats(network.num_inputs * n, 1, rng);
  const Floats together = evaluate(network, bias, x);
  for (std::size_t i = 0; i < n; ++i) {
    Floats point;
    for (std::size_t k = 0; k < network.num_inputs; ++k) point.push_back(x[k * n + i]);
    const Floats alone = evaluate(network, bias, point);
    for (std::size_t k = 0; k < network.num_outputs; ++k) EXPECT_EQ(alone[k], together[k * n + i]);
  }
}

}  // namespace
}  // namespace skipjack::benchmark
