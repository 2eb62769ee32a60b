#include "skipjack/wire/arguments.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

constexpr std::string_view kCheckpointName = "st_checkpoint_dir";
constexpr std::string_view kConfigFileName = "st_config_json_filename";

std::string argument(std::string_view name, const Json& value) {
  std::string text = to_python_text(value);
  if (text.find('\0') != std::string::npos)
    throw Error(ErrorCode::InvalidArgument,
                "the value of '" + std::string(name) + "' holds a zero byte, which no argument can",
                "pass the configuration as a JSON file");
  return text;
}

class TemplateExpansion {
 public:
  TemplateExpansion(const Json& configuration, const AsTemplate& style, const ArgumentPaths& paths)
      : configuration_(configuration), style_(style), paths_(paths) {}

  std::vector<std::string> arguments() const {
    std::vector<std::string> arguments;
    const std::string* before = nullptr;
    for (const std::string& pattern : style_.arguments) {
      if (auto text = expand(pattern))
        arguments.push_back(*std::move(text));
      else if (is_placeholder(pattern) && before != nullptr && is_option(*before))
        arguments.pop_back();
      before = &pattern;
    }
    return arguments;
  }

 private:
  static bool is_placeholder(const std::string& pattern) {
    return pattern.front() == '{' && pattern.find('}') == pattern.size() - 1;
  }
  static bool is_option(const std::string& pattern) {
    return pattern.size() > 1 && pattern.front() == '-' &&
           pattern.find_first_of("{}") == std::string::npos;
  }

  /// nullopt if it speaks of a name that is lacking and may be.
  std::optional<std::string> expand(const std::string& pattern) const {
    std::string text;
    bool is_complete = true;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      const char c = pattern[i];
      if (c != '{' && c != '}') {
        text += c;
      } else if (i + 1 < pattern.size() && pattern[i + 1] == c) {
        text += c;
        ++i;
      } else {
        const std::size_t close = c == '{' ? pattern.find('}', i) : std::string::npos;
        if (close == std::string::npos)
          throw Error(ErrorCode::InvalidArgument,
                      "template argument '" + pattern + "' has a lone '" + c + "'",
                      std::string("write ") + c + c + " for a brace");
        const auto value = value_of(pattern.substr(i + 1, close - i - 1), pattern);
        is_complete = is_complete && value;
        text += value.value_or("");
        i = close;
      }
    }
    return is_complete ? std::optional(std::move(text)) : std::nullopt;
  }

  std::optional<std::string> value_of(const std::string& name, const std::string& pattern) const {
    if (const Json* value = configuration_.find(name)) return argument(name, *value);
    const auto& optional_names = style_.optional_names;
    if (std::find(optional_names.begin(), optional_names.end(), name) != optional_names.end())
      return std::nullopt;
    if (name == kCheckpointName) return paths_.checkpoint_directory;
    if (name == kConfigFileName) return paths_.config_file;
    std::string known;
    for (const auto& [key, value] : configuration_.as_object()) known += "{" + key + "}, ";
    throw Error(ErrorCode::InvalidArgument,
                "template argument '" + pattern + "': nothing is named '" + name + "'",
                "the names are " + known +
                    "{st_checkpoint_dir} and {st_config_json_filename}; {{ is a brace");
  }

  const Json& configuration_;
  const AsTemplate& style_;
  const ArgumentPaths& paths_;
};

std::string option(std::string_view name) { return "--" + std::string(name); }

}  // namespace

std::vector<std::string> build_arguments(const Json& configuration, const ArgumentStyle& style,
                                         const ArgumentPaths& paths) {
  const Json::Object& members = configuration.as_object();
  if (const auto* pattern = std::get_if<AsTemplate>(&style))
    return TemplateExpansion(configuration, *pattern, paths).arguments();
  std::vector<std::string> arguments;
  if (std::holds_alternative<AsJsonFile>(style)) {
    arguments = {option(kConfigFileName), paths.config_file};
  } else {
    for (const auto& [name, value] : members) {
      arguments.push_back(option(name));
      arguments.push_back(argument(name, value));
    }
  }
  arguments.push_back(option(kCheckpointName));
  arguments.push_back(paths.checkpoint_directory);
  return arguments;
}

}  // namespace skipjack
