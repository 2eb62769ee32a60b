// How a configuration reaches a program: as arguments, as one JSON file, or through a template of
// the command line. Values are written as Python's str() writes them (1e-05, True, None), which is
// what scripts for Syne Tune expect. Each value is one argument, whatever blanks and quotes it
// holds; no shell is involved.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "skipjack/base/json.h"

namespace skipjack {

/// --name value for each member in order, then --st_checkpoint_dir.
struct AsArguments {};
/// --st_config_json_filename and --st_checkpoint_dir only; the values, with their types, are in the
/// file.
struct AsJsonFile {};
/// Each item is one argument. {name} stands for the configuration's value of that name,
/// {st_checkpoint_dir} and {st_config_json_filename} for the two paths; {{ and }} are braces.
/// Nothing else is appended.
struct AsTemplate {
  std::vector<std::string> arguments;
  /// Names that a configuration may lack (parameters with conditions). An item that holds such a
  /// one is left out where it is lacking; if it is that placeholder alone, so is an option right
  /// before it ("-m" or "--momentum", without a placeholder of its own).
  std::vector<std::string> optional_names = {};
};
using ArgumentStyle = std::variant<AsArguments, AsJsonFile, AsTemplate>;

struct ArgumentPaths {
  std::string checkpoint_directory;
  std::string config_file;
};

/// The arguments that follow the program's name. Throws InvalidArgument if configuration is no
/// object, for a value that holds a zero byte, for a placeholder without a value (naming those
/// there are) and for a lone brace.
std::vector<std::string> build_arguments(const Json& configuration, const ArgumentStyle& style,
                                         const ArgumentPaths& paths);

}  // namespace skipjack
