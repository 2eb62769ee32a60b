// Tests that write files: each has a folder of its own.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>

#include "../temporary_folder.h"

namespace skipjack::s3 {

class FolderTest : public testing::Test {
 protected:
  std::size_t files_in_folder() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

 private:
  const TemporaryFolder temporary_;

 protected:
  const std::filesystem::path folder_ = temporary_.path();
};

}  // namespace skipjack::s3
