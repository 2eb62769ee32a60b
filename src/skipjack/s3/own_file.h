// Whether a file that was found under a name that anybody can guess may be written to.
#pragma once

#include <filesystem>

#include "skipjack/base/error.h"

namespace skipjack::s3 {

/// A regular file of this user's, without another name.
bool is_own_file(int fd);
/// PermissionDenied.
Error foreign_file_error(const std::filesystem::path& path);

}  // namespace skipjack::s3
