// Any bytes as a table of learning curves: an error that says so, or a world, its gaps filled in
// either way, in which every configuration fails or has a whole curve, of finite values at times
// that don't go back, and a regret of at least 0 where it is a row.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "skipjack/base/error.h"
#include "skipjack/benchmark/curve_table.h"

namespace {

using namespace skipjack::benchmark;

void require(bool holds) {
  if (!holds) std::abort();
}

void look_at(const World& world, const skipjack::Configuration& configuration) {
  skipjack::Rng rng(1);
  const Evaluation evaluation = world.evaluate(configuration, rng);
  require(world.true_value(configuration).has_value() != evaluation.curve.empty());
  require(std::isfinite(evaluation.seconds) && evaluation.seconds >= 0);
  double before = 0;
  std::int64_t level = 0;
  for (const auto& point : evaluation.curve) {
    require(point.resource == ++level && std::isfinite(point.value) && point.seconds >= before);
    before = point.seconds;
  }
  require(level == 0 || level == world.resource().max);
}

void look_at(const std::shared_ptr<const CurveTable>& table, Gaps gaps) {
  const std::shared_ptr<const World> world = make_curve_world(table, {.gaps = gaps});
  for (std::size_t i = 0; i < table->rows.size() && i < 10; ++i) {
    const skipjack::Configuration& configuration = table->rows[i].configuration;
    look_at(*world, configuration);
    require(normalised_regret(*world, configuration) >= 0);
  }
  skipjack::Rng rng(1);
  for (int i = 0; i < 10; ++i)
    if (const auto configuration = world->space().sample(rng)) look_at(*world, *configuration);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const Gaps gaps : {Gaps::Nearest, Gaps::Forest}) {
    try {
      look_at(std::make_shared<const CurveTable>(parse_curve_table(text, "fuzz")), gaps);
    } catch (const skipjack::Error& error) {
      if (error.code() != skipjack::ErrorCode::Corrupted) std::abort();
    }
  }
  return 0;
}
