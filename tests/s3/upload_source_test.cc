// Pipes as sources: they have no size, end with their writers, and may keep their reader waiting.
#include "skipjack/s3/upload_source.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "../thrown.h"
#include "folder_test.h"
#include "scripted_server.h"

namespace skipjack::s3 {
namespace {

class PipeTest : public FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    pipe_ = folder_ / "pipe";
    ASSERT_EQ(::mkfifo(pipe_.c_str(), 0600), 0);
  }
  /// The code of what reading throws when it is stopped while it waits, or before.
  ErrorCode code_when_stopped() const {
    std::stop_source stop;
    const auto source = open_source(FromFile{pipe_}, stop.get_token());
    std::jthread stopper([&] { stop.request_stop(); });
    return error_of([&] { source->read(100); }).code();
  }
  std::filesystem::path pipe_;
};

TEST_F(PipeTest, IsReadUntilItsWriterHasClosedIt) {
  const std::string bytes = test_object(300'000);
  const auto source = open_source(FromFile{pipe_}, {});
  std::jthread writer([&] { std::ofstream(pipe_, std::ios::binary) << bytes; });
  EXPECT_EQ(source->size(), std::nullopt);
  EXPECT_EQ(source->read(200'000), bytes.substr(0, 200'000));
  EXPECT_EQ(source->read(200'000), bytes.substr(200'000));
  EXPECT_EQ(source->read(200'000), "");
}

TEST_F(PipeTest, AStopEndsTheWaitForAWriter) {
  EXPECT_EQ(code_when_stopped(), ErrorCode::Cancelled);
}

TEST_F(PipeTest, AStopEndsTheWaitForASilentWriter) {
  const int writer = ::open(pipe_.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(writer, 0);
  EXPECT_EQ(::write(writer, "abc", 3), 3);
  EXPECT_EQ(code_when_stopped(), ErrorCode::Cancelled);
  ::close(writer);
}

}  // namespace
}  // namespace skipjack::s3
