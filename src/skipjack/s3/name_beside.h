// Names for what is not finished, beside the file that it will be.
#pragma once

#include <filesystem>
#include <string_view>

namespace skipjack::s3 {

/// path with the suffix. A name that would become longer than file systems take is cut, and its
/// hash stands for the rest.
std::filesystem::path name_beside(const std::filesystem::path& path, std::string_view suffix);

}  // namespace skipjack::s3
