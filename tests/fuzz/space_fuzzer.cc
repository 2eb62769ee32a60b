// Any text read as a search space, as people write it and as JSON, is a space or InvalidArgument; a
// space that was read can be drawn from, encoded, decoded and written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "skipjack/base/error.h"
#include "skipjack/space/search_space.h"

namespace {

void use(const skipjack::SearchSpace& space) {
  skipjack::Rng rng(1);
  for (int i = 0; i < 3; ++i) {
    const auto configuration = space.sample(rng, 5);
    if (!configuration) break;
    if (!space.contains(*configuration)) std::abort();
    const auto unit = space.encode(*configuration);
    (void)space.key(space.decode(unit));
    if (space.active(unit).size() != space.dimension()) std::abort();
  }
  if (space.cardinality() && *space.cardinality() > 0) {
    (void)space.configuration_at(0);
    (void)space.configuration_at(*space.cardinality() - 1);
  }
  const auto back = skipjack::SearchSpace::from_json(space.to_json());
  if (back.searched() != space.searched() || back.constraints() != space.constraints() ||
      back.conditions() != space.conditions())
    std::abort();
}

template <class Read>
void try_to(Read read) {
  try {
    use(read());
  } catch (const skipjack::Error& error) {
    if (error.code() != skipjack::ErrorCode::InvalidArgument) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try_to([&] { return skipjack::SearchSpace::from_text(text); });
  if (const auto json = skipjack::try_parse_json(text))
    try_to([&] { return skipjack::SearchSpace::from_json(*json); });
  return 0;
}
