// What lies in a folder, in enough detail to see that it was changed: so that a copy of it can be
// known to be of one moment.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>

namespace skipjack {

struct FileState {
  /// Of a folder nothing else is kept: it changes with what lies below it, which has a state
  /// itself.
  bool is_folder = false;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  /// Last change of the bytes, and of the file's names or rights; nanoseconds since 1970, as
  /// fine as the file system's clock.
  std::int64_t modified = 0, changed = 0;
  friend bool operator==(const FileState&, const FileState&) = default;
};

/// By path from the folder; a folder comes before what it holds.
using FolderState = std::map<std::filesystem::path, FileState>;

/// Files and folders called *.tmp are left out: they are not finished. Symbolic links are not
/// followed. nullopt: something went while it was looked at, or there is no such folder. Throws Io.
std::optional<FolderState> folder_state(const std::filesystem::path& folder);

}  // namespace skipjack
