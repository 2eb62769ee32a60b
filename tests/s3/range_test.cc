// Parts of objects, and what requests say of who pays and whose key it is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scripted_server.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/object_access.h"

namespace skipjack::s3 {
namespace {

using testing::HasSubstr;
const std::string kEtag = "\"5d41402abc4b2a76b9719d911017c592\"";

class RangeDownload : public testing::Test {
 protected:
  std::string get(DownloadOptions options) {
    options.object = {"bucket", "key"};
    options.target = ToMemory{};
    Client client({.endpoint = {.endpoint_url = server_.url()}, .seed = 1});
    return std::string(client.download(options).memory.view());
  }
  Error error_of(const DownloadOptions& options) {
    try {
      get(options);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return Error(ErrorCode::Unsupported, "nothing was thrown");
  }
  std::string object_ = test_object(1'000'000);
  ScriptedServer server_{
      [this](const ScriptedRequest& r) { return serve_object(r, object_, kEtag); }};
};

TEST_F(RangeDownload, BringsThoseBytesAndNoOthers) {
  const TransferConfig parts{.max_concurrency = 3, .multipart_chunksize = 64 * 1024};
  for (const TransferConfig& config : {TransferConfig{}, parts})
    for (const auto& [begin, end] : {std::pair<std::int64_t, std::int64_t>{0, 1},
                                     {999'999, 1'000'000},
                                     {1, 999'999},
                                     {100'000, 165'536},
                                     {500'000, 5'000'000}}) {
      const auto size = static_cast<std::size_t>(std::min<std::int64_t>(end, 1'000'000) - begin);
      EXPECT_EQ(get({.range = ByteSpan{begin, end}, .config = config}),
                object_.substr(static_cast<std::size_t>(begin), size))
          << begin << " to " << end;
    }
  EXPECT_EQ(get({.range = ByteSpan{300'000}, .config = parts}), object_.substr(300'000));
}

TEST_F(RangeDownload, TheLastBytesAreThoseOfTheVersionWhoseSizeWasAsked) {
  EXPECT_EQ(get({.range = LastBytes{1234}}), object_.substr(1'000'000 - 1234));
  EXPECT_EQ(get({.range = LastBytes{5'000'000}}), object_);
  const auto requests = server_.requests();
  EXPECT_EQ(requests[0].method, "HEAD");
  EXPECT_EQ(requests[1].header("if-match"), kEtag);
}

TEST_F(RangeDownload, OneThatBeginsAfterTheEndIsRefusedClearly) {
  const Error error = error_of({.range = ByteSpan{1'000'000}});
  EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
  EXPECT_THAT(error.what(), HasSubstr("1000000"));
  EXPECT_EQ(error_of({.range = ByteSpan{-1}}).code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(error_of({.range = ByteSpan{5, 5}}).code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(error_of({.range = LastBytes{0}}).code(), ErrorCode::InvalidArgument);
}

TEST(RangeDownloadFromServerWithoutRanges, IsRefusedRatherThanWrong) {
  const std::string object = test_object(1000);
  const ScriptedServer server(
      [&](const ScriptedRequest&) { return ScriptedReply{.body = object}; });
  Client client({.endpoint = {.endpoint_url = server.url()}, .seed = 1});
  try {
    client.download({.object = {"bucket", "key"}, .range = ByteSpan{10, 20}});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Unsupported);
  }
}

TEST_F(RangeDownload, AnObjectThatIsNoLongerTheOneMeantIsRefused) {
  EXPECT_EQ(error_of({.if_match = "\"another\""}).code(), ErrorCode::Corrupted);
  EXPECT_EQ(get({.if_match = kEtag}), object_);
}

TEST_F(RangeDownload, EveryRequestSaysWhoPaysAndWhoseKeyItIs) {
  // The key, its base64 and its MD5: computed with Python's base64 and hashlib.
  const ObjectAccess access{.is_requester_paying = true,
                            .customer_key = Secret("0123456789abcdef0123456789abcdef")};
  get({.range = LastBytes{900'000},
       .access = access,
       .config = {.max_concurrency = 3, .multipart_chunksize = 200'000}});
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 6u);  // HEAD and five parts
  const std::string prefix = "x-amz-server-side-encryption-customer-";
  for (const ScriptedRequest& request : requests) {
    EXPECT_EQ(request.header("x-amz-request-payer"), "requester");
    EXPECT_EQ(request.header(prefix + "algorithm"), "AES256");
    EXPECT_EQ(request.header(prefix + "key"), "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    EXPECT_EQ(request.header(prefix + "key-md5"), "hRasmdxgYDKV3nvbahU1MA==");
  }
}

TEST(ObjectAccess, AKeyOfAnotherLengthIsRefusedAndNotShown) {
  try {
    access_headers({.customer_key = Secret("too-short-a-key")});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    EXPECT_THAT(error.what(), Not(HasSubstr("too-short-a-key")));
  }
}

}  // namespace
}  // namespace skipjack::s3
