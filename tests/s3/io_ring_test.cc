// Receptions from many sockets in one call. Writes are tested with the queue that makes them
// (sink_test.cc). Files that the kernel closes.
#include "skipjack/s3/io_ring.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "scripted_server.h"
#include "skipjack/base/bytes.h"
#include "skipjack/s3/transport.h"

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

/// Of this thread.
double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// The last descriptor of a file without a name, of so many bytes in memory; -1 where there is no
/// room.
int nameless_file(std::int64_t bytes) {
  const int file = ::memfd_create("large", MFD_CLOEXEC);
  if (file >= 0 && ::fallocate(file, 0, 0, bytes) == 0) return file;
  if (file >= 0) ::close(file);
  return -1;
}

/// In processor time, which others don't lengthen: what close() spends on freeing is the thread's.
TEST(CloseWithoutWaiting, LeavesTheFreeingToTheKernel) {
  if (!IoRing::open(IoRing::User::AnyThreads)) GTEST_SKIP() << "this kernel has no ring for us";
  constexpr std::int64_t kBytes = 256 * kMiB;
  const auto seconds_of = [&](auto&& close) {
    const int file = nameless_file(kBytes);
    const double begin = cpu_seconds();
    close(file);
    const double seconds = cpu_seconds() - begin;
    EXPECT_LT(::fcntl(file, F_GETFD), 0);
    return file < 0 ? -1 : seconds;
  };
  const double plain = seconds_of([](int file) { ::close(file); });
  if (plain < 0) GTEST_SKIP() << "no room for " << kBytes << " bytes";
  // Too little to be told from what else the process does.
  if (plain < 0.005) GTEST_SKIP() << "freeing costs " << plain << " s only";
  double least = seconds_of([](int file) { close_without_waiting(file); });
  for (int i = 0; i < 2 && least >= plain / 4; ++i)
    least = std::min(least, seconds_of([](int file) { close_without_waiting(file); }));
  EXPECT_LT(least, plain / 4);
}

/// Takes a body by little pieces, and once, in its midst, throws.
class Pieces final : public ResponseReceiver {
 public:
  explicit Pieces(std::size_t throws_at) : throws_at_(throws_at) {}
  void on_head(const HttpHead&) override {}
  std::span<std::byte> body_space() override { return piece_; }
  void on_body(std::size_t n) override {
    body.append(reinterpret_cast<const char*>(piece_.data()), n);
    if (body.size() >= throws_at_) throw std::exchange(throws_at_, body.npos);
  }
  void on_end(TransportStatus, std::string_view) override { has_ended = true; }
  std::string body;
  bool has_ended = false;

 private:
  std::array<std::byte, 10'000> piece_{};
  std::size_t throws_at_;
};

/// Bodies come sooner than they are taken, so several connections are ready at a time.
TEST(SocketTransport, WhatIsThrownOnOneConnectionLosesNothingOfTheOthers) {
  const std::string object = test_object(2'500'000);
  const ScriptedServer server(
      [&](const ScriptedRequest& r) { return serve_object(r, object, "\"e\""); });
  const auto transport = make_socket_transport({});
  std::deque<Pieces> receivers;
  for (int i = 0; i < 8; ++i) {
    Pieces& receiver = receivers.emplace_back(i % 2 == 0 ? 1'600'000 : std::string::npos);
    transport->start({.url = server.url() + "/bucket/key"}, receiver);
  }
  int num_thrown = 0;
  const auto has_ended = [](const Pieces& receiver) { return receiver.has_ended; };
  while (!std::all_of(receivers.begin(), receivers.end(), has_ended)) {
    try {
      transport->drive(std::chrono::seconds(1));
    } catch (std::size_t) {
      ++num_thrown;
    }
  }
  EXPECT_GT(num_thrown, 0);
  for (const Pieces& receiver : receivers) EXPECT_TRUE(receiver.body == object);
}

}  // namespace
}  // namespace skipjack::s3
