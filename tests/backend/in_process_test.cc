#include "skipjack/backend/in_process.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <stdexcept>

#include "backend/conformance.h"
#include "skipjack/base/error.h"

namespace skipjack {
namespace {

void behave(const Configuration& configuration, Reporter& reporter) {
  for (int i = 0; i < configuration.at("reports").as_int(); ++i)
    reporter.report(Json(Json::Object{{"i", Json(i)}}));
  const std::string& what = configuration.at("do").as_string();
  if (what == "fail") throw std::runtime_error("as it was told");
  if (what != "hang") return;
  std::mutex mutex;
  std::condition_variable_any condition;
  std::unique_lock lock(mutex);
  condition.wait(lock, reporter.stop_token(), [] { return false; });
}

INSTANTIATE_TEST_SUITE_P(InProcess, BackendConformance,
                         ::testing::Values(BackendUnderTest{"InProcess",
                                                            [](int capacity) {
                                                              return make_in_process_backend(
                                                                  {.function = behave,
                                                                   .capacity = capacity});
                                                            }}),
                         [](const auto& test) { return test.param.name; });

TEST(InProcess, ExceptionsTextIsTheReason) {
  const auto backend = make_in_process_backend({.function = behave});
  Listener listener(*backend);
  backend->start(request(0, behaviour("fail", 0)));
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.ends.at({0, 0}).reason, "as it was told");
}

TEST(InProcess, AddsWorkerKeysBehindTheMetrics) {
  ManualClock clock(1000.0);
  const auto backend = make_in_process_backend({.function = behave, .clock = &clock});
  Listener listener(*backend);
  backend->start(request(0, behaviour("return", 2)));
  ASSERT_TRUE(listener.until_finished(1));
  const Json::Object& metrics = listener.reports.at({0, 0}).at(1).as_object();
  ASSERT_EQ(metrics.size(), 4u);
  EXPECT_EQ(metrics[0].first, "i");
  EXPECT_EQ(metrics[1], (std::pair<std::string, Json>("st_worker_timestamp", Json(1000.0))));
  EXPECT_EQ(metrics[2].first, "st_worker_time");
  EXPECT_EQ(metrics[3], (std::pair<std::string, Json>("st_worker_iter", Json(1))));
}

TEST(InProcess, ReservedAndShapelessMetricsAreRefused) {
  for (const Json& metrics : {Json(Json::Object{{"st_x", Json(1)}}), Json(0.5)}) {
    const auto backend = make_in_process_backend(
        {.function = [&](const Configuration&, Reporter& reporter) { reporter.report(metrics); }});
    Listener listener(*backend);
    backend->start(request(0, Json(Json::Object{})));
    ASSERT_TRUE(listener.until_finished(1));
    EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Failed);
  }
}

TEST(InProcess, FunctionMayReportWhileItIsStopped) {
  const auto backend = make_in_process_backend(
      {.function = [](const Configuration& configuration, Reporter& reporter) {
        const std::stop_callback callback(reporter.stop_token(), [&] {
          reporter.report(Json(Json::Object{{"last", Json(1)}}));
        });
        behave(configuration, reporter);
      }});
  Listener listener(*backend);
  backend->start(request(0, behaviour("hang", 1)));
  ASSERT_TRUE(listener.until_reports(1));
  backend->end({0, 0}, EndAs::Paused);
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.num_reports, 2u);
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Paused);
}

TEST(InProcess, OptionsOutOfRangeAreRefused) {
  EXPECT_THROW(make_in_process_backend({}), Error);
  EXPECT_THROW(make_in_process_backend({.function = behave, .capacity = 0}), Error);
}

}  // namespace
}  // namespace skipjack
