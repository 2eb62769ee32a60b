// Truth: the line that Syne Tune's Reporter printed, and for random streams a model that knows
// where it put the reports.
#include "skipjack/wire/report_decoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

std::vector<std::string> decode(std::string_view text) {
  ReportDecoder decoder;
  std::vector<std::string> reports;
  for (const Json& report : decoder.feed(text)) reports.push_back(to_json_text(report));
  return reports;
}
std::int64_t malformed(std::string_view text) {
  ReportDecoder decoder;
  decoder.feed(text);
  decoder.finish();
  return decoder.num_malformed();
}
using Strings = std::vector<std::string>;

TEST(ReportDecoder, FirstMalformedReportIsKeptInPart) {
  ReportDecoder decoder;
  decoder.feed("[tune-metric]: {\"loss\": .5}\n[tune-metric]: {\"loss\": ,}\n");
  EXPECT_EQ(decoder.num_malformed(), 2);
  EXPECT_EQ(decoder.first_malformed(), "{\"loss\": .5}");
  ReportDecoder other;
  other.feed("[tune-metric]: {" + std::string(1000, 'x') + "\n");
  EXPECT_EQ(other.first_malformed(), "{" + std::string(79, 'x'));
  EXPECT_EQ(ReportDecoder().first_malformed(), "");
}

TEST(ReportDecoder, ReadsLineOfSyneTunesReporter) {
  ReportDecoder decoder;
  const std::vector<Json> reports = decoder.feed(
      "[tune-metric]: {\"epoch\": 1, \"loss\": 0.5, \"st_worker_timestamp\": 1644311849.6071281, "
      "\"st_worker_time\": 0.0001048670000045604, \"st_worker_iter\": 0}\n");
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].at("epoch").as_int(), 1);
  EXPECT_EQ(reports[0].at("loss").as_double(), 0.5);
  EXPECT_EQ(reports[0].at("st_worker_timestamp").as_double(), 1644311849.6071281);
  EXPECT_EQ(reports[0].at("st_worker_time").as_double(), 0.0001048670000045604);
  EXPECT_EQ(reports[0].as_object().back().first, "st_worker_iter");
}

TEST(ReportDecoder, TakesNanAndInfinity) {
  ReportDecoder decoder;
  const auto reports =
      decoder.feed("[tune-metric]: {\"a\": NaN, \"b\": Infinity, \"c\": -Infinity}\n");
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_TRUE(std::isnan(reports[0].at("a").as_double()));
  EXPECT_EQ(reports[0].at("b").as_double(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(reports[0].at("c").as_double(), -std::numeric_limits<double>::infinity());
}

TEST(ReportDecoder, IgnoresTextAroundReport) {
  EXPECT_EQ(decode("INFO:root:[tune-metric]: {\"a\":1} done }\nepoch {1}\n[tune-metric] none\n"),
            Strings{"{\"a\":1}"});
  EXPECT_EQ(malformed("INFO:root:[tune-metric]: {\"a\":1} done }\nepoch {1}\n[tune-metric] none\n"),
            0);
}

TEST(ReportDecoder, TakesAllReportsOnALine) {
  EXPECT_EQ(decode("[tune-metric]: {\"a\":1}[tune-metric]: {\"a\":2} and "
                   "[tune-metric]:{\"a\":{\"b\":\"}\"}}\n"),
            (Strings{"{\"a\":1}", "{\"a\":2}", "{\"a\":{\"b\":\"}\"}}"}));
}

TEST(ReportDecoder, GivesReportAtItsClosingBrace) {
  ReportDecoder decoder;
  EXPECT_TRUE(decoder.feed("[tune-metric]: {\"a\": 1").empty());
  EXPECT_EQ(decoder.feed("}").size(), 1u);
}

TEST(ReportDecoder, WordsInsideAStringAreText) {
  EXPECT_EQ(decode("[tune-metric]: {\"note\":\"[tune-metric]: {\\\"a\\\":1}\",\"b\":2}\n").size(),
            1u);
}

TEST(ReportDecoder, DropsAndCountsWhatItCannotRead) {
  for (const char* bad : {
           "[tune-metric]: 0.5\n",                // no object
           "[tune-metric]: \n",                   // nothing
           "[tune-metric]: {\"a\": 1\n",          // cut off by the newline
           "[tune-metric]: {\"a\": }\n",          // no JSON
           "[tune-metric]: {'a': 1}\n",           // Python's, not JSON's quotes
           "[tune-metric]: {\"a\": \"\xff\"}\n",  // no UTF-8
           "[tune-metric]: {\"a\": 1",            // cut off by the end
           "[tune-metric]:",                      // nor even begun
       }) {
    EXPECT_EQ(malformed(bad), 1) << bad;
    EXPECT_EQ(decode(std::string(bad) + "\n[tune-metric]: {\"b\":2}\n"), Strings{"{\"b\":2}"})
        << bad;
  }
}

TEST(ReportDecoder, ReportCutOffByTheNextIsCounted) {
  const char* text = "[tune-metric]: {\"a\": 1[tune-metric]: {\"a\":2}\n";
  EXPECT_EQ(decode(text), Strings{"{\"a\":2}"});
  EXPECT_EQ(malformed(text), 1);
}

TEST(ReportDecoder, LongTextCostsNoMemoryAndHidesNothing) {
  ReportDecoder decoder;
  const std::string text(1 << 20, '[');
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(decoder.feed(text).empty());
  EXPECT_EQ(decoder.feed("[tune-metric]: {\"a\": 1}").size(), 1u);
  EXPECT_EQ(decoder.num_malformed(), 0);
}

TEST(ReportDecoder, DropsReportsBeyondTheLimit) {
  ReportDecoder decoder({.max_report_bytes = 10});
  EXPECT_EQ(decoder.feed("[tune-metric]: {\"a\":1234}\n").size(), 1u);
  EXPECT_EQ(decoder.feed("[tune-metric]: {\"a\":12345}\n").size(), 0u);
  EXPECT_EQ(decoder.num_malformed(), 1);
  EXPECT_EQ(decoder.feed("[tune-metric]: {\"a\":1234}\n").size(), 1u);
  EXPECT_THROW(ReportDecoder({.max_report_bytes = 1}), Error);
}

TEST(ReportDecoder, ZeroBytesAndCarriageReturnsDoNoHarm) {
  EXPECT_EQ(decode(std::string(3, '\0') + "\r 10%\r 20%\r[tune-metric]: {\"a\":1}\r\n"),
            Strings{"{\"a\":1}"});
}

// A stream put together from pieces whose meaning is known, cut at random places.
TEST(ReportDecoder, ChunksGiveWhatTheModelPutIn) {
  const std::uint64_t seed = 20261122;
  for (std::uint64_t round = 0; round < 300; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " round " + std::to_string(round));
    Rng rng(seed, "stream", round);
    std::string stream;
    std::vector<Json> expected;
    std::int64_t expected_malformed = 0;
    for (std::int64_t piece = rng.uniform_int(0, 40); piece > 0; --piece) {
      switch (rng.uniform_int(0, 5)) {
        case 0:
        case 1: {
          Json report(
              Json::Object{{"a", Json(rng.uniform())}, {"b", Json(rng.uniform_int(-9, 9))}});
          if (rng.bernoulli(0.5)) report.set("s", Json("}[tune-metric]: {\"\\"));
          if (rng.bernoulli(0.3))
            report.set("o", Json(Json::Object{{"x", Json(Json::Array{Json(1), Json(nullptr)})}}));
          stream += "[tune-metric]: " + to_json_text(report) + (rng.bernoulli(0.7) ? "\n" : "");
          expected.push_back(report);
          break;
        }
        case 2:
          stream += "[tune-metric]: {\"a\": 0.1\n";
          ++expected_malformed;
          break;
        case 3:
          for (std::int64_t n = rng.uniform_int(0, 30); n > 0; --n)
            stream += static_cast<char>(rng.uniform_int(0, 255));
          stream += '\n';
          break;
        case 4:
          stream += "[tune-me[tune-metric]\n";
          break;
        default:
          stream += "text {} \"";
      }
    }
    ReportDecoder decoder;
    std::vector<Json> got;
    for (std::size_t at = 0; at < stream.size();) {
      const auto size = static_cast<std::size_t>(rng.uniform_int(1, rng.bernoulli(0.5) ? 3 : 200));
      for (Json& report : decoder.feed(std::string_view(stream).substr(at, size)))
        got.push_back(std::move(report));
      at += size;
    }
    decoder.finish();
    EXPECT_EQ(got, expected);
    EXPECT_EQ(decoder.num_malformed(), expected_malformed);
  }
}

}  // namespace
}  // namespace skipjack
