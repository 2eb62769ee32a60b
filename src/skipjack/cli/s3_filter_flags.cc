#include "skipjack/cli/s3_filter_flags.h"

#include "skipjack/base/error.h"

namespace skipjack::cli {

CLI::Option* repeated(CLI::Option* option) {
  return option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_filter_flags(CLI::App& command, FilterFlags& flags) {
  flags.command = &command;
  repeated(command.add_option("--exclude", flags.exclude,
                              "leave out names that match, such as '*.tmp'; * stands for / too"))
      ->type_name("PATTERN");
  repeated(command.add_option("--include", flags.include,
                              "take them nevertheless; of all that match, the last one counts"))
      ->type_name("PATTERN");
}

s3::KeyFilter key_filter(const FilterFlags& flags) {
  s3::KeyFilter filter;
  std::size_t included = 0, excluded = 0;
  for (const CLI::Option* option : flags.command->parse_order()) {
    if (option->check_lname("include") && included < flags.include.size())
      filter.include(flags.include[included++]);
    else if (option->check_lname("exclude") && excluded < flags.exclude.size())
      filter.exclude(flags.exclude[excluded++]);
  }
  return filter;
}

void refuse_filters(const FilterFlags& flags) {
  if (flags.include.empty() && flags.exclude.empty()) return;
  throw Error(ErrorCode::InvalidArgument,
              "--include and --exclude have no meaning for what is named itself",
              "add --recursive, or leave them out");
}

}  // namespace skipjack::cli
