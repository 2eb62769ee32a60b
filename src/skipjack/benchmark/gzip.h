// Benchmark data as it lies on disk: whole files, compressed or not.
#pragma once

#include <filesystem>
#include <string>

namespace skipjack::benchmark {

/// The whole file, decompressed if it is gzip, as it is if not. Throws NotFound, Corrupted.
std::string read_gzip(const std::filesystem::path& path);

}  // namespace skipjack::benchmark
