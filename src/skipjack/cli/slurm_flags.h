// The flags that say that trials are jobs of a Slurm cluster, and what each asks for: the keys of
// an experiment file with - for _. Shared by `tune` and `s3 tune`.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/base/json.h"

namespace skipjack::cli {

struct SlurmFlags {
  /// One for each flag; unset if it was not given.
  std::vector<std::optional<std::string>> values{};
};
/// flags must outlive the parsing.
void add_slurm_flags(CLI::App& command, SlurmFlags& flags);
/// Sets the keys of those that were given. Throws InvalidArgument for a number that is none.
void put_slurm_keys(const SlurmFlags& flags, Json& experiment);

/// A number given to a flag. Throws InvalidArgument.
Json number_flag(const char* flag, const std::string& text);

}  // namespace skipjack::cli
