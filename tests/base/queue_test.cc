#include "skipjack/base/queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace skipjack {
namespace {

using namespace std::chrono_literals;

TEST(BoundedQueue, HandsOverEveryValueOnceInOrderPerProducer) {
  BoundedQueue<int> queue(4);
  constexpr int kPerProducer = 5000;
  std::vector<std::jthread> producers;
  for (int p = 0; p < 3; ++p)
    producers.emplace_back([&, p] {
      for (int i = 0; i < kPerProducer; ++i) queue.push(p * kPerProducer + i);
    });
  int last[3] = {-1, -1, -1};
  for (int i = 0; i < 3 * kPerProducer; ++i) {
    const auto value = queue.pop(10s);
    ASSERT_TRUE(value.has_value());
    const int producer = *value / kPerProducer;
    EXPECT_EQ(*value % kPerProducer, last[producer] + 1);
    last[producer] = *value % kPerProducer;
  }
}

TEST(BoundedQueue, TimesOutWhenEmpty) {
  BoundedQueue<int> queue(1);
  EXPECT_FALSE(queue.pop(1ms).has_value());
}

TEST(BoundedQueue, CloseWakesWaitersAndKeepsWhatIsIn) {
  BoundedQueue<int> queue(1);
  ASSERT_TRUE(queue.push(1));
  std::atomic<bool> refused{false};
  {
    std::jthread producer([&] { refused = !queue.push(2); });
    std::this_thread::yield();
    queue.close();
  }
  EXPECT_TRUE(refused);
  EXPECT_EQ(queue.pop(1s), 1);
  EXPECT_FALSE(queue.pop(1s).has_value());
}

}  // namespace
}  // namespace skipjack
