// Whether a connection failed because no further file can be opened, which is nobody's fault but
// the limit's.
#pragma once

#include <string>

namespace skipjack::s3 {

/// Why no file is to be had, for an errno that says so (EMFILE, ENFILE); empty for any other.
std::string lack_of_files(int error);

/// The errno of opening one more file now, 0 if that can be done: looking a host's name up takes
/// files too, and says only that it failed. descriptor: any that is open.
int error_of_one_more_file(int descriptor);

}  // namespace skipjack::s3
