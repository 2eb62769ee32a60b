// Patterns; the truth comes from Python's fnmatch.fnmatchcase, which is what the AWS CLI asks.
#include "skipjack/s3/key_filter.h"

#include <gtest/gtest.h>

#include <chrono>

namespace skipjack::s3 {
namespace {

struct Case {
  const char* pattern;
  const char* text;
  bool matches;
};

constexpr Case kCases[] = {
    {"*", "", true},
    {"*", "a/b", true},
    {"a*c", "abc", true},
    {"a*c", "ac", true},
    {"a*c", "abcd", false},
    {"\?", "a", true},
    {"\?", "", false},
    {"[abc]", "b", true},
    {"[!abc]", "b", false},
    {"[!abc]", "d", true},
    {"[a-c]x", "bx", true},
    {"[a-c]x", "dx", false},
    {"[]a]", "]", true},
    {"[!]a]", "]", false},
    {"[!]a]", "b", true},
    {"[a", "[a", true},
    {"a[", "a[", true},
    {"*.gz", "logs/x.gz", true},
    {"*/x*.gz", "logs/a/xy.gz", true},
    {"a-[0-9][0-9]", "a-42", true},
    {"[-a]", "-", true},
    {"[a-]", "-", true},
    {"**", "x", true},
    {"*a*b*", "xxaxxbxx", true},
    {"*a*b*", "xxbxxaxx", false},
    {"[!", "[!", true},
    {"a\?c", "a/c", true},
    {"*!a", "", false},
    {"b\?b!", "", false},
    {"--]", "bb", false},
    {"b", "/b-b", false},
    {"[*![!", "!/", false},
    {"b*", "b", true},
    {"!]", "]-b!", false},
    {"b\?", "ba-", false},
    {"a", "b]a-", false},
    {"\?", "/b!-", false},
    {"]*a[b", "-]-b-", false},
    {"]\?\?\?!", "bb]/-", false},
    {"[", "-b!", false},
    {"-\?", "b/", false},
    {"a-]bb", "!b/", false},
    {"a*", "/!b]", false},
    {"]**a", "", false},
    {"-", "aa/-", false},
    {"!b", "/-a", false},
    {"b\?[b", "!", false},
    {"bb", "-a", false},
    {"\?-\?-b!", "/]/]-", false},
    {"]\?", "!!b/-", false},
    {"]]]", "a", false},
    {"\?b*", "!]/-!", false},
    {"[*", "", false},
    {"\?-", "/a/", false},
    {"a\?b", "b--!", false},
    {"b*[]*", "!]-a", false},
    {"--", "aba", false},
    {"]", "/a", false},
    {"b]![a", "aa", false},
    {"*\?[", "]-b", false},
    {"a!\?b", "", false},
    {"**-!]", "--", false},
    {"*b", "]", false},
    {"\?a!!!", "]b/--", false},
    {"!]!", "a", false},
    {"[[", "", false},
    {"*!aa*", "/!-", false},
    {"*", "bb", true},
    {"]][]a", "!!", false},
    {"[ab", "", false},
    {"\?*\?\?", "-", false},
    {"b-aba-", "/", false},
    {"\?b]*-", "-!aa", false},
    {"[", "]-//a", false},
    {"\?[*a", "-a]", false},
    {"*!]b", "b", false},
    {"*", "/-", true},
    {"-", "]!aa", false},
    {"]", "]aa]/", false},
    {"a[", "--!]", false},
    {"aa\?", "-", false},
    {"![", "bb-]", false},
    {"b", "b!-/-", false},
    {"]", "!]/]", false},
    {"ab][a[", "]!/!]", false},
    {"\?ba", "-", false},
    {"\?*]\?!]", "b/!!", false},
    {"--aa!", "b]-b/", false},
    {"*", "a", true},
    {"b", "", false},
    {"]*", "aaab!", false},
    {"b", "aa]-b", false},
    {"a][", "a!", false},
    {"[\?", "b/ba!", false},
    {"*a]]", "b/!]", false},
    {"b\?!**[", "-/-ba", false},
    {"!", "!b]", false},
    {"\?!!\?\?*", "a//--", false},
    {"!", "/", false},
    {"*\?", "-a]/", true},
    {"\?-a]]", "!/b", false},
    {"]", "-", false},
    {"b", "-b]-", false},
    {"a", "a", true},
    {"[[b*\?*", "-bb", false},
    {"-\?", "b]]", false},
    {"*", "/!", true},
    {"]\?-b]", "-", false},
    {"a!*b", "a", false},
    {"!", "]!b/", false},
    {"bb-\?*", "a/aa!", false},
    {"*a]*b[", "]!//!", false},
    {"--**b]", "b!///", false},
    {"[][[", "", false},
    {"]a*[!\?", "/!/", false},
    {"-]b-!", "!", false},
    {"!", "]a]", false},
    {"\?", "]]-", false},
    {"[]]!*\?", "", false},
    {"]a", "!", false},
    {"b]", "b/a/a", false},
    {"]]\?-", "", false},
    {"]\?", "ab!/]", false},
    {"]!", "", false},
    {"*\?", "aa]!", true},
    {"]a*]a", "]/", false},
    {"b", "!b", false},
    {"!a[", "", false},
    {"*b", "-]", false},
    {"a", "", false},
    {"*-", "/ba!/", false},
    {"-aaa", "]-!]-", false},
    {"[b", "!/-!!", false},
    {"!!", "ba--", false},
    {"b*]]]", "", false},
    {"!*", "", false},
    {"babb*", "//]/", false},
    {"]", "b", false},
    {"]\?!\?*", "", false},
    {"*", "b-b", true},
    {"a[*\?", "/!]-", false},
    {"\?]b", "!!/", false},
    {"\?[b]!", "-!]", false},
    {"-a\?!*-", "a", false},
    {"**\?", "!a", true},
    {"!**-!", "a", false},
    {"]", "baa", false},
    {"*[]*", "]!ba!", false},
    {"]!*]]\?", "b]", false},
    {"\?**-!b", "", false},
};

TEST(KeyPattern, MatchesAsFnmatchDoes) {
  for (const Case& c : kCases)
    EXPECT_EQ(matches_pattern(c.pattern, c.text), c.matches) << c.pattern << " on " << c.text;
}

TEST(KeyPattern, HostilePatternsTakeNoTime) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  pattern += "b";
  EXPECT_FALSE(matches_pattern(pattern, std::string(1024, 'a')));
}

TEST(KeyPattern, LiteralPrefixEndsBeforeTheFirstWildcard) {
  EXPECT_EQ(literal_prefix("logs/2026-*/x"), "logs/2026-");
  EXPECT_EQ(literal_prefix("a?b"), "a");
  EXPECT_EQ(literal_prefix("[ab]"), "");
  EXPECT_EQ(literal_prefix("plain"), "plain");
}

TEST(KeyFilter, TheLastRuleThatMatchesDecides) {
  KeyFilter filter;
  EXPECT_TRUE(filter.passes("anything"));
  filter.exclude("*");
  filter.include("*.txt");
  filter.exclude("secret/*");
  EXPECT_TRUE(filter.passes("a/b.txt"));
  EXPECT_FALSE(filter.passes("a/b.bin"));
  EXPECT_FALSE(filter.passes("secret/b.txt"));
}

}  // namespace
}  // namespace skipjack::s3
