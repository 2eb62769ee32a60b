// Keys that end: when they are fetched anew, who waits for it, and what a failure leaves.
#include "skipjack/s3/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

using testing::HasSubstr;

/// Fetches KEY1, KEY2, ... that are good for an hour, when the test lets it.
class Source {
 public:
  Credentials fetch(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    const int number = ++num_fetches_;
    changed_.notify_all();
    if (!changed_.wait_for(lock, stop, std::chrono::seconds(20), [&] { return !held_; }))
      throw Error(ErrorCode::Cancelled, "stopped");
    if (failing_) throw Error(ErrorCode::Network, "the source is dry");
    return {"KEY" + std::to_string(number), Secret("s"), Secret("t"),
            static_cast<std::int64_t>(clock.unix_time()) + life};
  }
  void hold(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  void fail(bool failing) {
    const std::lock_guard lock(mutex_);
    failing_ = failing;
  }
  int num_fetches() {
    const std::lock_guard lock(mutex_);
    return num_fetches_;
  }
  /// Waits until so many fetches have begun.
  bool await(int fetches) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return num_fetches_ >= fetches; });
  }
  std::shared_ptr<CredentialsProvider> provider(std::optional<Credentials> first = {}) {
    return make_refreshing_provider({.fetch = [this](const std::stop_token& s) { return fetch(s); },
                                     .first = std::move(first),
                                     .clock = &clock,
                                     .log =
                                         [this](LogLevel, std::string_view text) {
                                           const std::lock_guard lock(mutex_);
                                           logged_ += text;
                                           ++num_logged_;
                                           changed_.notify_all();
                                         }});
  }

  ManualClock clock;
  std::int64_t life = 3600;
  std::string logged() {
    const std::lock_guard lock(mutex_);
    return logged_;
  }
  /// Waits until so many failures have been logged; each is over by then.
  bool await_failures(int failures) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return num_logged_ >= failures; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::string logged_;
  int num_fetches_ = 0, num_logged_ = 0;
  bool held_ = false, failing_ = false;
};

/// Asks until it says so; a fetch in the background has ended then.
std::string await_key(CredentialsProvider& provider, const std::string& key) {
  for (int i = 0; i < 20000; ++i) {
    if (provider.get().access_key_id == key) return key;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return provider.get().access_key_id;
}

TEST(Credentials, StaticOnesStay) {
  const auto provider = make_static_provider({"A", Secret("a"), {}});
  EXPECT_TRUE(provider->is_ready());
  EXPECT_EQ(provider->get().access_key_id, "A");
  EXPECT_FALSE(provider->refuse(provider->get()));
}

TEST(Credentials, WhoeverComesFirstFetchesForAll) {
  Source source;
  const auto provider = source.provider();
  EXPECT_FALSE(provider->is_ready());
  source.hold(true);
  std::vector<std::jthread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] { right += provider->get().access_key_id == "KEY1"; });
  source.hold(false);
  threads.clear();
  EXPECT_EQ(right, 8);
  EXPECT_EQ(source.num_fetches(), 1);
  EXPECT_TRUE(provider->is_ready());
}

TEST(Credentials, AreRefreshedBeforeTheyEndAndNobodyWaits) {
  Source source;
  const auto provider = source.provider();
  EXPECT_EQ(provider->get().access_key_id, "KEY1");
  source.clock.advance(std::chrono::seconds(3600 - 901));  // outside of the window of 15 minutes.
  EXPECT_EQ(provider->get().access_key_id, "KEY1");
  EXPECT_EQ(source.num_fetches(), 1);
  source.hold(true);
  source.clock.advance(std::chrono::seconds(302));  // inside, whatever the jitter.
  EXPECT_TRUE(provider->is_ready());
  ASSERT_TRUE(source.await(2));
  EXPECT_EQ(provider->get().access_key_id, "KEY1");
  source.hold(false);
  EXPECT_EQ(await_key(*provider, "KEY2"), "KEY2");
  EXPECT_EQ(source.num_fetches(), 2);
}

TEST(Credentials, ShortLivedOnesAreNotFetchedAllTheTime) {
  Source source;
  source.life = 900;  // the least that AssumeRole gives, which is all of the window.
  const auto provider = source.provider();
  EXPECT_EQ(provider->get().access_key_id, "KEY1");
  source.clock.advance(std::chrono::seconds(590));
  EXPECT_EQ(provider->get().access_key_id, "KEY1");
  EXPECT_EQ(source.num_fetches(), 1);
}

TEST(Credentials, AFailedRefreshLeavesGoodKeysUntilTheyEnd) {
  Source source;
  const auto provider = source.provider();
  provider->get();
  source.fail(true);
  source.clock.advance(std::chrono::seconds(3001));
  EXPECT_EQ(provider->get().access_key_id, "KEY1");
  ASSERT_TRUE(source.await_failures(1));
  // Within the pause nobody is asked, after it somebody is.
  for (int i = 0; i < 20; ++i) EXPECT_EQ(provider->get().access_key_id, "KEY1");
  source.clock.advance(std::chrono::seconds(61));
  EXPECT_EQ(source.num_fetches(), 2);
  EXPECT_EQ(provider->get().access_key_id, "KEY1");
  ASSERT_TRUE(source.await_failures(2));
  source.clock.advance(std::chrono::seconds(600));
  try {
    provider->get();
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the source is dry"));
  }
  source.fail(false);
  EXPECT_THAT(provider->get().access_key_id, HasSubstr("KEY"));
  EXPECT_THAT(source.logged(), HasSubstr("the source is dry"));
}

TEST(Credentials, ExpiredOnesAreLeftToTheServerToRefuse) {
  Source source;
  source.life = -10;
  const auto provider = source.provider();
  EXPECT_EQ(provider->get().access_key_id, "KEY1");
  EXPECT_EQ(provider->get().access_key_id, "KEY1");
  EXPECT_EQ(source.num_fetches(), 1);
}

TEST(Credentials, RefusedOnesAreFetchedAnew) {
  Source source;
  const auto provider = source.provider();
  const Credentials first = provider->get();
  EXPECT_TRUE(provider->refuse(first));
  EXPECT_EQ(provider->get().access_key_id, "KEY2");
  // Somebody else's late complaint about the first.
  EXPECT_TRUE(provider->refuse(first));
  EXPECT_EQ(provider->get().access_key_id, "KEY2");
  EXPECT_EQ(source.num_fetches(), 2);
}

TEST(Credentials, AStoredFailureIsAnAnswerButNoKeys) {
  Source source;
  const auto provider = source.provider();
  EXPECT_FALSE(provider->has_keys());
  EXPECT_EQ(source.num_fetches(), 0);
  source.fail(true);
  EXPECT_FALSE(provider->is_ready());
  while (!provider->is_ready()) std::this_thread::yield();
  EXPECT_FALSE(provider->has_keys());
  EXPECT_THROW(provider->get(), Error);
  source.fail(false);
  provider->get();
  EXPECT_TRUE(provider->has_keys());
}

TEST(Credentials, AnOldFailureIsForgotten) {
  Source source;
  const auto provider = source.provider();
  source.fail(true);
  EXPECT_FALSE(provider->is_ready());
  while (!provider->is_ready()) std::this_thread::yield();
  source.fail(false);
  source.clock.advance(std::chrono::seconds(11));
  EXPECT_THAT(provider->get().access_key_id, HasSubstr("KEY"));
}

TEST(Credentials, KnownOnesAreNotFetched) {
  Source source;
  EXPECT_EQ(source.provider(Credentials{"FIRST", Secret("s"), {}})->get().access_key_id, "FIRST");
  EXPECT_EQ(source.num_fetches(), 0);
}

TEST(Credentials, AWaitCanBeCancelled) {
  Source source;
  source.hold(true);
  const auto provider = source.provider();
  std::stop_source stop;
  const std::jthread stopper([&] {
    source.await(1);
    stop.request_stop();
  });
  try {
    provider->get(stop.get_token());
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Cancelled);
  }
}

TEST(Credentials, TheEndOfAProviderEndsItsFetch) {
  Source source;
  source.hold(true);
  auto provider = source.provider();
  EXPECT_FALSE(provider->is_ready());
  ASSERT_TRUE(source.await(1));
  provider.reset();  // the source is held for 20 s otherwise.
  EXPECT_EQ(source.num_fetches(), 1);
}

}  // namespace
}  // namespace skipjack::s3
