// Receptions from many sockets in one call. Writes are tested with the queue that makes them
// (sink_test.cc).
#include "skipjack/s3/io_ring.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

namespace skipjack::s3 {
namespace {

TEST(IoRing, EachSocketGivesWhatItHas) {
  const auto ring = IoRing::open(IoRing::User::AnyThreads);
  if (!ring) GTEST_SKIP() << "this kernel has no ring for us";
  std::array<std::array<int, 2>, 3> pairs{};
  for (auto& pair : pairs) ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
  ASSERT_EQ(::send(pairs[0][0], "abcdef", 6, 0), 6);
  ::close(pairs[2][0]);
  std::array<std::array<std::byte, 4>, 4> spaces{};
  std::vector<Reception> receptions;
  for (std::size_t i = 0; i < pairs.size(); ++i)
    receptions.push_back({.socket = pairs[i][1], .space = spaces[i]});
  receptions.push_back({.socket = -1, .space = spaces[3]});
  // Another thread than the one that opened it.
  std::jthread([&] { ring->receive(receptions); }).join();
  EXPECT_EQ(receptions[0].result, 4);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(spaces[0].data()), 4), "abcd");
  EXPECT_EQ(receptions[1].result, -EAGAIN);
  EXPECT_EQ(receptions[2].result, 0);
  EXPECT_EQ(receptions[3].result, -EBADF);
  ::close(pairs[0][0]);
  ::close(pairs[1][0]);
  for (const auto& pair : pairs) ::close(pair[1]);
}

}  // namespace
}  // namespace skipjack::s3
