// What is left of the arguments where everybody can see them.
#include "skipjack/cli/app.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace skipjack::cli {
namespace {

using testing::ElementsAreArray;

/// take_arguments() of words; leaves in words what argv holds afterwards.
std::vector<std::string> take(std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return take_arguments(static_cast<int>(words.size()), argv.data());
}

TEST(TakeArguments, CopiesAllAndHidesKeys) {
  const std::vector<std::string> given = {
      "skipjack",       "s3",   "get",     "s3://b/k",        "--access-key", "AKID",
      "--secret-key=s", "--to", "discard", "--session-token", "t=t"};
  std::vector<std::string> words = given;
  EXPECT_THAT(take(words), ElementsAreArray(given));
  std::vector<std::string> seen = given;
  seen[5] = "xxxx";
  seen[6] = "--secret-key=x";
  seen[10] = "xxx";
  EXPECT_THAT(words, ElementsAreArray(seen));
}

TEST(TakeArguments, FlagWithoutAValueIsNoTrouble) {
  const std::vector<std::vector<std::string>> command_lines = {
      {"skipjack", "--secret-key"}, {"skipjack", "--secret-key="}, {}};
  for (const std::vector<std::string>& given : command_lines) {
    std::vector<std::string> words = given;
    EXPECT_THAT(take(words), ElementsAreArray(given));
    EXPECT_THAT(words, ElementsAreArray(given));
  }
}

}  // namespace
}  // namespace skipjack::cli
