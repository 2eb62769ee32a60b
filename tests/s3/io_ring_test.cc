// Receptions from many sockets in one call. Writes are tested with the queue that makes them
// (sink_test.cc). A kernel that refuses. Files that the kernel closes.
#include "skipjack/s3/io_ring.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "../thrown.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/write_queue.h"

namespace skipjack::s3 {
namespace {

/// For this thread from now on, as a sandbox would: EPERM. False where that can't be done.
bool forbid_rings() {
  ::sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_enter, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const ::sock_fprog filter{.len = static_cast<unsigned short>(std::size(code)), .filter = code};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/// Some have bytes, some have none, some have ended, and one is no socket.
void expect_each_socket_gives_what_it_has(IoRing& ring) {
  std::array<std::array<int, 2>, 3> pairs{};
  for (auto& pair : pairs) ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
  ASSERT_EQ(::send(pairs[0][0], "abcdef", 6, 0), 6);
  ::close(pairs[2][0]);
  std::array<std::array<std::byte, 4>, 4> spaces{};
  std::vector<Reception> receptions;
  for (std::size_t i = 0; i < pairs.size(); ++i)
    receptions.push_back({.socket = pairs[i][1], .space = spaces[i]});
  receptions.push_back({.socket = -1, .space = spaces[3]});
  ring.receive(receptions);
  EXPECT_EQ(receptions[0].result, 4);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(spaces[0].data()), 4), "abcd");
  EXPECT_EQ(receptions[1].result, -EAGAIN);
  EXPECT_EQ(receptions[2].result, 0);
  EXPECT_EQ(receptions[3].result, -EBADF);
  ::close(pairs[0][0]);
  ::close(pairs[1][0]);
  for (const auto& pair : pairs) ::close(pair[1]);
}

TEST(IoRing, EachSocketGivesWhatItHas) {
  const auto ring = IoRing::open(IoRing::User::AnyThreads);
  if (!ring) GTEST_SKIP() << "this kernel has no ring for us";
  // Another thread than the one that opened it.
  std::jthread([&] { expect_each_socket_gives_what_it_has(*ring); }).join();
}

TEST(IoRing, WhatTheKernelRefusesIsReceivedByCalls) {
  const auto ring = IoRing::open(IoRing::User::AnyThreads);
  if (!ring) GTEST_SKIP() << "this kernel has no ring for us";
  bool is_forbidden = false;
  std::jthread([&] {
    expect_each_socket_gives_what_it_has(*ring);
    is_forbidden = forbid_rings();
    expect_each_socket_gives_what_it_has(*ring);
    expect_each_socket_gives_what_it_has(*ring);
  }).join();
  if (!is_forbidden) GTEST_SKIP() << "this kernel forbids nothing";
}

/// A disk that the kernel writes to, and nobody else.
class KernelsSink final : public Sink {
 public:
  Delivery delivery() const override { return Delivery::Written; }
  void open(std::int64_t) override {}
  void write(std::int64_t, std::span<const std::byte>) override { ADD_FAILURE(); }
  void finish() override {}
  void abandon() noexcept override {}
};

/// The pipe is full after the first write, so that the second one is on its way for ever.
TEST(WriteQueue, AKernelThatTellsNoMoreOfItsWritesIsAnError) {
  if (!IoRing::open(IoRing::User::OneThread)) GTEST_SKIP() << "this kernel has no ring for us";
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  bool is_forbidden = false;
  std::jthread([&] {
    KernelsSink sink;
    WriteQueue queue(sink, {.buffer_bytes = 64 * kKiB,
                            .num_buffers = 2,
                            .max_outstanding = 2,
                            .alignment = 4096,
                            .direct_file = pipe[1]});
    for (int i = 0; i < 2; ++i) queue.submit({queue.acquire(), 0, 0, 64 * kKiB});
    is_forbidden = forbid_rings();
    if (!is_forbidden) {
      // Makes room for the second write, or the queue would wait for it.
      std::vector<std::byte> first(64 * kKiB);
      EXPECT_GT(::read(pipe[0], first.data(), first.size()), 0);
      return;
    }
    EXPECT_EQ(error_of([&] { queue.drain(); }).code(), ErrorCode::Io);
  }).join();
  ::close(pipe[0]);
  ::close(pipe[1]);
  if (!is_forbidden) GTEST_SKIP() << "this kernel forbids nothing";
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

}  // namespace
}  // namespace skipjack::s3
