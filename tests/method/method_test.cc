#include "skipjack/method/method.h"

#include <gtest/gtest.h>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

SearchSpace space() {
  return SearchSpace({{"a", rand_int(0, 9)}, {"b", uniform(0, 1)}, {"epochs", Json(9)}});
}

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

/// What a row can't do without, beside options.
MethodOptions least_for(const MethodRow& row) {
  MethodOptions options{.space = space(), .metrics = {{.name = "loss"}}};
  if (row.needs_time) options.metrics.front().kind = MetricKind::Time;
  if (row.objectives == Objectives::Several) options.metrics.push_back({.name = "seconds"});
  if (row.needs_sources)
    options.sources = {{.name = "elsewhere", .observations = {{space().midpoint(), 1.0}}}};
  return options;
}

TEST(Method, EveryNameAndAliasStartsATrial) {
  for (const MethodRow& row : methods()) {
    std::vector<std::string_view> names = row.aliases;
    names.push_back(row.name);
    EXPECT_FALSE(row.description.empty());
    for (const std::string_view name : names) {
      const auto scheduler = make_scheduler(name, least_for(row));
      EXPECT_TRUE(space().contains(first_start(*scheduler))) << name;
    }
  }
}

TEST(Method, EveryOptionIsExplainedAndTakesItsDefault) {
  for (const MethodRow& row : methods()) {
    MethodOptions options = least_for(row);
    Json::Object defaults;
    for (const MethodOption& option : row.options) {
      EXPECT_FALSE(option.description.empty()) << row.name << " " << option.key;
      if (!option.default_value.is_null())
        defaults.emplace_back(std::string(option.key), option.default_value);
    }
    options.options = std::move(defaults);
    EXPECT_EQ(message_of(row.name, options), "") << row.name;
  }
}

TEST(Method, ResourceIsThatOfMethodsThatLookAtReportsOnTheWay) {
  for (const MethodRow& row : methods())
    EXPECT_EQ(resource_attr_of(row.name, {}), row.multi_fidelity && !row.needs_time ? "epoch" : "")
        << row.name;
  EXPECT_EQ(resource_attr_of("ASHA", Json::Object{{"resource_attr", "step"}}), "step");
  EXPECT_EQ(resource_attr_of("bayesopt", Json::Object{{"resource_attr", "step"}}), "");
  EXPECT_EQ(resource_attr_of("one of my own", {}), "");
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
                                       {"cqr", "num_init_random_draws"},
                                       {"sync_hyperband", "brackets"},
                                       {"sync_bohb", "random_fraction"},
                                       {"dehb", "mutation_factor"},
                                       {"pbt", "population_size"},
                                       {"pbt", "resample_probability"}})
    EXPECT_NE(message(method, Json::Object{{option, "abc"}}).find(option), std::string::npos);
  EXPECT_NE(message("grid", 3).find("method_options = 3"), std::string::npos);
}

TEST(Method, PopulationOfOneIsRefusedAndSaysWhy) {
  const std::string message = message_of("pbt", {.space = space(),
                                                 .metrics = {{.name = "loss"}},
                                                 .options = Json::Object{{"population_size", 1}}});
  EXPECT_NE(message.find("a population of one has nobody to learn from"), std::string::npos);
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
    const std::string kept =
        message({{.name = "x"}, {.name = "y", .role = MetricRole::Constraint}});
    if (std::string_view(method) == "bayesopt")
      EXPECT_EQ(kept, "");
    else
      EXPECT_NE(kept.find("can't keep a measured constraint ('y')"), std::string::npos) << method;
  }
}

TEST(Method, CapsNothingWhereThereAreConstraintsOrSeveralObjectives) {
  const Metric seconds{.name = "seconds", .kind = MetricKind::Time};
  const Metric memory{.name = "memory", .role = MetricRole::Constraint};
  const auto is_capped = [&](std::vector<Metric> metrics) {
    const auto scheduler =
        make_scheduler("random", {.space = space(), .metrics = std::move(metrics)});
    // One that is capped gives the second trial a deadline once the first has a time.
    History history;
    auto apply = [&, number = std::int64_t{0}](EventBody body) mutable {
      const Event event{
          .number = number, .time = std::chrono::seconds(number), .body = std::move(body)};
      ++number;
      history.apply(event);
      scheduler->apply(event, history);
    };
    apply(TrialStarted{.trial = 0, .configuration = first_start(*scheduler)});
    apply(Reported{{0, 0}, Json::Object{{"seconds", 1.0}, {"memory", -1.0}, {"loss", 1.0}}});
    apply(AttemptEnded{{0, 0}, {.outcome = Outcome::Completed}});
    const auto commands =
        scheduler->decide({.history = history, .now = std::chrono::seconds(3), .free_workers = 1});
    return std::get<Start>(commands.at(0)).deadline.has_value();
  };
  EXPECT_TRUE(is_capped({seconds}));
  EXPECT_FALSE(is_capped({seconds, memory}));
  EXPECT_FALSE(is_capped({seconds, {.name = "loss"}}));
  for (const auto& metrics :
       std::vector<std::vector<Metric>>{{seconds, memory}, {seconds, {.name = "loss"}}})
    for (const Json& cap : {Json(true), Json(1.5)}) {
      const MethodOptions options{
          .space = space(), .metrics = metrics, .options = Json::Object{{"cap", cap}}};
      EXPECT_NE(message_of("random", options).find("'cap'"), std::string::npos);
    }
  EXPECT_EQ(message_of("random", {.space = space(),
                                  .metrics = {seconds, memory},
                                  .options = Json::Object{{"cap", false}}}),
            "");
}

TEST(Method, MethodsOnTreesWantOneObjectiveToo) {
  for (const std::string method : {"bore", "cqr"})
    EXPECT_NE(message_of(method, {.space = space()}).find("'" + method + "' needs exactly one"),
              std::string::npos);
}

TEST(Method, MethodsForSeveralObjectivesWantTwoAndKeepConstraints) {
  for (const MethodRow& row : methods()) {
    if (row.objectives != Objectives::Several) continue;
    const auto message = [&](std::vector<Metric> metrics) {
      return message_of(row.name, {.space = space(), .metrics = std::move(metrics)});
    };
    EXPECT_NE(message({{.name = "x"}}).find("needs at least two objectives, got 1"),
              std::string::npos);
    const std::string kept = message({{.name = "x"},
                                      {.name = "y", .mode = Mode::Max},
                                      {.name = "z", .role = MetricRole::Constraint}});
    if (row.multi_fidelity)
      EXPECT_NE(kept.find("can't keep a measured constraint ('z')"), std::string::npos);
    else
      EXPECT_EQ(kept, "") << row.name;
  }
}

TEST(Method, WeightsNameObjectives) {
  const auto message = [](Json weights) {
    return message_of("linear_scalarization", {.space = space(),
                                               .metrics = {{.name = "x"}, {.name = "y"}},
                                               .options = Json::Object{{"weights", weights}}});
  };
  EXPECT_EQ(message(Json::Object{{"x", 1}, {"y", 0.5}}), "");
  EXPECT_EQ(message(Json::Object{{"y", 0.5}}), "");
  EXPECT_NE(message(Json::Object{{"z", 1}}).find("no objective 'z'"), std::string::npos);
  EXPECT_NE(message(Json::Object{{"x", -1}}).find(">= 0"), std::string::npos);
  EXPECT_NE(message(Json::Object{{"x", 0}}).find("not all 0"), std::string::npos);
  EXPECT_NE(message(3).find("weights"), std::string::npos);
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
    MethodOptions options = least_for(row);
    options.sources = {source};
    const std::string message = message_of(row.name, options);
    const bool is_refused = message.find("methods that can: bayesopt") != std::string::npos;
    EXPECT_EQ(is_refused, !row.transfers) << row.name << ": " << message;
  }
}

TEST(Method, ThoseThatGoBySourcesAloneWantSome) {
  for (const MethodRow& row : methods()) {
    MethodOptions options = least_for(row);
    options.sources.clear();
    const bool is_refused = message_of(row.name, options).find("got none") != std::string::npos;
    EXPECT_EQ(is_refused, row.needs_sources) << row.name;
    if (!row.needs_sources) continue;
    EXPECT_TRUE(row.transfers) << row.name;
    options.sources = {{.name = "foreign", .observations = {{Json::Object{{"other", 1}}, 1.0}}}};
    EXPECT_NE(message_of(row.name, options).find("that this space can have"), std::string::npos);
  }
}

TEST(Method, TimesAreDeclaredWhereTheyAreNeeded) {
  for (const MethodRow& row : methods()) {
    if (!row.needs_time) continue;
    for (const Metric& metric : {Metric{.name = "loss"}, Metric{.name = "loss", .mode = Mode::Max}})
      EXPECT_NE(message_of(row.name, {.space = space(), .metrics = {metric}})
                    .find("declare it as a time"),
                std::string::npos)
          << row.name;
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
