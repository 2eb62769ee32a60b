#include "skipjack/benchmark/gated_network.h"

#include <algorithm>

#include "skipjack/base/error.h"

namespace skipjack::benchmark {
namespace {

/// Points are padded to a multiple of this: the widest vector of any machine that this is built
/// for.
constexpr std::size_t kLanes = 8;
/// Terms of a sum that are added in one go, so that the sum is loaded and stored once for all.
constexpr std::size_t kTerms = 8;

/// sum[l] += weights[k] * x[k][l] over k < num_terms and l < lanes, k ascending; x (num_terms,
/// lanes).
[[gnu::always_inline]] inline void accumulate(float* __restrict sum, const float* __restrict x,
                                              const float* __restrict weights,
                                              std::size_t num_terms, std::size_t lanes) {
  std::size_t k = 0;
  for (; k + kTerms <= num_terms; k += kTerms) {
    const float* const row = x + k * lanes;
    const float* const w = weights + k;
    for (std::size_t l = 0; l < lanes; ++l) {
      float s = sum[l];
      s += w[0] * row[l];
      s += w[1] * row[lanes + l];
      s += w[2] * row[2 * lanes + l];
      s += w[3] * row[3 * lanes + l];
      s += w[4] * row[4 * lanes + l];
      s += w[5] * row[5 * lanes + l];
      s += w[6] * row[6 * lanes + l];
      s += w[7] * row[7 * lanes + l];
      sum[l] = s;
    }
  }
  for (; k < num_terms; ++k)
    for (std::size_t l = 0; l < lanes; ++l) sum[l] += weights[k] * x[k * lanes + l];
}

using Accumulate = void (*)(float*, const float*, const float*, std::size_t, std::size_t);

void accumulate_anywhere(float* sum, const float* x, const float* weights, std::size_t num_terms,
                         std::size_t lanes) {
  accumulate(sum, x, weights, num_terms, lanes);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void accumulate_avx2(float* sum, const float* x, const float* weights,
                                             std::size_t num_terms, std::size_t lanes) {
  accumulate(sum, x, weights, num_terms, lanes);
}
#endif

/// Chosen at run time; both give the same bits.
Accumulate fastest_accumulate() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return accumulate_avx2;
#endif
  return accumulate_anywhere;
}

class Evaluator {
 public:
  Evaluator(const GatedNetwork& network, std::size_t num_points)
      : network_(network),
        num_points_(num_points),
        lanes_((num_points + kLanes - 1) / kLanes * kLanes),
        hidden_(network.width * lanes_),
        step_(network.width * lanes_),
        gate_(lanes_) {}

  std::vector<float> run(std::span<const float> bias, std::span<const float> x) {
    enter(bias, x);
    for (const GatedLayer& layer : network_.layers) apply(layer);
    return leave();
  }

 private:
  void enter(std::span<const float> bias, std::span<const float> x) {
    std::vector<float> padded(network_.num_inputs * lanes_);
    for (std::size_t k = 0; k < network_.num_inputs; ++k)
      std::copy_n(x.data() + k * num_points_, num_points_, padded.data() + k * lanes_);
    for (std::size_t i = 0; i < network_.width; ++i) {
      float* const row = hidden_.data() + i * lanes_;
      std::fill_n(row, lanes_, bias[i]);
      accumulate_(row, padded.data(), network_.input.data() + i * network_.num_inputs,
                  network_.num_inputs, lanes_);
    }
  }

  /// h <- h + V (value * max(0, gate)) + c, a few open gates at a time.
  void apply(const GatedLayer& layer) {
    for (std::size_t i = 0; i < network_.width; ++i)
      std::fill_n(step_.data() + i * lanes_, lanes_, layer.back_bias[i]);
    open_.clear(), gated_.clear();
    for (std::size_t j = 0; j < network_.num_gates; ++j) {
      float* const gate = gate_.data();
      row_of(gate, layer.gate, layer.gate_bias, j);
      if (std::all_of(gate, gate + num_points_, [](float g) { return g <= 0; })) continue;
      open_.push_back(j);
      gated_.resize(gated_.size() + lanes_);
      float* const value = &*(gated_.end() - static_cast<std::ptrdiff_t>(lanes_));
      row_of(value, layer.value, layer.value_bias, j);
      for (std::size_t l = 0; l < lanes_; ++l) value[l] *= std::max(0.0f, gate[l]);
      if (open_.size() == kTerms) add_open(layer);
    }
    add_open(layer);
    for (std::size_t i = 0; i < hidden_.size(); ++i) hidden_[i] += step_[i];
  }

  void row_of(float* row, const std::vector<float>& weights, const std::vector<float>& bias,
              std::size_t j) const {
    std::fill_n(row, lanes_, bias[j]);
    accumulate_(row, hidden_.data(), weights.data() + j * network_.width, network_.width, lanes_);
  }

  void add_open(const GatedLayer& layer) {
    float weights[kTerms];
    for (std::size_t i = 0; i < network_.width; ++i) {
      for (std::size_t k = 0; k < open_.size(); ++k)
        weights[k] = layer.back[i * network_.num_gates + open_[k]];
      accumulate_(step_.data() + i * lanes_, gated_.data(), weights, open_.size(), lanes_);
    }
    open_.clear(), gated_.clear();
  }

  std::vector<float> leave() {
    for (std::size_t i = 0; i < network_.width; ++i)
      for (std::size_t l = 0; l < lanes_; ++l) {
        float& h = hidden_[i * lanes_ + l];
        h = std::max(0.0f, h * network_.last_scale[i] + network_.last_shift[i]);
      }
    std::vector<float> y(network_.num_outputs * num_points_);
    for (std::size_t k = 0; k < network_.num_outputs; ++k) {
      row_of(gate_.data(), network_.head, network_.head_bias, k);
      std::copy_n(gate_.data(), num_points_, y.data() + k * num_points_);
    }
    return y;
  }

  const GatedNetwork& network_;
  const Accumulate accumulate_ = fastest_accumulate();
  std::size_t num_points_, lanes_;
  std::vector<float> hidden_, step_;  // (w, lanes)
  std::vector<float> gate_;           // (lanes)
  std::vector<std::size_t> open_;     // gates in gated_, at most kTerms
  std::vector<float> gated_;          // (open gates, lanes)
};

}  // namespace

std::vector<float> evaluate(const GatedNetwork& network, std::span<const float> bias,
                            std::span<const float> x) {
  SKIPJACK_CHECK(network.num_inputs > 0 && x.size() % network.num_inputs == 0);
  SKIPJACK_CHECK(bias.size() == network.width);
  return Evaluator(network, x.size() / network.num_inputs).run(bias, x);
}

}  // namespace skipjack::benchmark
