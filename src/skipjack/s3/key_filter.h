// Which keys are meant: patterns as the AWS CLI has them. '*' stands for any bytes, '/' included,
// '?' for one byte, "[a-c]" for one of a set, "[!a-c]" for one outside of it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skipjack::s3 {

/// Time is at most the product of the two lengths, whatever the pattern.
bool matches_pattern(std::string_view pattern, std::string_view text);
/// Bytes before the first of "*?[".
std::string_view literal_prefix(std::string_view pattern);

/// Everything passes, unless a rule says otherwise; of the rules that match, the last one decides.
class KeyFilter {
 public:
  void include(std::string pattern) { rules_.push_back({std::move(pattern), true}); }
  void exclude(std::string pattern) { rules_.push_back({std::move(pattern), false}); }
  bool passes(std::string_view name) const;

 private:
  struct Rule {
    std::string pattern;
    bool is_include;
  };
  std::vector<Rule> rules_;
};

}  // namespace skipjack::s3
