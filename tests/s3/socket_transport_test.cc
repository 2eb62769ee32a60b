// The transport on sockets, where what receivers do is in its way.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <future>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "scripted_server.h"
#include "skipjack/base/clock.h"
#include "skipjack/s3/transport.h"

namespace skipjack::s3 {
namespace {

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

/// Keeps nothing but how it ended.
class Ending final : public ResponseReceiver {
 public:
  explicit Ending(std::function<void()> at_head = [] {}) : at_head_(std::move(at_head)) {}
  void on_head(const HttpHead&) override { at_head_(); }
  std::span<std::byte> body_space() override { return space_; }
  void on_body(std::size_t) override {}
  void on_end(TransportStatus end, std::string_view) override { status = end; }
  std::optional<TransportStatus> status;

 private:
  const std::function<void()> at_head_;
  std::array<std::byte, 1000> space_{};
};

/// This process's sockets that are connected to the port, as a forked child holds them.
std::vector<int> duplicates_of_connections_to(std::uint16_t port) {
  std::vector<int> duplicates;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int file = std::stoi(entry.path().filename().string());
    ::sockaddr_in peer{};
    ::socklen_t size = sizeof peer;
    if (::getpeername(file, reinterpret_cast<::sockaddr*>(&peer), &size) == 0 &&
        peer.sin_family == AF_INET && ntohs(peer.sin_port) == port)
      duplicates.push_back(::dup(file));
  }
  return duplicates;
}

TEST(SocketTransport, AConnectionThatAChildStillHoldsIsForgotten) {
  const ScriptedServer server([](const ScriptedRequest&) {
    return ScriptedReply{.body = "all", .then = ScriptedReply::Then::Close};
  });
  const auto transport = make_socket_transport({});
  std::vector<int> held;
  const std::string port = server.url().substr(server.url().rfind(':') + 1);
  Ending ending(
      [&] { held = duplicates_of_connections_to(static_cast<std::uint16_t>(std::stoi(port))); });
  transport->start({.url = server.url()}, ending);
  while (!ending.status) transport->drive(std::chrono::seconds(1));
  EXPECT_EQ(held.size(), 1U);
  // That the server has closed the idle connection shows once, if it has not shown yet.
  constexpr Duration kQuiet = std::chrono::milliseconds(50);
  bool is_quiet = false;
  for (int i = 0; i < 100 && !is_quiet; ++i) {
    const Duration begin = system_clock().now();
    transport->drive(kQuiet);
    is_quiet = system_clock().now() - begin >= kQuiet;
  }
  EXPECT_TRUE(is_quiet);
  for (const int file : held) ::close(file);
}

constexpr Duration kTimeout = std::chrono::milliseconds(1500);

/// A receiver waits for its disk, and then begins another request, while an answer and a handshake
/// are to come. How the answers ended.
std::vector<TransportStatus> ends_after_a_long_pass() {
  std::promise<void> is_asked, may_answer;
  const ScriptedServer late([&](const ScriptedRequest&) {
    is_asked.set_value();
    may_answer.get_future().wait();
    return ScriptedReply{.body = "late"};
  });
  std::shared_future<void> late_is_asked = is_asked.get_future();
  const ScriptedServer quick([&](const ScriptedRequest&) {
    late_is_asked.wait();
    return ScriptedReply{.body = "quick"};
  });
  const auto transport =
      make_socket_transport({.connect_timeout = kTimeout, .stall_timeout = kTimeout});
  Ending late_end, shaking_end, next_end;
  bool is_over = false;
  Ending quick_end([&] {
    const Duration begin = system_clock().now();
    while (system_clock().now() - begin <= kTimeout) std::this_thread::yield();
    transport->start({.url = quick.url()}, next_end);
    is_over = true;
  });
  transport->start({.url = late.url()}, late_end);
  // A server that speaks no TLS waits for the rest of a request.
  transport->start({.url = "https" + quick.url().substr(4)}, shaking_end);
  transport->start({.url = quick.url()}, quick_end);
  while (!is_over) transport->drive(std::chrono::seconds(1));
  transport->drive(Duration(0));
  std::vector<TransportStatus> ends{shaking_end.status.value_or(TransportStatus::Complete)};
  may_answer.set_value();
  while (!late_end.status || !quick_end.status || !next_end.status)
    transport->drive(std::chrono::seconds(1));
  for (const Ending* end : {&late_end, &quick_end, &next_end}) ends.push_back(*end->status);
  return ends;
}

/// A machine that stands still for as long as the timeouts is told from what is tested by trying
/// again.
TEST(SocketTransport, ALongPassIsNotTheServersFault) {
  const std::vector<TransportStatus> complete(4, TransportStatus::Complete);
  std::vector<TransportStatus> ends;
  for (int i = 0; i < 3 && ends != complete; ++i) ends = ends_after_a_long_pass();
  EXPECT_EQ(ends, complete);
}

}  // namespace
}  // namespace skipjack::s3
