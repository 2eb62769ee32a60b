// The lock is flock(2)'s: it dies with the process, whatever kills it.
#include "skipjack/cli/scratch_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/base/file.h"

namespace skipjack::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = ".skipjack-";
/// Holds the path of the experiment's folder.
constexpr const char* kOwnerFile = "experiment";

int open_owner_file(const fs::path& scratch, int flags) {
  return ::open((scratch / kOwnerFile).c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0644);
}

enum class Lock {
  Taken,
  Busy,         ///< somebody else has it
  Unavailable,  ///< this file system has none
};
Lock take_lock(int fd) {
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return Lock::Taken;
  return errno == EWOULDBLOCK ? Lock::Busy : Lock::Unavailable;
}

/// Whether the experiment that the owner file names is no more.
bool is_orphaned(const fs::path& owner_file) {
  try {
    const fs::path experiment = read_file(owner_file);
    std::error_code error;
    return experiment.is_absolute() && !fs::exists(experiment, error) && !error;
  } catch (const Error&) {
    return false;  // it can't be read, so nobody knows whose it is
  }
}

}  // namespace

fs::path scratch_folder_path(const fs::path& folder, const std::string& name) {
  return fs::absolute(folder).lexically_normal() / (std::string(kPrefix) + name);
}

fs::path scratch_folder_of(const TuningDefinition& definition, const std::string& name) {
  if (definition.program.slurm) return {};  // nodes have folders of their own
  for (const Parameter& parameter : definition.space.parameters()) {
    const auto* constant = std::get_if<Json>(&parameter.domain);
    if (!constant || parameter.name != "folder" || !constant->is_string()) continue;
    const fs::path path = constant->as_string();
    if (path.is_absolute() && path.filename() == std::string(kPrefix) + name) return path;
  }
  return {};
}

ScratchFolder::ScratchFolder(fs::path path, const fs::path& experiment) : path_(std::move(path)) {
  if (path_.empty()) return;
  std::error_code error;
  if (const int old = open_owner_file(path_, O_RDONLY); old >= 0) {
    const Lock lock = take_lock(old);
    if (lock != Lock::Busy) fs::remove_all(path_, error);
    ::close(old);
    if (lock == Lock::Busy)
      throw Error(ErrorCode::AlreadyExists, "the folder " + path_.string() + " is in use",
                  "wait for the tuning that uses it, or name another with --folder");
  }
  fs::remove_all(path_, error);
  if (!error) fs::create_directory(path_, error);
  if (error) throw errno_error(error.value(), "cannot make the folder " + path_.string());
  // Nobody knows the file yet, so the lock is free; where there are no locks, sweeping finds none
  // either and leaves the folder alone.
  lock_ = open_owner_file(path_, O_WRONLY | O_CREAT | O_EXCL);
  if (lock_ >= 0) take_lock(lock_);
  const std::string owner = experiment.string();
  const bool written = lock_ >= 0 && ::write(lock_, owner.data(), owner.size()) ==
                                         static_cast<ssize_t>(owner.size());
  if (written) return;
  const int reason = lock_ < 0 ? errno : EIO;
  if (lock_ >= 0) ::close(lock_);
  fs::remove_all(path_, error);
  throw errno_error(reason, "cannot write into the folder " + path_.string());
}

ScratchFolder::~ScratchFolder() {
  if (path_.empty()) return;
  std::error_code ignored;  // it stays behind, and goes with the experiment
  fs::remove_all(path_, ignored);
  ::close(lock_);
}

void remove_abandoned_scratch_folders(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->path().filename().string().starts_with(kPrefix)) found.push_back(at->path());
  for (const fs::path& path : found) {
    const int owner_file = open_owner_file(path, O_RDONLY);
    if (owner_file < 0) continue;  // none of ours
    if (take_lock(owner_file) == Lock::Taken && is_orphaned(path / kOwnerFile))
      fs::remove_all(path, error);
    ::close(owner_file);
  }
}

}  // namespace skipjack::cli
