// Where experiments are kept: ROOT/NAME/{journal.sqlite, lease, trials/<number>/...}. A folder
// appears complete or not at all; one that is broken is listed as broken and spoils nothing else.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/journal/journal.h"
#include "skipjack/journal/lease.h"

namespace skipjack {

/// An experiment opened for writing. The lease goes last.
struct OpenExperiment {
  std::filesystem::path folder;
  std::unique_ptr<Lease> lease;
  std::unique_ptr<Journal> journal;
  /// Throws as Lease::confirm does.
  void confirm_lease() const;
};

/// One line of a list.
struct ExperimentEntry {
  std::string name;
  std::filesystem::path folder;
  /// Unset if it can't be read; problem says why.
  std::optional<JournalHeader> header;
  std::string problem;
  /// Set while a tuner runs it.
  std::optional<LeaseHolder> holder;
};

/// Thread-safe (it has no state but the path). Several processes may use one root.
class ExperimentStore {
 public:
  /// root is created when the first experiment is. lease: of the experiments that are opened for
  /// writing or removed.
  explicit ExperimentStore(std::filesystem::path root, LeaseOptions lease = {})
      : root_(std::move(root)), lease_(std::move(lease)) {}
  const std::filesystem::path& root() const { return root_; }

  /// All experiments, newest first, broken ones last. A root that does not exist is empty.
  std::vector<ExperimentEntry> list() const;
  /// Throws InvalidArgument (bad name), AlreadyExists, Io, PermissionDenied.
  OpenExperiment create(const std::string& name, const Json& definition, double unix_time,
                        Durability durability = Durability::Kill) const;
  /// Throws NotFound, AlreadyExists (it is running), Corrupted, Unsupported, Io.
  OpenExperiment open(const std::string& name, Durability durability = Durability::Kill) const;
  /// Throws NotFound, Corrupted, Unsupported, Io.
  JournalContents read(const std::string& name) const;
  std::optional<LeaseHolder> holder(const std::string& name) const;
  /// Removes it with all its files, broken or not. Throws NotFound, AlreadyExists (it is running),
  /// Io.
  void remove(const std::string& name) const;
  /// ROOT/NAME, whether it is there or not. Throws InvalidArgument for a bad name.
  std::filesystem::path folder(const std::string& name) const;

 private:
  std::filesystem::path root_;
  LeaseOptions lease_;
};

/// Names: letters, digits and inner hyphens, at most 63 characters, starting with a letter or
/// digit. Throws InvalidArgument saying which character is wrong and what would do.
void validate_experiment_name(std::string_view name);

/// "<stem>-YYYY-mm-dd-HH-MM-SS-mmm" in UTC; characters that a name can't have become hyphens; the
/// stem is cut so that the name has at most 63 characters.
std::string default_experiment_name(std::string_view stem, double unix_time);

}  // namespace skipjack
