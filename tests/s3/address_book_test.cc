// Which address a connection goes to, with a clock of the test's.
#include "skipjack/s3/address_book.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>

#include "skipjack/base/bytes.h"

namespace skipjack::s3 {
namespace {

using std::chrono::seconds;

SocketAddress address(const char* ip) {
  ::sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(443);
  EXPECT_EQ(::inet_pton(AF_INET, ip, &in.sin_addr), 1);
  SocketAddress result{.size = sizeof in};
  std::memcpy(&result.bytes, &in, sizeof in);
  return result;
}

std::string ip_of(const SocketAddress* address) {
  if (address == nullptr) return "none";
  ::sockaddr_in in{};
  std::memcpy(&in, &address->bytes, sizeof in);
  char text[INET_ADDRSTRLEN];
  return ::inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
}

class AddressBookTest : public testing::Test {
 protected:
  /// How many of 12 connections go to each.
  std::map<std::string, int> spread(Duration now) {
    std::map<std::string, int> counts;
    for (int i = 0; i < 12; ++i) ++counts[ip_of(book_.next(addresses_, {}, now))];
    return counts;
  }
  void bodies(std::size_t index, double bytes_per_second, int number) {
    for (int i = 0; i < number; ++i)
      book_.took(addresses_[index], 8 * kMiB, from_seconds(8.0 * kMiB / bytes_per_second),
                 seconds(1));
  }
  const std::vector<SocketAddress> addresses_ = {address("192.0.2.1"), address("192.0.2.2"),
                                                 address("192.0.2.3")};
  AddressBook book_;
};

using Spread = std::map<std::string, int>;

TEST_F(AddressBookTest, ConnectionsThatStartTogetherAreSpread) {
  EXPECT_EQ(spread(seconds(1)), (Spread{{"192.0.2.1", 4}, {"192.0.2.2", 4}, {"192.0.2.3", 4}}));
}

TEST_F(AddressBookTest, OneThatFailedRestsForAMinute) {
  book_.failed(addresses_[1], seconds(1));
  EXPECT_EQ(spread(seconds(60)), (Spread{{"192.0.2.1", 6}, {"192.0.2.3", 6}}));
  EXPECT_TRUE(book_.is_retired(addresses_[1], seconds(60)));
  EXPECT_EQ(spread(seconds(62))["192.0.2.2"], 4);
}

TEST_F(AddressBookTest, OneThatIsSlowBesideTheOthersRests) {
  bodies(0, 50e6, 4);
  bodies(1, 40e6, 4);
  bodies(2, 10e6, 3);
  EXPECT_FALSE(book_.is_retired(addresses_[2], seconds(2))) << "too early to tell";
  bodies(2, 10e6, 1);
  EXPECT_TRUE(book_.is_retired(addresses_[2], seconds(2)));
  EXPECT_EQ(spread(seconds(2)), (Spread{{"192.0.2.1", 6}, {"192.0.2.2", 6}}));
}

TEST_F(AddressBookTest, SlowAloneIsNotSlow) {
  bodies(0, 1e3, 50);
  for (int i = 0; i < 50; ++i) book_.took(addresses_[1], 1000, seconds(1), seconds(1));
  EXPECT_FALSE(book_.is_retired(addresses_[0], seconds(2)));
  EXPECT_FALSE(book_.is_retired(addresses_[1], seconds(2))) << "short bodies say nothing";
}

TEST_F(AddressBookTest, WhereAllRestOneIsTriedNevertheless) {
  for (const SocketAddress& one : addresses_) book_.failed(one, seconds(1));
  EXPECT_NE(book_.next(addresses_, {}, seconds(2)), nullptr);
  EXPECT_EQ(ip_of(book_.next(addresses_, {addresses_[0], addresses_[2]}, seconds(2))), "192.0.2.2");
  EXPECT_EQ(book_.next(addresses_, addresses_, seconds(2)), nullptr);
}

}  // namespace
}  // namespace skipjack::s3
