// Whole files, and their replacement in one step.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace skipjack {

/// The whole file. Throws NotFound, PermissionDenied or Io, naming the path.
std::string read_file(const std::filesystem::path& path);

/// Who may read a new file: whom the process lets (its umask), or its user alone.
enum class FileMode { Shared, Private };

/// Replaces path in one step: a reader sees the old bytes or the new, never a part, whatever dies
/// when. A temporary file beside it is removed on failure. Safe against a killed process; not
/// synced to the disk. Through a symbolic link, what it leads to is replaced; a device or a pipe
/// (/dev/stdout) is written to instead of replaced.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes,
                           FileMode mode = FileMode::Shared);

}  // namespace skipjack
