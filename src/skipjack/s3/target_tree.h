// A folder into which objects are put under names that came from outside. Keys are hostile: none
// may lead out of the folder, neither by its text nor by symbolic links that lie in the tree; the
// kernel itself resolves folders beneath it (openat2, RESOLVE_BENEATH). Folders are made once.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace skipjack::s3 {

/// Throws InvalidArgument for a name that is no path to one file of its own below a folder: empty,
/// absolute, with a part that is empty, "." or "..", or with a NUL. A backslash is a character like
/// any other.
void check_relative_name(std::string_view name);

struct TargetTreeOptions {
  /// What is made is on the disk when it is said to be done (fsync(2)): folders with each call that
  /// makes some, files with write_new_file(). A folder that was there before is not synced.
  bool is_durable = false;
};

class TargetTree {
 public:
  /// Makes the folder if it isn't there. Throws Error: PermissionDenied, Io, InvalidArgument (a
  /// file of that name).
  explicit TargetTree(const std::filesystem::path& folder, const TargetTreeOptions& options = {});
  ~TargetTree();

  /// An open folder, and a file's name in it. Holds the folder open.
  struct Place {
    std::shared_ptr<const int> folder;
    std::string name;
    bool is_durable = false;  ///< TargetTreeOptions::is_durable.
    /// A path to the same that leads there whatever is renamed meanwhile; valid as long as this
    /// lives.
    std::filesystem::path path() const;
  };
  /// Makes the folders that lead there. Throws what check_relative_name() throws, and Error for
  /// what is in the way: a file where a folder must be, a link that leads out, and whatever has the
  /// file's name and is no file.
  Place place(const std::string& relative_name);
  void make_folder(const std::string& relative_name);

 private:
  std::shared_ptr<const int> open_folder(const std::string& relative_name);

  const std::filesystem::path folder_;
  const TargetTreeOptions options_;
  std::shared_ptr<const int> root_;
  /// Those last used. Empty name: the root.
  std::map<std::string, std::shared_ptr<const int>> open_;
};

/// Writes a whole file in one go: without a name until it is complete, where the file system has
/// such files, else under a temporary one. Replaces what has the name. A durable one is on the disk
/// then, with its name. Thread-safe. Throws Error (Io).
void write_new_file(const TargetTree::Place& place, std::span<const std::byte> bytes);

}  // namespace skipjack::s3
