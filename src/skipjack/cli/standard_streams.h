// Bytes through the process's standard streams, as they are: objects that are piped.
#pragma once

#include <stop_token>

#include "skipjack/s3/client.h"
#include "skipjack/s3/upload.h"

namespace skipjack::cli {

/// Writes to standard output. A stop ends the wait for a slow reader. If nobody reads any more, the
/// process ends by SIGPIPE.
s3::ToConsumer standard_output(std::stop_token stop);
/// Reads standard input. A stop ends the wait for a slow writer with Error Cancelled.
s3::FromStream standard_input(std::stop_token stop);

}  // namespace skipjack::cli
