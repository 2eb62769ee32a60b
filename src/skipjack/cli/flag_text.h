// Values of flags and keys that hold several in one text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "skipjack/base/json.h"

namespace skipjack::cli {

enum class AssignedValues {
  Text,
  Json,  ///< JSON where it can be read as such, else text
};
/// "NAME=VALUE" texts as an object. flag: which one gave them, for errors. Throws InvalidArgument.
Json assignments(const std::string& flag, const std::vector<std::string>& texts,
                 AssignedValues values);

/// "a,b" as {"a", "b"}; spaces around names are dropped. Throws InvalidArgument for an empty name.
std::vector<std::string> split_names(const std::string& key, std::string_view text);

/// Words of a command line: split at spaces, '...' and "..." keep them together, \ keeps one
/// character. Nothing is expanded. Throws InvalidArgument for a quote that is not closed.
std::vector<std::string> split_words(std::string_view text);

}  // namespace skipjack::cli
