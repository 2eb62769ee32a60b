// One download: a state machine per connection over one transport and one sink, run by the calling
// thread. See client.h for what it promises.
#pragma once

#include "skipjack/s3/client.h"
#include "skipjack/s3/requester.h"

namespace skipjack::s3 {

DownloadResult run_download(Requester& requester, const DownloadOptions& options);

}  // namespace skipjack::s3
