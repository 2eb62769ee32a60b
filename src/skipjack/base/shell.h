// Words for a POSIX shell, whatever they hold.
#pragma once

#include <string>
#include <string_view>

namespace skipjack {

/// In single quotes.
std::string shell_quoted(std::string_view word);
/// As it is where no shell would see anything in it, else in single quotes.
std::string shell_word(std::string_view word);

}  // namespace skipjack
