#include "skipjack/cli/flag_text.h"

#include <algorithm>
#include <utility>

#include "skipjack/base/invalid.h"

namespace skipjack::cli {

Json assignments(const std::string& flag, const std::vector<std::string>& texts,
                 AssignedValues values) {
  Json object = Json::Object{};
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos)
      invalid(flag + " = '" + text + "' must be NAME=VALUE");
    const std::string value = text.substr(equals + 1);
    const auto json = values == AssignedValues::Json ? try_parse_json(value) : std::nullopt;
    object.set(text.substr(0, equals), json ? *json : Json(value));
  }
  return object;
}

std::vector<std::string> split_names(const std::string& key, std::string_view text) {
  std::vector<std::string> names;
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    more = comma != std::string_view::npos;
    std::string_view name = text.substr(0, comma);
    name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
    name = name.substr(0, name.find_last_not_of(' ') + 1);
    if (name.empty()) invalid(key + " has an empty name", "write NAME or NAME,NAME");
    names.emplace_back(name);
    if (more) text.remove_prefix(comma + 1);
  }
  return names;
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool escapes = c == '\\' && quote != '\'' && i + 1 < text.size();
    if (escapes) {
      word += text[++i];
      in_word = true;
    } else if (quote) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      if (in_word) words.push_back(std::exchange(word, ""));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote)
    invalid(std::string("the quote ") + quote + " in '" + std::string(text) + "' is not closed");
  if (in_word) words.push_back(word);
  return words;
}

}  // namespace skipjack::cli
