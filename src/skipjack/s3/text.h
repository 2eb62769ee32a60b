// The little that headers, configuration files and messages ask of text: ASCII alone, whatever the
// locale, and base64.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skipjack::s3 {

/// Without spaces, tabs and line ends around it.
std::string_view trim(std::string_view text);
/// A to Z in lower case, everything else as it is.
std::string lower_case(std::string_view text);
/// For messages: a URL with "***" for user and password. Whatever stands before the last '@' may be
/// part of a password.
std::string without_userinfo(std::string_view url);
/// For messages: text with "***" for each of the secrets.
std::string without_secrets(std::string text, const std::vector<std::string>& secrets);
std::string base64(std::string_view bytes);
/// Characters of so many bytes in base64.
constexpr std::size_t base64_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

}  // namespace skipjack::s3
