// What fsync(), which the program with these tests has in place of the C library's, is called for.
// All threads'.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace skipjack::s3 {

struct Synced {
  std::string name;  ///< as the kernel has it at that time.
  dev_t device = 0;
  ino_t inode = 0;
};
/// Those since the last call.
std::vector<Synced> take_synced();
/// Whether it is the file that has this name now.
bool is_file(const Synced& synced, const std::string& path);

/// While it lives, folders can't be synced, with this errno.
class FailingFolderSync {
 public:
  explicit FailingFolderSync(int error_number);
  ~FailingFolderSync();
  FailingFolderSync(const FailingFolderSync&) = delete;
  FailingFolderSync& operator=(const FailingFolderSync&) = delete;
};

}  // namespace skipjack::s3
