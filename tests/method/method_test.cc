#include "skipjack/method/method.h"

#include <gtest/gtest.h>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

SearchSpace space() { return SearchSpace({{"a", rand_int(0, 9)}, {"b", uniform(0, 1)}}); }

std::string message_of(std::string_view method, const MethodOptions& options) {
  try {
    make_scheduler(method, options);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    return std::string(error.what()) + " | " + error.try_this();
  }
  return "";
}

Configuration first_start(Scheduler& scheduler) {
  const History history;
  auto commands = scheduler.decide({.history = history, .free_workers = 1});
  return std::get<Start>(commands.at(0)).configuration;
}

TEST(Method, EveryNameAndAliasStartsATrial) {
  for (const MethodRow& row : methods()) {
    std::vector<std::string_view> names = row.aliases;
    names.push_back(row.name);
    EXPECT_FALSE(row.description.empty());
    for (const std::string_view name : names) {
      const auto scheduler =
          make_scheduler(name, {.space = space(), .metrics = {{.name = "loss"}}});
      EXPECT_TRUE(space().contains(first_start(*scheduler))) << name;
    }
  }
}

TEST(Method, UnknownNameListsTheNames) {
  const std::string message =
      message_of("magic", {.space = space(), .metrics = {{.name = "loss"}}});
  EXPECT_NE(message.find("magic"), std::string::npos);
  for (const MethodRow& row : methods()) EXPECT_NE(message.find(row.name), std::string::npos);
}

TEST(Method, UnknownOptionListsTheOptions) {
  Json options;
  options.set("num_sample", 3);
  const std::string message =
      message_of("grid", {.space = space(), .metrics = {{.name = "loss"}}, .options = options});
  EXPECT_NE(message.find("num_sample"), std::string::npos);
  EXPECT_NE(message.find("shuffle_config"), std::string::npos);
}

TEST(Method, OptionOfTheWrongTypeIsNamed) {
  const auto message = [](std::string_view method, Json options) {
    return message_of(
        method, {.space = space(), .metrics = {{.name = "loss"}}, .options = std::move(options)});
  };
  for (const auto& [method, option] : {std::pair{"grid", "num_samples"},
                                       {"grid", "shuffle_config"},
                                       {"random", "allow_duplicates"},
                                       {"bayesopt", "num_init_random"},
                                       {"tpe", "num_candidates"},
                                       {"cmaes", "initial_sigma"},
                                       {"cmaes", "population_size"},
                                       {"rea", "sample_size"},
                                       {"local_search", "patience"},
                                       {"latin_hypercube", "num_samples"},
                                       {"bore", "gamma"},
                                       {"bore", "classifier"},
                                       {"bore", "init_random"},
                                       {"cqr", "num_init_random_draws"}})
    EXPECT_NE(message(method, Json::Object{{option, "abc"}}).find(option), std::string::npos);
  EXPECT_NE(message("grid", 3).find("method_options = 3"), std::string::npos);
}

TEST(Method, PointsToEvaluateComeFirstCompletedAndOnce) {
  Json partial;
  partial.set("a", 7);
  const auto scheduler = make_scheduler(
      "random",
      {.space = space(), .metrics = {{.name = "loss"}}, .points_to_evaluate = {partial, partial}});
  const Configuration first = first_start(*scheduler);
  EXPECT_EQ(first.at("a"), Json(7));
  EXPECT_EQ(first.at("b"), Json(0.5));
  History history;
  const Event started{.number = 0, .body = TrialStarted{.trial = 0, .configuration = first}};
  history.apply(started);
  scheduler->apply(started, history);
  auto commands = scheduler->decide({.history = history, .free_workers = 1});
  EXPECT_NE(std::get<Start>(commands.at(0)).configuration, first);
}

TEST(Method, PointOutsideTheSpaceIsRefused) {
  Json point;
  point.set("a", 99);
  EXPECT_NE(message_of("random", {.space = space(), .points_to_evaluate = {point}}), "");
}

TEST(Method, MethodsThatLearnWantOneObjective) {
  for (const char* method : {"bayesopt", "tpe", "cmaes", "rea", "local_search"}) {
    const auto message = [&](std::vector<Metric> metrics) {
      return message_of(method, {.space = space(), .metrics = std::move(metrics)});
    };
    EXPECT_NE(message({}).find("objective"), std::string::npos) << method;
    EXPECT_NE(message({}).find(method), std::string::npos);
    EXPECT_NE(message({{.name = "x"}, {.name = "y"}}), "") << method;
    EXPECT_NE(message({{.name = "x"}, {.name = "y", .role = MetricRole::Constraint}}), "")
        << method;
  }
}

TEST(Method, MethodsOnTreesWantOneObjectiveToo) {
  for (const std::string method : {"bore", "cqr"})
    EXPECT_NE(message_of(method, {.space = space()}).find("'" + method + "' needs exactly one"),
              std::string::npos);
}

TEST(Method, BoreKnowsItsClassifiersByOurNamesAndSyneTunes) {
  const auto message = [](const char* classifier) {
    return message_of("bore", {.space = space(),
                               .metrics = {{.name = "loss"}},
                               .options = Json::Object{{"classifier", classifier}}});
  };
  for (const char* known : {"boosting", "forest", "gp", "xgboost", "rf"})
    EXPECT_EQ(message(known), "") << known;
  EXPECT_NE(message("mlp").find("one of: boosting, forest, gp"), std::string::npos);
}

TEST(Method, OnlyThoseThatTransferTakeSources) {
  const SourceExperiment source{.name = "elsewhere", .observations = {}};
  for (const MethodRow& row : methods()) {
    const std::string message =
        message_of(std::string(row.name),
                   {.space = space(), .metrics = {{.name = "loss"}}, .sources = {source}});
    const bool is_refused = message.find("methods that can: bayesopt") != std::string::npos;
    EXPECT_EQ(is_refused, !row.transfers) << row.name << ": " << message;
  }
}

TEST(Method, OptionsReachTheSearcher) {
  Json options, samples;
  samples.set("a", 1);
  samples.set("b", 1);
  options.set("num_samples", samples);
  const auto scheduler =
      make_scheduler("grid", {.space = space(), .metrics = {{.name = "loss"}}, .options = options});
  EXPECT_EQ(first_start(*scheduler).at("b"), Json(0.5));
}

}  // namespace
}  // namespace skipjack
