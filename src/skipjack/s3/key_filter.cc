#include "skipjack/s3/key_filter.h"

#include <algorithm>

namespace skipjack::s3 {
namespace {

/// The length of the set that begins the pattern, brackets included; 0 if none does: a '[' without
/// its ']' stands for itself.
std::size_t set_length(std::string_view pattern) {
  if (pattern.empty() || pattern[0] != '[') return 0;
  std::size_t first = 1;
  if (pattern.size() > first && pattern[first] == '!') ++first;
  // A ']' that comes first belongs to the set.
  const std::size_t end = pattern.find(']', first + 1);
  return end == std::string_view::npos ? 0 : end + 1;
}

bool is_in_set(std::string_view set, char c) {
  set = set.substr(1, set.size() - 2);
  const bool is_inverted = set.starts_with('!');
  if (is_inverted) set.remove_prefix(1);
  const auto byte = static_cast<unsigned char>(c);
  bool is_in = false;
  while (!set.empty()) {
    const auto low = static_cast<unsigned char>(set[0]);
    const bool is_range = set.size() >= 3 && set[1] == '-';
    const auto high = is_range ? static_cast<unsigned char>(set[2]) : low;
    is_in = is_in || (low <= byte && byte <= high);
    set.remove_prefix(is_range ? 3 : 1);
  }
  return is_in != is_inverted;
}

/// Bytes of the pattern that match this one byte; 0 if it doesn't.
std::size_t match_one(std::string_view pattern, char c) {
  if (pattern.empty()) return 0;
  if (const std::size_t set = set_length(pattern))
    return is_in_set(pattern.substr(0, set), c) ? set : 0;
  return pattern[0] == '?' || pattern[0] == c ? 1 : 0;
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0;
  // Behind the last star, and the byte of the text up to which it reaches.
  std::size_t after_star = std::string_view::npos, star_end = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      star_end = t;
    } else if (const std::size_t length = match_one(pattern.substr(p), text[t])) {
      p += length;
      ++t;
    } else if (after_star != std::string_view::npos) {
      p = after_star;
      t = ++star_end;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::string_view literal_prefix(std::string_view pattern) {
  return pattern.substr(0, std::min(pattern.find_first_of("*?["), pattern.size()));
}

bool KeyFilter::passes(std::string_view name) const {
  const auto last = std::find_if(rules_.rbegin(), rules_.rend(), [&](const Rule& rule) {
    return matches_pattern(rule.pattern, name);
  });
  return last == rules_.rend() || last->is_include;
}

}  // namespace skipjack::s3
