// --include and --exclude, whose order counts.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "skipjack/s3/key_filter.h"

namespace skipjack::cli {

struct FilterFlags {
  std::vector<std::string> include, exclude;
  /// The two options as they were given.
  const CLI::App* command = nullptr;
};
/// flags must outlive the parsing, and command what is asked of them.
void add_filter_flags(CLI::App& command, FilterFlags& flags);
/// After the parsing.
s3::KeyFilter key_filter(const FilterFlags& flags);
/// For what is named by itself: throws InvalidArgument if one is given.
void refuse_filters(const FilterFlags& flags);

/// An option that may be given many times, with one value each time.
CLI::Option* repeated(CLI::Option* option);

}  // namespace skipjack::cli
