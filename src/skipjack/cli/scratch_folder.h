// The folder in which a tuning's downloads appear for a moment, ".skipjack-NAME" beside whatever
// else the user has there. It goes when the tuning ends; one that a killed tuning has left goes
// when its experiment is resumed or removed, or, if that experiment is no more, when another tuning
// begins in the same place. A file in it names the experiment and is locked while it is in use, so
// nothing is ever removed that somebody still needs or that is not ours.
#pragma once

#include <filesystem>
#include <string>

#include "skipjack/study/tuning.h"

namespace skipjack::cli {

/// Absolute.
std::filesystem::path scratch_folder_path(const std::filesystem::path& folder,
                                          const std::string& name);

/// The one that the definition of an S3 tuning names; empty if it names none, or if it is not the
/// one of that experiment (then it is not ours), and for trials on the nodes of a cluster.
std::filesystem::path scratch_folder_of(const TuningDefinition& definition,
                                        const std::string& name);

/// While it lives, the folder exists, empty at first.
class ScratchFolder {
 public:
  /// experiment: folder of the experiment that it belongs to, absolute; need not be there yet. An
  /// empty path makes nothing. Throws AlreadyExists if a tuning uses it, Io, NotFound,
  /// PermissionDenied.
  ScratchFolder(std::filesystem::path path, const std::filesystem::path& experiment);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

 private:
  std::filesystem::path path_;
  int lock_ = -1;
};

/// Removes the scratch folders in a folder whose experiment neither runs nor exists. Best effort:
/// what can't be removed stays.
void remove_abandoned_scratch_folders(const std::filesystem::path& folder);

}  // namespace skipjack::cli
