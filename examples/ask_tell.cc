// Ask-tell on Branin's function, a common test of optimisers: three minima of 0.397887, one at
// (-pi, 12.275). The program evaluates for itself; Skipjack proposes and remembers.
#include "skipjack/study/ask_tell.h"

#include <cmath>
#include <cstdio>
#include <numbers>

namespace {

double branin(double x, double y) {
  constexpr double kPi = std::numbers::pi;
  const double valley = y - 5.1 / (4 * kPi * kPi) * x * x + 5 / kPi * x - 6;
  return valley * valley + 10 * (1 - 1 / (8 * kPi)) * std::cos(x) + 10;
}

}  // namespace

int main() {
  const auto space = skipjack::SearchSpace::from_text("x: uniform(-5, 10)\ny: uniform(0, 15)\n");
  skipjack::AskTell study(
      {.space = space, .metrics = {{"value"}}, .method = "bayesopt", .seed = 1});
  for (int i = 0; i < 40; ++i) {
    const auto trial = study.ask();
    const double x = trial.configuration.at("x").as_double();
    const double y = trial.configuration.at("y").as_double();
    study.tell(trial.id, {{"value", branin(x, y)}});
  }
  const auto best = study.best();
  std::printf("best value %.4f at %s\n", best->value,
              skipjack::to_json_text(best->configuration).c_str());
  // Over eight seeds it was 0.40 to 0.59, with method "random" 0.43 to 3.8.
  return best->value < 1 ? 0 : 1;
}
