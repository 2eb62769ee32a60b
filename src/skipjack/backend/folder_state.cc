#include "skipjack/backend/folder_state.h"

#include <sys/stat.h>

#include <cerrno>
#include <string_view>
#include <system_error>

#include "skipjack/base/error.h"

namespace skipjack {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kUnfinished = ".tmp";

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{1'000'000'000} * time.tv_sec + time.tv_nsec;
}

FileState state_of(const struct stat& found) {
  if (S_ISDIR(found.st_mode)) return {.is_folder = true};
  return {.inode = found.st_ino,
          .size = found.st_size,
          .modified = nanoseconds(found.st_mtim),
          .changed = nanoseconds(found.st_ctim)};
}

}  // namespace

std::optional<FolderState> folder_state(const fs::path& folder) {
  FolderState state;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (at->path().native().ends_with(kUnfinished)) {
      at.disable_recursion_pending();
      continue;
    }
    struct stat found {};
    if (::lstat(at->path().c_str(), &found) != 0) {
      error.assign(errno, std::generic_category());
      break;
    }
    state[at->path().lexically_relative(folder)] = state_of(found);
  }
  if (error == std::errc::no_such_file_or_directory) return std::nullopt;
  if (error) throw errno_error(error.value(), "can't read the folder " + folder.string());
  return state;
}

}  // namespace skipjack
