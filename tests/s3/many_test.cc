// Many objects at once, against a scripted server that lists and serves: what comes, where it is
// put, and what hostile keys and trees do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include "../temporary_folder.h"
#include "fsync_log.h"
#include "scripted_server.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/download_many.h"
#include "skipjack/s3/request_window.h"
#include "skipjack/s3/target_tree.h"

namespace skipjack::s3 {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;
const std::string kEtag = "\"5d41402abc4b2a76b9719d911017c592\"";

std::string hex_escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    char code[4];
    std::snprintf(code, sizeof code, "%%%02X", static_cast<unsigned char>(c));
    out += code;
  }
  return out;
}

std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// The objects of one bucket, listed in pages as S3 does.
class Bucket {
 public:
  std::map<std::string, std::string> objects;
  std::size_t page_size = 1000;

  ScriptedReply answer(const ScriptedRequest& request) const {
    const std::size_t question = request.path.find('?');
    const std::string path = request.path.substr(0, question);
    if (path.starts_with("/bucket/")) {
      const auto found = objects.find(unescaped(path.substr(8)));
      if (found == objects.end()) return s3_error(404, "NoSuchKey");
      return serve_object(request, found->second, kEtag);
    }
    return page(question == std::string::npos ? "" : request.path.substr(question + 1));
  }

 private:
  static std::string parameter(const std::string& query, const std::string& name) {
    const std::string all = "&" + query + "&";
    const std::size_t at = all.find("&" + name + "=");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 2;
    return unescaped(all.substr(begin, all.find('&', begin) - begin));
  }

  ScriptedReply page(const std::string& query) const {
    const std::string prefix = parameter(query, "prefix");
    const std::string after = parameter(query, "continuation-token");
    std::string entries, last;
    std::size_t count = 0;
    bool is_cut = false;
    for (const auto& [key, bytes] : objects) {
      if (!key.starts_with(prefix) || (!after.empty() && hex_escaped(key) <= after)) continue;
      if (count == page_size) {
        is_cut = true;
        break;
      }
      ++count;
      last = hex_escaped(key);
      entries += "<Contents><Key>" + last + "</Key><Size>" + std::to_string(bytes.size()) +
                 "</Size><ETag>" + kEtag + "</ETag></Contents>";
    }
    return {.headers = {{"Content-Type", "application/xml"}},
            .body = "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>" +
                    std::string(is_cut ? "true" : "false") + "</IsTruncated>" +
                    (is_cut ? "<NextContinuationToken>" + last + "</NextContinuationToken>" : "") +
                    entries + "</ListBucketResult>"};
  }
};

class ManyTest : public testing::Test {
 protected:
  DownloadManyOptions all_below(const std::string& prefix) {
    return {.listed = ListedObjects{.list = {.bucket = "bucket", .prefix = prefix}},
            .target = IntoFolder{target_,
                                 [prefix](const ObjectAddress& object) {
                                   return object.key.substr(prefix.size());
                                 }},
            .on_end = [this](const ObjectEnd& end) {
              if (end.error) errors_.emplace(end.object.key, *end.error);
            }};
  }
  DownloadManyResult run(const DownloadManyOptions& options) {
    Client client({.endpoint = {.endpoint_url = server_.url()}, .seed = 1});
    return client.download_many(options);
  }
  /// Regular files below the target, by their names in it.
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(target_))
      if (entry.is_regular_file())
        found[fs::relative(entry.path(), target_).string()] = read_file(entry.path());
    return found;
  }

  const TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
  const fs::path target_ = folder_ / "target";
  Bucket bucket_;
  std::function<std::optional<ScriptedReply>(const ScriptedRequest&)> fault_;
  ScriptedServer server_{[this](const ScriptedRequest& request) {
    if (fault_)
      if (auto reply = fault_(request)) return *reply;
    return bucket_.answer(request);
  }};
  std::map<std::string, Error> errors_;
};

TEST_F(ManyTest, BringsAllThatAListingFindsPageAfterPage) {
  bucket_.page_size = 40;
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 250; ++i) {
    const std::string name = "d" + std::to_string(i % 7) + "/f " + std::to_string(i) + "+&%.bin";
    expected[name] = test_object(static_cast<std::size_t>(i * 37));
    bucket_.objects["pre/" + name] = expected[name];
  }
  bucket_.objects["other"] = "not asked for";
  const DownloadManyResult result = run(all_below("pre/"));
  EXPECT_EQ(files(), expected);
  EXPECT_EQ(result.counts.objects_done, 250);
  EXPECT_EQ(result.counts.objects_known, 250);
  EXPECT_EQ(result.counts.objects_failed, 0);
  EXPECT_EQ(result.counts.bytes_done, 37 * 250 * 249 / 2);
  EXPECT_LE(result.num_connections, 129);
}

TEST_F(ManyTest, ProgressCountsWhatHasComeOfALargeObject) {
  bucket_.objects["large"] = test_object(5'000'000);
  auto options = all_below("");
  std::vector<std::int64_t> seen;
  options.progress = [&](const ManyCounts& counts) { seen.push_back(counts.bytes_done); };
  options.progress_interval = Duration(0);
  const DownloadManyResult result = run(options);
  EXPECT_EQ(result.counts.bytes_done, 5'000'000);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_TRUE(std::any_of(seen.begin(), seen.end(),
                          [](std::int64_t bytes) { return 0 < bytes && bytes < 5'000'000; }));
}

TEST_F(ManyTest, LargeObjectsComeInPartsBesideSmallOnes) {
  for (int i = 0; i < 3; ++i)
    bucket_.objects["large" + std::to_string(i)] =
        test_object(5'000'000 + static_cast<std::size_t>(i));
  for (int i = 0; i < 30; ++i) bucket_.objects["s" + std::to_string(i)] = test_object(1000);
  DownloadManyOptions options = all_below("");
  options.config = {.max_concurrency = 4, .multipart_chunksize = 1'000'000};
  run(options);
  EXPECT_EQ(files(), bucket_.objects);
}

TEST_F(ManyTest, StaysWithinTheMemoryLimit) {
  for (int i = 0; i < 40; ++i) bucket_.objects["s" + std::to_string(i)] = test_object(500'000);
  DownloadManyOptions options = all_below("");
  options.config.memory_limit = 8 * kMiB;
  const DownloadManyResult result = run(options);
  EXPECT_EQ(files(), bucket_.objects);
  EXPECT_LE(result.peak_small_bytes, 4 * kMiB);
  EXPECT_GT(result.peak_small_bytes, 2 * kMiB);
}

TEST_F(ManyTest, OneThreadAndOneConnectionBringTheSame) {
  for (int i = 0; i < 20; ++i) bucket_.objects["s" + std::to_string(i)] = test_object(5000);
  bucket_.objects["large"] = test_object(5'000'000);
  DownloadManyOptions options = all_below("");
  options.config.use_threads = false;
  run(options);
  EXPECT_EQ(files(), bucket_.objects);
}

TEST_F(ManyTest, AListOfObjectsComesIntoMemoryWhateverTheirSize) {
  bucket_.objects = {{"a", "one"}, {"b", ""}, {"c", test_object(6'000'000)}};
  std::map<std::string, std::string> got;
  DownloadManyOptions options{
      .objects = {{"bucket", "a"}, {"bucket", "b"}, {"bucket", "c"}, {"bucket", "none"}},
      .target = EachInMemory{[&](const ObjectAddress& object, std::string_view bytes) {
        got[object.key] = bytes;
      }},
      .on_end = [this](const ObjectEnd& end) {
        if (end.error) errors_.emplace(end.object.key, *end.error);
      }};
  const DownloadManyResult result = run(options);
  EXPECT_EQ(got, bucket_.objects);
  EXPECT_EQ(result.counts.objects_failed, 1);
  ASSERT_EQ(errors_.count("none"), 1u);
  EXPECT_EQ(errors_.at("none").code(), ErrorCode::NotFound);
}

TEST_F(ManyTest, BrokenAnswersAreFetchedAgain) {
  for (int i = 0; i < 60; ++i) bucket_.objects["s" + std::to_string(i)] = test_object(20'000);
  fault_ = [](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    // The first hundred requests have one fault in four: the listing is among them.
    if (request.number > 100 || request.number % 4 != 0) return std::nullopt;
    if (request.number % 8 == 0) return s3_error(503, "SlowDown");
    return ScriptedReply{.body = "half", .missing_bytes = 100, .then = ScriptedReply::Then::Reset};
  };
  run(all_below(""));
  EXPECT_EQ(files(), bucket_.objects);
}

TEST_F(ManyTest, AStoreThatAsksForLessLosesNothing) {
  for (int i = 0; i < 200; ++i) bucket_.objects["s" + std::to_string(i)] = test_object(100);
  // The first refusals are more than there are retries for at 128 at a time.
  std::map<std::string, int> asked;
  fault_ = [&](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (!request.path.starts_with("/bucket/") || ++asked[request.path] > 1 || request.number > 110)
      return std::nullopt;
    return s3_error(503, "SlowDown");
  };
  const DownloadManyResult result = run(all_below(""));
  EXPECT_EQ(result.counts.objects_failed, 0);
  EXPECT_EQ(files(), bucket_.objects);
}

TEST(RequestWindow, DoublesUntilTheStoreHasEnoughAndThenGoesCarefully) {
  RequestWindow window(128);
  EXPECT_EQ(window.size(), 16);
  for (int i = 0; i < 16; ++i) window.succeeded();
  EXPECT_EQ(window.size(), 32);
  for (int i = 0; i < 1000; ++i) window.succeeded();
  EXPECT_EQ(window.size(), 128);
  window.throttled(std::chrono::seconds(1));
  window.throttled(std::chrono::seconds(1) + std::chrono::milliseconds(1));
  EXPECT_EQ(window.size(), 64);
  for (int i = 0; i < 66; ++i) window.succeeded();
  EXPECT_EQ(window.size(), 65);
  for (int i = 2; i < 20; ++i) window.throttled(std::chrono::seconds(i));
  EXPECT_EQ(window.size(), 1);
  EXPECT_EQ(RequestWindow(3).size(), 3);
}

TEST_F(ManyTest, BytesThatAreNotWhatWasStoredGetNoFile) {
  bucket_.objects = {{"good", "123456789"}, {"bad", "123456780"}};
  fault_ = [this](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (!request.path.starts_with("/bucket/")) return std::nullopt;
    ScriptedReply reply = bucket_.answer(request);
    reply.headers["x-amz-checksum-crc64nvme"] = "rosUhgp5mIg=";  // of "123456789"
    return reply;
  };
  const DownloadManyResult result = run(all_below(""));
  EXPECT_EQ(result.counts.objects_failed, 1);
  EXPECT_EQ(errors_.at("bad").code(), ErrorCode::Corrupted);
  EXPECT_EQ(files(), (std::map<std::string, std::string>{{"good", "123456789"}}));
}

TEST_F(ManyTest, WhatOneObjectLacksDoesNotStopTheOthers) {
  bucket_.objects = {{"a", "1"}, {"b", "2"}, {"c", "3"}};
  fault_ = [](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (!request.path.starts_with("/bucket/b")) return std::nullopt;
    return s3_error(403, "AccessDenied");
  };
  const DownloadManyResult result = run(all_below(""));
  EXPECT_EQ(result.counts.objects_done, 2);
  EXPECT_EQ(errors_.at("b").code(), ErrorCode::PermissionDenied);
  EXPECT_EQ(files().count("b"), 0u);
}

TEST_F(ManyTest, AListingThatFailsIsThrown) {
  fault_ = [](const ScriptedRequest&) { return s3_error(404, "NoSuchBucket"); };
  try {
    run(all_below(""));
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::NotFound);
    EXPECT_THAT(error.what(), HasSubstr("bucket"));
  }
}

TEST_F(ManyTest, AListingOfWhatWasNotAskedForIsRefused) {
  for (const std::string entry : {"<Contents><Key>other/x</Key><Size>1</Size></Contents>",
                                  "<Contents><Key>p</Key><Size>1</Size></Contents>",
                                  "<CommonPrefixes><Prefix>other/</Prefix></CommonPrefixes>"}) {
    fault_ = [&](const ScriptedRequest&) {
      return ScriptedReply{.body = "<ListBucketResult>" + entry + "</ListBucketResult>"};
    };
    try {
      run(all_below("p/"));
      ADD_FAILURE() << entry;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Corrupted) << entry;
    }
  }
}

TEST_F(ManyTest, AListingThatNeverEndsIsFoundOut) {
  for (const int circle : {1, 2, 7, 1'000'000}) {
    int pages = 0;
    fault_ = [&](const ScriptedRequest&) {
      const std::string entry =
          circle > 10 ? "" : "<Contents><Key>d/</Key><Size>0</Size></Contents>";
      return ScriptedReply{.body =
                               "<ListBucketResult><IsTruncated>true</IsTruncated>"
                               "<NextContinuationToken>" +
                               std::to_string(pages++ % circle) + "</NextContinuationToken>" +
                               entry + "</ListBucketResult>"};
    };
    EXPECT_THROW(run(all_below("")), Error) << circle;
    EXPECT_LE(pages, circle > 10 ? 1000 : 4 * circle) << circle;
  }
}

TEST_F(ManyTest, NamesThatNoFileCanHaveDoNotStopTheOthers) {
  const std::string longest(255, 'n');
  bucket_.objects = {{longest + "x", "1"},
                     {"a/" + longest + "x/b", "2"},
                     {"large/" + longest + "x", test_object(5'000'000)},
                     {"a/" + longest, "3"},
                     {"z", "4"}};
  const DownloadManyResult result = run(all_below(""));
  EXPECT_EQ(result.counts.objects_failed, 3);
  for (const auto& [key, error] : errors_)
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument) << key;
  EXPECT_EQ(files(), (std::map<std::string, std::string>{{"a/" + longest, "3"}, {"z", "4"}}));
}

TEST_F(ManyTest, WhatTheStoreSaysOfASmallObjectIsNotCutAtItsSize) {
  bucket_.objects = {{"a", "1"}};
  fault_ = [](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (!request.path.starts_with("/bucket/a")) return std::nullopt;
    return s3_error(403, "InvalidObjectState", "it is in the archive");
  };
  run(all_below(""));
  EXPECT_THAT(errors_.at("a").what(), HasSubstr("InvalidObjectState"));
}

TEST_F(ManyTest, NoKeyLeadsOutOfTheFolder) {
  const std::vector<std::string> hostile = {
      "../up", "a/../../up", "..", ".", "a/./b", "/etc/absolute", "a//b", std::string("nul\0x", 5)};
  for (const std::string& key : hostile) bucket_.objects["p/" + key] = "evil";
  bucket_.objects["p/back\\slash"] = "good";
  bucket_.objects["p/...three"] = "good";
  const DownloadManyResult result = run(all_below("p/"));
  EXPECT_EQ(files(),
            (std::map<std::string, std::string>{{"...three", "good"}, {"back\\slash", "good"}}));
  EXPECT_EQ(result.counts.objects_failed, static_cast<std::int64_t>(hostile.size()));
  for (const auto& [key, error] : errors_)
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument) << key;
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1) << "only the target is there";
}

TEST_F(ManyTest, NoLinkInTheTreeLeadsOutOfIt) {
  const fs::path outside = folder_ / "outside";
  fs::create_directory(outside);
  fs::create_directories(target_ / "inside");
  std::ofstream(outside / "file") << "untouched";
  fs::create_directory_symlink(outside, target_ / "absolute");
  fs::create_directory_symlink("../outside", target_ / "relative");
  fs::create_directory_symlink("inside", target_ / "within");
  fs::create_symlink(outside / "file", target_ / "link");
  bucket_.objects = {{"absolute/x", "evil"}, {"absolute/new/x", "evil"}, {"relative/x", "evil"},
                     {"link", "evil"},       {"within/x", "good"},       {"plain/x", "good"}};
  const DownloadManyResult result = run(all_below(""));
  EXPECT_EQ(result.counts.objects_failed, 4);
  EXPECT_EQ(std::distance(fs::directory_iterator(outside), {}), 1);
  EXPECT_EQ(read_file(outside / "file"), "untouched");
  EXPECT_EQ(read_file(target_ / "inside" / "x"), "good");
  EXPECT_EQ(read_file(target_ / "plain" / "x"), "good");
  EXPECT_EQ(errors_.at("absolute/x").code(), ErrorCode::PermissionDenied);
}

TEST_F(ManyTest, KeysThatEndWithASlashAreFolders) {
  bucket_.objects = {{"d/", ""}, {"d/e/", ""}, {"full/", "bytes"}, {"d/f", "1"}};
  const DownloadManyResult result = run(all_below(""));
  EXPECT_TRUE(fs::is_directory(target_ / "d" / "e"));
  EXPECT_EQ(files(), (std::map<std::string, std::string>{{"d/f", "1"}}));
  EXPECT_EQ(result.counts.objects_done, 3);
  EXPECT_EQ(errors_.at("full/").code(), ErrorCode::InvalidArgument);
}

TEST_F(ManyTest, TheObjectOfTheFolderItselfIsNoFailure) {
  bucket_.objects = {{"logs/", ""}, {"logs/a", "1"}};
  const DownloadManyResult result = run(all_below("logs/"));
  EXPECT_EQ(result.counts.objects_failed, 0);
  EXPECT_EQ(result.counts.objects_done, 2);
  EXPECT_EQ(files(), (std::map<std::string, std::string>{{"a", "1"}}));
}

TEST_F(ManyTest, FilesAreReplacedAndHaveTheModeOfAnyNewFile) {
  fs::create_directories(target_);
  std::ofstream(target_ / "a") << "old and longer";
  bucket_.objects = {{"a", "new"}};
  const ::mode_t mask = ::umask(027);
  run(all_below(""));
  ::umask(mask);
  EXPECT_EQ(files(), bucket_.objects);
  struct ::stat status {};
  ASSERT_EQ(::stat((target_ / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

/// Files and the names of all that was made, the folder itself included.
TEST_F(ManyTest, OnlyWithFsyncIsEverythingBroughtToTheDisk) {
  bucket_.objects = {{"a/b/small", "bytes"},
                     {"a/b/other", "more"},
                     {"top", ""},
                     {"c/large", test_object(5'000'000)},
                     {"d/", ""}};
  take_synced();
  run(all_below(""));
  EXPECT_EQ(take_synced().size(), 0u);
  fs::remove_all(target_);
  DownloadManyOptions options = all_below("");
  options.config.fsync = true;
  run(options);
  const std::vector<Synced> synced = take_synced();
  for (const char* name : {"..", "", "a", "a/b", "a/b/small", "a/b/other", "top", "c", "c/large"})
    EXPECT_TRUE(std::any_of(synced.begin(), synced.end(), [&](const Synced& one) {
      return is_file(one, target_ / name);
    })) << name;
}

TEST_F(ManyTest, AStopEndsItSoonAndLeavesWholeFilesOnly) {
  for (int i = 0; i < 500; ++i) bucket_.objects["s" + std::to_string(i)] = test_object(30'000);
  std::stop_source stop;
  DownloadManyOptions options = all_below("");
  options.config.max_concurrency = 4;
  options.stop = stop.get_token();
  int ended = 0;
  options.on_end = [&](const ObjectEnd&) {
    if (++ended == 20) stop.request_stop();
  };
  const Duration begin = system_clock().now();
  try {
    run(options);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Cancelled);
  }
  EXPECT_LT(to_seconds(system_clock().now() - begin), 5);
  const auto found = files();
  EXPECT_LT(found.size(), 500u);
  for (const auto& [name, bytes] : found) EXPECT_EQ(bytes, bucket_.objects[name]) << name;
}

TEST_F(ManyTest, OnlyWhatIsWantedIsFetched) {
  bucket_.objects = {{"a", "1"}, {"b", "2"}};
  DownloadManyOptions options = all_below("");
  options.listed->is_wanted = [](const ListedObject& object) { return object.key == "b"; };
  run(options);
  EXPECT_EQ(files(), (std::map<std::string, std::string>{{"b", "2"}}));
}

TEST(TargetTree, ANameThatIsNoPathBelowAFolderIsRefused) {
  for (const std::string_view name : {"", "/", "/a", "a/", "a//b", "./a", "a/..", ".."})
    EXPECT_THROW(check_relative_name(name), Error) << name;
  for (const std::string_view name : {"a", "a/b", "..a", "a..", "a\\..\\b", "-", "~"})
    EXPECT_NO_THROW(check_relative_name(name)) << name;
}

}  // namespace
}  // namespace skipjack::s3
