// Independent pieces of work on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace skipjack::benchmark {

/// work(0), ..., work(count - 1), on so many threads, the caller's among them. Each number once, in
/// order of being taken. When one throws, those under way are finished, no more are begun and the
/// first exception is thrown. threads: in [1, inf).
void for_each_number(std::size_t count, int threads, const std::function<void(std::size_t)>& work);

}  // namespace skipjack::benchmark
