// Any bytes as a benchmark table: an error that says so, or a world whose regrets are numbers of at
// least 0 and whose disguise finds the same rows.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "skipjack/base/error.h"
#include "skipjack/benchmark/disguise.h"
#include "skipjack/benchmark/table.h"

namespace {

void look_at(const std::shared_ptr<const skipjack::benchmark::World>& world) {
  const auto disguised = skipjack::benchmark::disguise(world, {.seed = 1, .num_irrelevant = 1});
  skipjack::Rng rng(1);
  for (int i = 0; i < 10; ++i) {
    const auto configuration = disguised->space().sample(rng);
    if (!configuration) std::abort();
    if (!(skipjack::benchmark::normalised_regret(*disguised, *configuration) >= 0)) std::abort();
    const bool works = disguised->true_value(*configuration).has_value();
    if (works == disguised->evaluate(*configuration, rng).curve.empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    auto table = std::make_shared<const skipjack::benchmark::Table>(
        skipjack::benchmark::parse_table(text, "fuzz"));
    look_at(skipjack::benchmark::make_table_world(std::move(table), {}));
  } catch (const skipjack::Error& error) {
    if (error.code() != skipjack::ErrorCode::Corrupted) std::abort();
  }
  return 0;
}
