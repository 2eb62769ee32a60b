// The transport on sockets, where what receivers do is in its way.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <future>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

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

/// A receiver that waits for its disk, and then begins another request.
TEST(SocketTransport, ALongPassIsNotTheServersFault) {
  constexpr Duration kStall = std::chrono::milliseconds(1500);
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
  const auto transport = make_socket_transport({.stall_timeout = kStall});
  Ending late_end, next_end;
  bool is_over = false;
  Ending quick_end([&] {
    const Duration begin = system_clock().now();
    while (system_clock().now() - begin <= kStall) std::this_thread::yield();
    transport->start({.url = quick.url()}, next_end);
    is_over = true;
  });
  transport->start({.url = late.url()}, late_end);
  transport->start({.url = quick.url()}, quick_end);
  while (!is_over) transport->drive(std::chrono::seconds(1));
  transport->drive(Duration(0));
  may_answer.set_value();
  while (!late_end.status || !quick_end.status || !next_end.status)
    transport->drive(std::chrono::seconds(1));
  for (const Ending* end : {&late_end, &quick_end, &next_end})
    EXPECT_EQ(*end->status, TransportStatus::Complete);
}

}  // namespace
}  // namespace skipjack::s3
