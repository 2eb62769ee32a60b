// What every Backend promises, whatever runs the attempts. An implementation's test names
// a backend whose programs behave in the ways named, and instantiates BackendConformance with it;
// the promises themselves are in conformance.cc.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "skipjack/backend/backend.h"
#include "skipjack/base/clock.h"

namespace skipjack {

/// The configuration's member "do" chooses; "reports" is how many reports precede, numbered by the
/// metric "i".
///   "return": ends well;  "fail": fails;  "hang": goes on until it is ended, and ends soon then.
struct BackendUnderTest {
  std::string name;
  std::function<std::shared_ptr<Backend>(int capacity)> make;
  /// Of its waits.
  const Clock* clock = &system_clock();
  /// Of ManyShortAttempts; fewer where each takes a second.
  int num_short_attempts = 200;
};

inline Configuration behaviour(const char* what, int reports) {
  return Json(Json::Object{{"do", Json(what)}, {"reports", Json(reports)}});
}

inline StartRequest request(TrialId trial, Configuration configuration, int attempt = 0) {
  StartRequest request;
  request.id = {trial, attempt};
  request.configuration = std::move(configuration);
  return request;
}

/// What was heard of each attempt; fails the test when events come in an order that is not allowed.
class Listener {
 public:
  explicit Listener(Backend& backend) : backend_(backend) {}

  /// Listens until done() or for 20 s; false then.
  bool until(const std::function<bool()>& done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
      if (std::chrono::steady_clock::now() > limit) return false;
      for (const BackendEvent& event : backend_.wait(std::chrono::seconds(1))) take(event);
    }
    return true;
  }
  bool until_finished(std::size_t count) {
    return until([&] { return ends.size() >= count; });
  }
  bool until_reports(std::size_t count) {
    return until([&] { return num_reports >= count; });
  }

  std::map<AttemptId, std::vector<Json>> reports;
  std::map<AttemptId, AttemptEnd> ends;
  std::size_t num_reports = 0;

 private:
  void take(const BackendEvent& event) {
    if (const auto* report = std::get_if<AttemptReport>(&event)) {
      EXPECT_FALSE(ends.contains(report->id)) << "a report after the end";
      reports[report->id].push_back(report->metrics);
      ++num_reports;
    } else {
      const auto& finished = std::get<AttemptFinished>(event);
      EXPECT_TRUE(ends.emplace(finished.id, finished.end).second) << "two ends of one attempt";
    }
  }
  Backend& backend_;
};

class BackendConformance : public ::testing::TestWithParam<BackendUnderTest> {
 protected:
  std::shared_ptr<Backend> make(int capacity = 1) { return GetParam().make(capacity); }
};

}  // namespace skipjack
