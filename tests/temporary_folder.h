// A folder for one test, gone with it.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace skipjack {

class TemporaryFolder {
 public:
  /// A new folder in parent. Its name has a space in it, as those of users may.
  explicit TemporaryFolder(
      const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / "skipjack test.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw std::runtime_error("can't make a folder for the test in " + parent.string());
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

  /// An executable file.
  std::filesystem::path write_script(const std::string& name, const std::string& text) const {
    const std::filesystem::path script = path_ / name;
    std::ofstream(script) << text;
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    return script;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace skipjack
