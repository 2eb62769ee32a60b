// Uploads against a scripted store: what is sent, how parts become one object, and that nothing is
// left behind.
#include "skipjack/s3/upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>
#include <thread>

#include "../temporary_folder.h"
#include "scripted_server.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/checksum.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/remove_many.h"
#include "skipjack/s3/upload_many.h"

namespace skipjack::s3 {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

/// Takes PUTs and uploads in parts; keeps what they make.
class Store {
 public:
  std::map<std::string, std::string> objects;        ///< by path.
  std::map<std::string, std::string> content_types;  ///< by path.
  std::map<std::string, std::map<int, std::string>> open_uploads;
  int num_aborted = 0;

  ScriptedReply answer(const ScriptedRequest& request) {
    const std::size_t question = request.path.find('?');
    const std::string path = request.path.substr(0, question);
    const std::string query =
        question == std::string::npos ? "" : request.path.substr(question + 1);
    const std::string etag = "\"etag of " + std::to_string(request.body.size()) + " bytes\"";
    if (request.method == "POST" && query == "uploads=") {
      const std::string id = "id/" + std::to_string(++num_uploads_) + "+";
      open_uploads[id];
      content_types[path] = request.header("content-type");
      return {.body = "<InitiateMultipartUploadResult><UploadId>" + id +
                      "</UploadId></InitiateMultipartUploadResult>"};
    }
    const std::size_t id_at = query.find("uploadId=");
    if (id_at == std::string::npos) {
      if (request.method == "PUT") {
        objects[path] = request.body;
        content_types[path] = request.header("content-type");
      } else if (request.method == "DELETE") {
        objects.erase(path);
        return {.status = 204};
      }
      return {.headers = {{"ETag", etag}, {"x-amz-version-id", "v1"}}};
    }
    // "id%2F1%2B": the number between the escapes.
    const std::string id = "id/" + query.substr(id_at + 14, query.find("%2B") - id_at - 14) + "+";
    if (open_uploads.count(id) == 0) return s3_error(404, "NoSuchUpload");
    auto& parts = open_uploads[id];
    if (request.method == "DELETE") {
      open_uploads.erase(id);
      ++num_aborted;
      return {.status = 204};
    }
    if (request.method == "PUT") {
      const int number = std::stoi(query.substr(query.find("partNumber=") + 11));
      parts[number] = request.body;
      return {.headers = {{"ETag", etag}}};
    }
    std::string whole,
        list = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
    for (const auto& [number, bytes] : parts) {
      whole += bytes;
      list += "<Part><ETag>\"etag of " + std::to_string(bytes.size()) +
              " bytes\"</ETag><PartNumber>" + std::to_string(number) + "</PartNumber></Part>";
    }
    if (request.body.find(list + "</CompleteMultipartUpload>") == std::string::npos)
      return s3_error(400, "MalformedXML", request.body.substr(0, 300));
    objects[path] = whole;
    const std::size_t num_parts = parts.size();
    open_uploads.erase(id);
    return {.body = "<CompleteMultipartUploadResult><ETag>&quot;of parts-" +
                    std::to_string(num_parts) + "&quot;</ETag></CompleteMultipartUploadResult>"};
  }

 private:
  int num_uploads_ = 0;
};

bool completes(const ScriptedRequest& request) {
  return request.method == "POST" && request.path.find("uploadId") != std::string::npos;
}

class UploadTest : public testing::Test {
 protected:
  UploadResult upload(const UploadOptions& options) {
    Client client({.endpoint = {.endpoint_url = server_.url()}, .seed = 1});
    return client.upload(options);
  }
  UploadOptions of(std::string_view bytes) {
    return {.object = {"bucket", "key"}, .source = FromMemory{bytes}};
  }
  Error error_of(const UploadOptions& options) {
    try {
      upload(options);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return Error(ErrorCode::Unsupported, "nothing was thrown");
  }

  Store store_;
  std::function<std::optional<ScriptedReply>(const ScriptedRequest&)> fault_;
  ScriptedServer server_{[this](const ScriptedRequest& request) {
    if (fault_)
      if (auto reply = fault_(request)) return *reply;
    return store_.answer(request);
  }};
};

class UploadFileTest : public UploadTest {
 protected:
  static void write_file(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  const TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

TEST_F(UploadTest, WhatIsBelowTheThresholdIsOnePut) {
  const std::string bytes = test_object(100'000);
  UploadOptions options = of(bytes);
  options.content_type = "text/plain";
  options.metadata = {{"colour", "blue"}};
  const UploadResult result = upload(options);
  EXPECT_EQ(store_.objects["/bucket/key"], bytes);
  EXPECT_EQ(result.bytes, 100'000);
  EXPECT_EQ(result.etag, "\"etag of 100000 bytes\"");
  EXPECT_EQ(result.version_id, "v1");
  ASSERT_EQ(server_.requests().size(), 1u);
  EXPECT_EQ(server_.requests()[0].header("content-type"), "text/plain");
  EXPECT_EQ(server_.requests()[0].header("x-amz-meta-colour"), "blue");
}

TEST_F(UploadTest, SaysTheChecksumThatTheBytesMustHave) {
  // The published check value of CRC64NVME, ae8b14860a799888.
  upload(of("123456789"));
  EXPECT_EQ(server_.requests()[0].header("x-amz-checksum-crc64nvme"), "rosUhgp5mIg=");
  UploadOptions without = of("123456789");
  without.config.checksum = ChecksumValidation::WhenRequired;
  upload(without);
  EXPECT_EQ(server_.requests()[1].header("x-amz-checksum-crc64nvme"), "");
}

TEST_F(UploadTest, PartsHaveChecksumsAndTheWholeHasTheirs) {
  const std::string bytes = test_object(static_cast<std::size_t>(11 * kMiB + 5));
  UploadOptions options = of(bytes);
  options.config.multipart_chunksize = 5 * kMiB;
  upload(options);
  const auto sum = [](std::string_view text) {
    return checksum_text(ChecksumAlgorithm::Crc64Nvme, std::as_bytes(std::span(text)));
  };
  const std::string name = "x-amz-checksum-crc64nvme";
  for (const ScriptedRequest& request : server_.requests()) {
    if (request.path.ends_with("?uploads=")) {
      EXPECT_EQ(request.header("x-amz-checksum-algorithm"), "CRC64NVME");
      EXPECT_EQ(request.header("x-amz-checksum-type"), "FULL_OBJECT");
    } else if (request.method == "PUT") {
      EXPECT_EQ(request.header(name), sum(request.body));
    } else {
      EXPECT_EQ(request.header(name), sum(bytes));
    }
  }
}

TEST_F(UploadTest, NothingIsAnObjectToo) {
  EXPECT_EQ(upload(of("")).bytes, 0);
  EXPECT_EQ(store_.objects.at("/bucket/key"), "");
}

TEST_F(UploadTest, WhatIsAboveItGoesInPartsThatBecomeOneObject) {
  const std::string bytes = test_object(static_cast<std::size_t>(17 * kMiB + 3));
  std::int64_t last = 0;
  UploadOptions options = of(bytes);
  options.content_type = "video/x";
  options.config = {.max_concurrency = 3, .multipart_chunksize = 5 * kMiB};
  options.progress = [&](std::int64_t done, std::optional<std::int64_t> total) {
    EXPECT_GT(done, last);
    EXPECT_EQ(total, 17 * kMiB + 3);
    last = done;
  };
  const UploadResult result = upload(options);
  EXPECT_EQ(store_.objects["/bucket/key"], bytes);
  EXPECT_EQ(store_.content_types["/bucket/key"], "video/x");
  EXPECT_EQ(result.num_parts, 4);
  EXPECT_EQ(result.etag, "\"of parts-4\"");
  EXPECT_EQ(last, 17 * kMiB + 3);
  EXPECT_TRUE(store_.open_uploads.empty());
}

TEST_F(UploadTest, AStreamIsOnePutIfItEndsWithinAPartElseParts) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1000}, static_cast<std::size_t>(5 * kMiB),
        static_cast<std::size_t>(11 * kMiB)}) {
    const std::string bytes = test_object(size);
    std::size_t given = 0;
    UploadOptions options{.object = {"bucket", "key"},
                          .source = FromStream{[&](std::span<std::byte> space) {
                            const std::size_t n = std::min(space.size(), size - given);
                            std::memcpy(space.data(), bytes.data() + given, n);
                            given += n;
                            return n;
                          }},
                          .config = {.multipart_chunksize = 5 * kMiB}};
    EXPECT_EQ(upload(options).bytes, static_cast<std::int64_t>(size));
    EXPECT_EQ(store_.objects["/bucket/key"], bytes);
    EXPECT_TRUE(store_.open_uploads.empty());
  }
}

TEST_F(UploadTest, ASlowStreamDoesNotHoldUpWhatItHasGiven) {
  std::promise<void> first_part_came;
  fault_ = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.path.find("partNumber=1&") != std::string::npos) first_part_came.set_value();
    return std::nullopt;
  };
  std::future<void> came = first_part_came.get_future();
  int num_reads = 0;
  const auto read = [&](std::span<std::byte> space) {
    if (++num_reads > 2) return std::size_t{0};
    if (num_reads == 2) {
      EXPECT_EQ(came.wait_for(std::chrono::seconds(20)), std::future_status::ready);
    }
    return space.size();
  };
  const UploadResult result = upload({.object = {"bucket", "key"},
                                      .source = FromStream{read},
                                      .config = {.multipart_chunksize = 5 * kMiB}});
  EXPECT_EQ(result.bytes, 10 * kMiB);
}

TEST_F(UploadTest, AStreamThatBreaksEndsItsUpload) {
  int num_reads = 0;
  UploadOptions options{.object = {"bucket", "key"},
                        .source = FromStream{[&](std::span<std::byte> space) {
                          if (++num_reads == 2) throw Error(ErrorCode::Io, "the tape is torn");
                          return space.size();
                        }},
                        .config = {.multipart_chunksize = 5 * kMiB}};
  EXPECT_THAT(error_of(options).what(), testing::HasSubstr("the tape is torn"));
  EXPECT_TRUE(store_.open_uploads.empty());
}

TEST_F(UploadTest, PartsThatFailAreSentAgain) {
  std::set<std::string> seen;
  fault_ = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (!seen.insert(request.method + request.path).second) return std::nullopt;
    return s3_error(500, "InternalError");
  };
  const std::string bytes = test_object(static_cast<std::size_t>(11 * kMiB));
  UploadOptions options = of(bytes);
  options.config.multipart_chunksize = 5 * kMiB;
  upload(options);
  EXPECT_EQ(store_.objects["/bucket/key"], bytes);
}

TEST_F(UploadTest, AnErrorInsideOfASuccessIsAnError) {
  fault_ = [](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.method != "POST" || request.path.find("uploadId") == std::string::npos)
      return std::nullopt;
    return ScriptedReply{.status = 200, .body = s3_error(200, "InvalidPart").body};
  };
  const std::string bytes = test_object(static_cast<std::size_t>(9 * kMiB));
  EXPECT_THAT(error_of(of(bytes)).what(), HasSubstr("InvalidPart"));
  EXPECT_TRUE(store_.open_uploads.empty());
  EXPECT_EQ(store_.num_aborted, 1);
}

TEST_F(UploadTest, ASuccessThatDoesNotSayWhatItMadeIsNone) {
  fault_ = [](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (!completes(request)) return std::nullopt;
    return ScriptedReply{.body = "<html>Welcome to the hotel's network</html>"};
  };
  const std::string bytes = test_object(static_cast<std::size_t>(9 * kMiB));
  EXPECT_EQ(error_of(of(bytes)).code(), ErrorCode::Corrupted);
  EXPECT_EQ(store_.num_aborted, 1);
}

TEST_F(UploadTest, JoiningThePartsMayTakeLongerThanOtherAnswers) {
  int completions = 0;
  fault_ = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (!completes(request)) return std::nullopt;
    ++completions;
    ScriptedReply reply = store_.answer(request);
    std::this_thread::sleep_for(std::chrono::milliseconds(800));
    return reply;
  };
  const std::string bytes = test_object(static_cast<std::size_t>(9 * kMiB));
  Client client({.endpoint = {.endpoint_url = server_.url()},
                 .transport = {.stall_timeout = std::chrono::milliseconds(200)},
                 .seed = 1});
  EXPECT_EQ(client.upload(of(bytes)).etag, "\"of parts-2\"");
  EXPECT_EQ(completions, 1);
}

TEST_F(UploadTest, ALostAnswerOfTheEndIsNoFailureIfWhatIsThereWasSent) {
  const std::string bytes = test_object(static_cast<std::size_t>(9 * kMiB));
  for (const bool is_overwritten : {false, true}) {
    store_ = {};
    int completions = 0;
    fault_ = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
      if (completes(request) && ++completions == 1) {
        store_.answer(request);
        return ScriptedReply{.missing_bytes = 100, .then = ScriptedReply::Then::Reset};
      }
      if (request.method != "HEAD") return std::nullopt;
      std::string& object = store_.objects["/bucket/key"];
      if (is_overwritten) ++object[5];
      ScriptedReply reply = serve_object(request, object, "\"now\"");
      reply.headers["x-amz-checksum-crc64nvme"] =
          checksum_text(ChecksumAlgorithm::Crc64Nvme, std::as_bytes(std::span(object)));
      return reply;
    };
    if (is_overwritten)
      EXPECT_EQ(error_of(of(bytes)).code(), ErrorCode::Network);
    else
      EXPECT_EQ(upload(of(bytes)).etag, "\"now\"");
    EXPECT_EQ(completions, 2);
  }
}

TEST_F(UploadTest, AnUploadThatIsGoneNeedsNoAbortion) {
  fault_ = [](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.method != "DELETE" && request.path.find("partNumber") == std::string::npos)
      return std::nullopt;
    return s3_error(404, "NoSuchUpload");
  };
  const std::string bytes = test_object(static_cast<std::size_t>(9 * kMiB));
  int warnings = 0;
  Client client({.endpoint = {.endpoint_url = server_.url()},
                 .seed = 1,
                 .log = [&](LogLevel level, std::string_view) {
                   warnings += level == LogLevel::Warning ? 1 : 0;
                 }});
  EXPECT_THROW(client.upload(of(bytes)), Error);
  EXPECT_EQ(warnings, 0);
}

TEST_F(UploadTest, WhatFailsForGoodIsAborted) {
  fault_ = [](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.path.find("partNumber=2") == std::string::npos) return std::nullopt;
    return s3_error(403, "AccessDenied");
  };
  const std::string bytes = test_object(static_cast<std::size_t>(20 * kMiB));
  EXPECT_EQ(error_of(of(bytes)).code(), ErrorCode::PermissionDenied);
  EXPECT_TRUE(store_.open_uploads.empty());
  EXPECT_EQ(store_.num_aborted, 1);
  EXPECT_TRUE(store_.objects.empty());
}

TEST_F(UploadTest, AStopAbortsWhatWasBegun) {
  for (const std::string where : {"uploads=", "partNumber=1", "partNumber=3"}) {
    store_ = {};
    std::stop_source stop;
    fault_ = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
      if (request.path.find(where) != std::string::npos) stop.request_stop();
      return std::nullopt;
    };
    const std::string bytes = test_object(static_cast<std::size_t>(20 * kMiB));
    UploadOptions options = of(bytes);
    options.config = {.max_concurrency = 1, .multipart_chunksize = 5 * kMiB};
    options.stop = stop.get_token();
    EXPECT_EQ(error_of(options).code(), ErrorCode::Cancelled) << where;
    EXPECT_TRUE(store_.open_uploads.empty()) << where;
    EXPECT_EQ(store_.num_aborted, 1) << where;
    EXPECT_TRUE(store_.objects.empty()) << where;
  }
}

TEST_F(UploadTest, AFileThatCantBeReadIsNoUpload) {
  EXPECT_EQ(error_of({.object = {"bucket", "key"}, .source = FromFile{"/nowhere/at/all"}}).code(),
            ErrorCode::NotFound);
  EXPECT_EQ(error_of({.object = {"bucket", "key"}, .source = FromFile{"/tmp"}}).code(),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(error_of({.object = {"bucket", "key"}, .metadata = {{"a", "line\nbreak"}}}).code(),
            ErrorCode::InvalidArgument);
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(UploadFileTest, AFileThatChangesMeanwhileIsNoObject) {
  for (const bool grows : {false, true}) {
    store_ = {};
    const fs::path path = folder_ / "file";
    write_file(path, test_object(static_cast<std::size_t>(11 * kMiB)));
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(1));
    fault_ = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
      if (request.path.find("partNumber=1") == std::string::npos) return std::nullopt;
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(11 * kMiB - (grows ? 0 : 1)));
      file << "x";
      return std::nullopt;
    };
    const Error error =
        error_of({.object = {"bucket", "key"},
                  .source = FromFile{path},
                  .config = {.max_concurrency = 1, .multipart_chunksize = 5 * kMiB}});
    EXPECT_EQ(error.code(), ErrorCode::Corrupted) << grows;
    EXPECT_THAT(error.what(), HasSubstr("changed while it was read"));
    EXPECT_TRUE(store_.open_uploads.empty());
    EXPECT_TRUE(store_.objects.empty());
  }
}

TEST_F(UploadFileTest, AStopAbortsWhatHasNoSizeToo) {
  std::stop_source stop;
  fault_ = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.path.find("partNumber=2") != std::string::npos) stop.request_stop();
    return std::nullopt;
  };
  write_file(folder_ / "small", "small");
  Client client({.endpoint = {.endpoint_url = server_.url()}, .seed = 1});
  try {
    client.upload_many(
        {.files = {{"/dev/zero", {"bucket", "endless"}}, {folder_ / "small", {"bucket", "small"}}},
         .config = {.max_concurrency = 2, .multipart_chunksize = 5 * kMiB},
         .stop = stop.get_token()});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Cancelled);
  }
  EXPECT_TRUE(store_.open_uploads.empty());
  EXPECT_EQ(store_.num_aborted, 1);
  EXPECT_EQ(store_.objects, (std::map<std::string, std::string>{{"/bucket/small", "small"}}));
}

TEST_F(UploadFileTest, SmallFilesKeepToTheBandwidth) {
  UploadManyOptions options;
  options.config.max_bandwidth = 1'000'000;
  for (int i = 0; i < 10; ++i) {
    const fs::path path = folder_ / std::to_string(i);
    write_file(path, test_object(50'000));
    options.files.push_back({path, {"bucket", std::to_string(i)}});
  }
  Client client({.endpoint = {.endpoint_url = server_.url()}, .seed = 1});
  const Duration begin = system_clock().now();
  EXPECT_EQ(client.upload_many(options).objects_done, 10);
  // The tenth begins once the nine before it are paid for, a tenth of a second's worth aside.
  EXPECT_GE(to_seconds(system_clock().now() - begin), 0.34);
}

TEST_F(UploadTest, ManyFilesGoAtOnceAndComeBackOut) {
  const TemporaryFolder folder;
  UploadManyOptions options;
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 100; ++i) {
    const std::string bytes = test_object(i == 50 ? 9'000'000 : static_cast<std::size_t>(i * 100));
    const fs::path path = folder.path() / std::to_string(i);
    std::ofstream(path, std::ios::binary) << bytes;
    options.files.push_back({path, {"bucket", "p/" + std::to_string(i)}});
    expected["/bucket/p/" + std::to_string(i)] = bytes;
  }
  options.files.push_back({folder.path() / "missing", {"bucket", "missing"}});
  int failed = 0;
  std::int64_t ended_bytes = 0, most_underway = 0;
  options.on_end = [&](const ObjectEnd& end) {
    failed += end.error ? 1 : 0;
    ended_bytes += end.bytes;
  };
  options.progress = [&](const ManyCounts& so_far) {
    most_underway = std::max(most_underway, so_far.bytes_done - ended_bytes);
  };
  options.progress_interval = Duration(0);
  Client client({.endpoint = {.endpoint_url = server_.url()}, .seed = 1});
  const ManyCounts counts = client.upload_many(options);
  EXPECT_EQ(store_.objects, expected);
  EXPECT_EQ(counts.objects_done, 100);
  EXPECT_EQ(counts.objects_failed, 1);
  EXPECT_EQ(failed, 1);
  EXPECT_EQ(counts.bytes_done, ended_bytes);
  // Parts of the large one.
  EXPECT_GE(most_underway, kMiB);

  std::vector<ObjectAddress> all;
  for (int i = 0; i < 100; ++i) all.push_back({"bucket", "p/" + std::to_string(i)});
  EXPECT_EQ(client.remove_many({.objects = all}).objects_done, 100);
  EXPECT_TRUE(store_.objects.empty());
}

}  // namespace
}  // namespace skipjack::s3
