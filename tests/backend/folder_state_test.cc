#include "skipjack/backend/folder_state.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "backend/local_process_fixture.h"

namespace skipjack {
namespace {

namespace fs = std::filesystem;

class FolderStates : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_.path() / "layers");
    write("layers/0", "weights");
    write("state", "epoch 1");
  }
  void write(const char* name, const char* text) const {
    std::ofstream(folder_.path() / name) << text;
  }
  std::optional<FolderState> now() const { return folder_state(folder_.path()); }

  TemporaryFolder folder_;
};

TEST_F(FolderStates, StaysTheSameWhileNothingIsWritten) {
  const auto before = now();
  ASSERT_TRUE(before);
  EXPECT_EQ(before->size(), 3u);
  EXPECT_EQ(before->begin()->first, "layers");
  write("state.tmp", "epoch 2, so f");
  fs::create_directories(folder_.path() / "new.tmp");
  write("new.tmp/0", "wei");
  EXPECT_EQ(now(), before) << "what is not finished is no part of it";
}

TEST_F(FolderStates, TellsEveryWayToWriteAFile) {
  const auto before = now();
  {
    // Of the same size, and at the same time by the file's own word.
    struct stat found {};
    ASSERT_EQ(::stat((folder_.path() / "state").c_str(), &found), 0);
    write("state.tmp", "epoch 2");
    const timespec times[] = {found.st_atim, found.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder_.path() / "state.tmp").c_str(), times, 0), 0);
    fs::rename(folder_.path() / "state.tmp", folder_.path() / "state");
  }
  const auto replaced = now();
  EXPECT_NE(replaced, before);
  std::ofstream(folder_.path() / "layers/0", std::ios::app) << "!";
  const auto longer = now();
  EXPECT_NE(longer, replaced);
  write("layers/1", "");
  const auto more = now();
  EXPECT_NE(more, longer);
  fs::remove(folder_.path() / "layers/1");
  fs::create_symlink("0", folder_.path() / "layers/1");
  const auto linked = now();
  EXPECT_NE(linked, more);
  fs::remove(folder_.path() / "layers/1");
  EXPECT_NE(now(), linked);
  fs::remove_all(folder_.path() / "layers");
  EXPECT_EQ(now()->size(), 1u);
}

TEST_F(FolderStates, IsNothingWhereThereIsNoFolder) {
  EXPECT_FALSE(folder_state(folder_.path() / "none"));
}

}  // namespace
}  // namespace skipjack
