// A residual network of gated layers, evaluated for many inputs at once: the shape of the networks
// that stand in for measured learning curves [Pfisterer2022]. Numbers only; no files, no meaning.
//
//   x (m, n)   inputs, one column a point  b (w)     bias of the first layer, per call
//   h (w, n)   hidden state                p         number of gates of a layer
//   h <- A x + b                           A (w, m)
//   h <- h + V (value * max(0, gate)) + c  value = P h + q, gate = G h + r; P, G (p, w), V (w, p)
//   y = H max(0, s * h + t) + u            y (k, n)
//
// All matrices are row by row. Sums run in one order, whatever the machine, and multiplications and
// additions are never fused, so that the same weights give the same bits everywhere.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace skipjack::benchmark {

struct GatedLayer {
  std::vector<float> value, value_bias;  // P (p, w), q (p)
  std::vector<float> gate, gate_bias;    // G (p, w), r (p)
  std::vector<float> back, back_bias;    // V (w, p), c (w)
};

struct GatedNetwork {
  std::size_t num_inputs = 0, width = 0, num_gates = 0, num_outputs = 0;
  std::vector<float> input;  // A (w, m)
  std::vector<GatedLayer> layers;
  std::vector<float> last_scale, last_shift;  // s, t (w)
  std::vector<float> head, head_bias;         // H (k, w), u (k)
};

/// y (k, n). bias: b (w). x: (m, n), so its size says n. O(n w p) for each layer; a gate that is
/// shut at all points costs half.
std::vector<float> evaluate(const GatedNetwork& network, std::span<const float> bias,
                            std::span<const float> x);

}  // namespace skipjack::benchmark
