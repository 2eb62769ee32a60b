// Downloads from a scripted server, over every transport there is.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "folder_test.h"
#include "scripted_server.h"
#include "skipjack/base/bytes.h"
#include "skipjack/s3/client.h"

namespace skipjack::s3 {

inline const std::string kEtag = "\"5d41402abc4b2a76b9719d911017c592\"";

struct TransportCase {
  const char* name;
  std::unique_ptr<Transport> (*make)(const TransportOptions&);
};

/// Its cases are instantiated once, in download_test.cc, for the tests of all files.
class DownloadTest : public FolderTest, public testing::WithParamInterface<TransportCase> {
 protected:
  static ClientOptions options_for(const ScriptedServer& server) {
    return {
        .endpoint = {.endpoint_url = server.url()}, .make_transport = GetParam().make, .seed = 1};
  }

  const ObjectAddress object_{"bucket", "some/key"};
};

/// Parts small enough that a test moves little and still has many; requests can be counted, since
/// none asks for the checksum (object_checksum_test.cc) or a second time.
inline const TransferConfig kSmallParts{.max_concurrency = 4,
                                        .multipart_chunksize = 64 * kKiB,
                                        .io_chunksize = 10000,
                                        .hedge = false,
                                        .checksum = ChecksumValidation::WhenRequired};

}  // namespace skipjack::s3
