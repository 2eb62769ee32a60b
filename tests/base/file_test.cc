#include "skipjack/base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "../temporary_folder.h"
#include "skipjack/base/error.h"

namespace skipjack {
namespace {

class FileTest : public ::testing::Test {
 protected:
  const TemporaryFolder temporary_;
  const std::filesystem::path folder_ = temporary_.path();
};

TEST_F(FileTest, WritesAndReplaces) {
  write_file_atomically(folder_ / "a", "one");
  write_file_atomically(folder_ / "a", std::string("two\0three", 9));
  EXPECT_EQ(read_file(folder_ / "a"), std::string("two\0three", 9));
}

TEST_F(FileTest, WritesThroughALinkAndKeepsIt) {
  write_file_atomically(folder_ / "target", "old");
  std::filesystem::create_symlink("target", folder_ / "link");
  write_file_atomically(folder_ / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "link"));
  EXPECT_EQ(read_file(folder_ / "target"), "new");
}

TEST_F(FileTest, WritesIntoAPipeInsteadOfReplacingIt) {
  const std::filesystem::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int fd = ::open(pipe.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  write_file_atomically(pipe, "bytes");
  char buffer[16] = {};
  EXPECT_EQ(::read(fd, buffer, sizeof buffer), 5);
  EXPECT_STREQ(buffer, "bytes");
  ::close(fd);
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
}

TEST_F(FileTest, MissingFileIsNotFoundAndNamed) {
  try {
    (void)read_file(folder_ / "missing");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::NotFound);
    EXPECT_NE(std::string(error.what()).find("missing"), std::string::npos);
  }
}

TEST_F(FileTest, FailedWriteKeepsTheOldFileAndLeavesNothingBehind) {
  write_file_atomically(folder_ / "a", "old");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // A file-size limit stands in for a full disk.
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_file_atomically(folder_ / "a", std::string(100000, 'x'));
      ::_exit(1);
    } catch (const Error& error) {
      ::_exit(error.code() == ErrorCode::Io ? 0 : 2);
    }
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(read_file(folder_ / "a"), "old");
  const std::filesystem::directory_iterator files(folder_);
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
}

}  // namespace
}  // namespace skipjack
