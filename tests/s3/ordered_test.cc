// Downloads in order, to consumers that take nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "scripted_server.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/ordered_sink.h"

namespace skipjack::s3 {
namespace {

const std::string kEtag = "\"5d41402abc4b2a76b9719d911017c592\"";

TEST(OrderedSink, GivesEveryByteOnceAndInOrderWhateverComesFirst) {
  const std::string object = test_object(100'000);
  const auto bytes = std::as_bytes(std::span(object));
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Rng rng(seed, "ordered");
    std::string out;
    const auto sink = make_ordered_sink(
        {.consume =
             [&](std::span<const std::byte> piece) {
               out.append(reinterpret_cast<const char*>(piece.data()), piece.size());
             },
         .window = 100'000});
    sink->open(100'000);
    std::vector<std::size_t> pieces(100);
    std::iota(pieces.begin(), pieces.end(), std::size_t{0});
    for (std::size_t i = pieces.size() - 1; i > 0; --i)
      std::swap(pieces[i], pieces[static_cast<std::size_t>(rng.uniform() * (i + 1.0))]);
    for (const std::size_t piece : pieces) {
      sink->write(static_cast<std::int64_t>(piece * 1000), bytes.subspan(piece * 1000, 1000));
      EXPECT_EQ(sink->room().next, static_cast<std::int64_t>(out.size()));
    }
    sink->finish();
    EXPECT_EQ(out, object) << "seed " << seed;
  }
}

TEST(OrderedSink, BytesThatBeginAgainAreGivenOnce) {
  std::string out;
  const auto sink = make_ordered_sink({.consume =
                                           [&](std::span<const std::byte> piece) {
                                             out.append(reinterpret_cast<const char*>(piece.data()),
                                                        piece.size());
                                           },
                                       .window = 10});
  sink->open(8);
  const std::string object = "abcdefgh";
  const auto bytes = std::as_bytes(std::span(object));
  sink->write(0, bytes.first(3));
  sink->write(0, bytes.first(5));
  sink->write(5, bytes.subspan(5));
  sink->finish();
  EXPECT_EQ(out, object);
}

/// Collects what a download gives, and how far it was ahead of what the server had sent last.
class OrderedDownload : public testing::Test {
 protected:
  DownloadOptions options(TransferConfig config) {
    return {.object = {"bucket", "some/key"},
            .target = ToConsumer{[this](std::span<const std::byte> piece) {
              out_.append(reinterpret_cast<const char*>(piece.data()), piece.size());
            }},
            .config = config};
  }
  std::string out_;
};

TEST_F(OrderedDownload, PartsOverManyConnectionsComeInOrder) {
  const std::string object = test_object(3'000'001);
  const ScriptedServer server([&](const ScriptedRequest& r) {
    ScriptedReply reply = serve_object(r, object, kEtag);
    // Every third part is slow, so that others overtake it.
    if (r.number % 3 == 1) reply.pause = std::chrono::milliseconds(2);
    return reply;
  });
  for (const bool use_threads : {true, false}) {
    out_.clear();
    Client client({.endpoint = {.endpoint_url = server.url()}, .seed = 1});
    const DownloadResult result = client.download(options({.max_concurrency = 6,
                                                           .multipart_chunksize = 100'000,
                                                           .io_chunksize = 30'000,
                                                           .use_threads = use_threads}));
    EXPECT_EQ(out_, object);
    EXPECT_EQ(result.bytes, 3'000'001);
  }
}

TEST_F(OrderedDownload, HoldsBackNoMoreThanTheMemoryLimitAllows) {
  const std::string object = test_object(4'000'000);
  std::atomic<std::int64_t> furthest{0};
  const ScriptedServer server([&](const ScriptedRequest& r) {
    const std::string range = r.header("range");
    if (range.empty()) return serve_object(r, object, kEtag);
    const auto end = std::stoll(range.substr(range.find('-') + 1)) + 1;
    furthest = std::max<std::int64_t>(furthest, end);
    return serve_object(r, object, kEtag);
  });
  Client client({.endpoint = {.endpoint_url = server.url()}, .seed = 1});
  DownloadOptions download =
      options({.max_concurrency = 8, .multipart_chunksize = 128 * kKiB, .memory_limit = 2 * kMiB});
  std::int64_t most_ahead = 0;
  download.target = ToConsumer{[&](std::span<const std::byte> piece) {
    most_ahead = std::max(most_ahead, furthest.load() - static_cast<std::int64_t>(out_.size()));
    out_.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  }};
  const DownloadResult result = client.download(download);
  EXPECT_EQ(out_, object);
  EXPECT_EQ(result.config.memory_limit, 2 * kMiB);
  // What is asked for begins within half of the limit of what was given; one piece is on its way.
  EXPECT_LE(most_ahead, kMiB + result.config.io_chunksize);
}

TEST_F(OrderedDownload, AnErrorOfTheConsumerEndsTheDownload) {
  const std::string object = test_object(1'000'000);
  const ScriptedServer server(
      [&](const ScriptedRequest& r) { return serve_object(r, object, kEtag); });
  Client client({.endpoint = {.endpoint_url = server.url()}, .seed = 1});
  DownloadOptions download = options({.multipart_chunksize = 100'000});
  download.target = ToConsumer{
      [](std::span<const std::byte>) { throw Error(ErrorCode::Io, "the reader has gone"); }};
  try {
    client.download(download);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Io);
    EXPECT_STREQ(error.what(), "the reader has gone");
  }
}

TEST_F(OrderedDownload, AnEmptyObjectGivesNothing) {
  const ScriptedServer server([&](const ScriptedRequest& r) { return serve_object(r, "", kEtag); });
  Client client({.endpoint = {.endpoint_url = server.url()}, .seed = 1});
  EXPECT_EQ(client.download(options({})).bytes, 0);
  EXPECT_EQ(out_, "");
}

TEST_F(OrderedDownload, ABodyThatBreaksWithoutRangesBeginsAgainUnseen) {
  const std::string object = test_object(500'000);
  const ScriptedServer server([&](const ScriptedRequest& r) {
    ScriptedReply reply{.headers = {{"ETag", kEtag}}, .body = object};
    if (r.number == 0) {
      reply.body.resize(200'000);
      reply.missing_bytes = 300'000;
      reply.then = ScriptedReply::Then::Close;
    }
    return reply;
  });
  Client client({.endpoint = {.endpoint_url = server.url()}, .seed = 1});
  client.download(options({.io_chunksize = 30'000}));
  EXPECT_EQ(out_, object);
}

}  // namespace
}  // namespace skipjack::s3
