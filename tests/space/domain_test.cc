// Domains: semantics against Syne Tune's documented forms and closed formulas, and properties over
// random domains (the seed is printed with every failure).
#include "skipjack/space/domain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "../thrown.h"
#include "random_domain.h"
#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using testing::HasSubstr;

/// Share of each value of a small domain among num_draws draws.
std::vector<double> shares(const Domain& domain, int num_draws) {
  std::vector<double> counts(static_cast<std::size_t>(*cardinality(domain)));
  Rng rng(7);
  for (int i = 0; i < num_draws; ++i) {
    const Json value = sample(domain, rng);
    for (std::size_t k = 0; k < counts.size(); ++k)
      if (value_at(domain, static_cast<std::int64_t>(k)) == value) counts[k] += 1.0 / num_draws;
  }
  return counts;
}

TEST(Domain, MidpointsOfTheAwsSampleAreThoseOfSyneTune) {
  EXPECT_EQ(midpoint(rand_int(10, 1000)), Json(505));
  EXPECT_EQ(midpoint(log_rand_int(100, 100000)), Json(3162));
  EXPECT_EQ(midpoint(log_rand_int(1000, 1000000000)), Json(1000000));
  EXPECT_EQ(midpoint(log_rand_int(1000000, 10000000000)), Json(100000000));
}

TEST(Domain, MidpointIsFirstCategoryAndMiddleOrdinal) {
  EXPECT_EQ(midpoint(choice({"b", "a", "c"})), Json("b"));
  EXPECT_EQ(midpoint(ordinal({1, 2, 8, 16, 17})), Json(8));
  EXPECT_EQ(midpoint(fin_range(0, 1, 5)), Json(0.5));
  EXPECT_NEAR(midpoint(log_uniform(1e-6, 1)).as_double(), 1e-3, 1e-15);
  EXPECT_NEAR(midpoint(reverse_log_uniform(0.9, 0.999)).as_double(), 0.99, 1e-12);
}

// Exact: round(exp(U)) is k while U lies between ln(k - 1/2) and ln(k + 1/2).
TEST(Domain, LogIntegerIsRoundedExponentialOfUniform) {
  const double width = std::log(4.0);
  const std::vector<double> expected = {std::log(1.5) / width, std::log(2.5 / 1.5) / width,
                                        std::log(3.5 / 2.5) / width, std::log(4 / 3.5) / width};
  const std::vector<double> drawn = shares(log_rand_int(1, 4), 200000);
  for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(drawn[k], expected[k], 0.006) << k;
}

TEST(Domain, IntegerBoundsAreBothDrawnAsOftenAsTheRest) {
  for (const double share : shares(rand_int(-2, 2), 200000)) EXPECT_NEAR(share, 0.2, 0.006);
}

// Nearest neighbours of U[c0 - gap/2, cN + gap/2] with mean gap (10 - 1) / 2 = 4.5: the interval
// [-1.25, 12.25] is cut at 1.5 and 6.
TEST(Domain, OrdinalByDistanceDrawsInProportionToItsCells) {
  const std::vector<double> drawn = shares(ordinal({1, 2, 10}), 200000);
  EXPECT_NEAR(drawn[0], 2.75 / 13.5, 0.006);
  EXPECT_NEAR(drawn[1], 4.5 / 13.5, 0.006);
  EXPECT_NEAR(drawn[2], 6.25 / 13.5, 0.006);
}

TEST(Domain, QuantisedEndsGetHalfACell) {
  const std::vector<double> drawn = shares(quantized(uniform(0, 1), 0.25), 200000);
  EXPECT_NEAR(drawn[0], 0.125, 0.005);
  EXPECT_NEAR(drawn[2], 0.25, 0.006);
  EXPECT_NEAR(drawn[4], 0.125, 0.005);
}

TEST(Domain, LogUniformIsUniformInTheLogarithm) {
  Rng rng(3);
  int below = 0;
  for (int i = 0; i < 100000; ++i) below += sample(log_uniform(1e-4, 1), rng).as_double() < 1e-3;
  EXPECT_NEAR(below / 1e5, 0.25, 0.007);
}

TEST(Domain, ReverseLogUniformIsUniformInTheLogarithmOfTheComplement) {
  Rng rng(3);
  int below = 0;
  const Domain domain = reverse_log_uniform(0.9, 0.9999);
  for (int i = 0; i < 100000; ++i) below += sample(domain, rng).as_double() < 0.99;
  EXPECT_NEAR(below / 1e5, 1.0 / 3, 0.007);
}

TEST(Domain, FiniteRangeHasBothEndsAndEqualSteps) {
  const Domain linear = fin_range(0, 1, 5);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(value_at(linear, i), Json(0.25 * i));
  const Domain logarithmic = log_fin_range(1, 1000, 4, ValueType::Integer);
  EXPECT_EQ(value_at(logarithmic, 0), Json(1));
  EXPECT_EQ(value_at(logarithmic, 1), Json(10));
  EXPECT_EQ(value_at(logarithmic, 2), Json(100));
  EXPECT_EQ(value_at(logarithmic, 3), Json(1000));
}

TEST(Domain, OrdinalKindIsGuessedFromTheValues) {
  EXPECT_EQ(ordinal({1, 2, 4}), ordinal({1, 2, 4}, OrdinalKind::NearestNeighbor));
  EXPECT_EQ(ordinal({4, 2}), ordinal({4, 2}, OrdinalKind::Equal));
  EXPECT_EQ(ordinal({"s", "m", "l"}), ordinal({"s", "m", "l"}, OrdinalKind::Equal));
  EXPECT_EQ(ordinal({3}), ordinal({3}, OrdinalKind::Equal));
}

TEST(Domain, IntegerEndsHaveWholeCellsOnTheUnitInterval) {
  const Domain domain = log_rand_int(1, 4);
  const double start = std::log(0.5), width = std::log(4.5) - start;
  EXPECT_EQ(from_unit(domain, (std::log(1.5) - start) / width - 1e-9), Json(1));
  EXPECT_EQ(from_unit(domain, (std::log(1.5) - start) / width + 1e-9), Json(2));
  EXPECT_DOUBLE_EQ(to_unit(rand_int(1, 4), Json(1)), 0.125);
}

TEST(Domain, CategoriesAreIndexCells) {
  const Domain domain = choice({"a", "b", "c", "d"});
  EXPECT_DOUBLE_EQ(to_unit(domain, Json("b")), 0.375);
  EXPECT_EQ(from_unit(domain, 0.26), Json("b"));
}

TEST(Domain, RealBoundsAreTheEndsOfTheUnitInterval) {
  for (const Domain& domain :
       {uniform(-1, 3), log_uniform(1e-9, 5), reverse_log_uniform(0, 0.999)}) {
    const auto& interval = std::get<FloatDomain>(domain);
    EXPECT_EQ(from_unit(domain, 0), Json(interval.lower));
    EXPECT_EQ(from_unit(domain, 1), Json(interval.upper));
    EXPECT_EQ(to_unit(domain, Json(interval.lower)), 0);
    EXPECT_EQ(to_unit(domain, Json(interval.upper)), 1);
  }
}

TEST(Domain, UnitIsClamped) {
  EXPECT_EQ(from_unit(rand_int(1, 9), 1.5), Json(9));
  EXPECT_EQ(from_unit(rand_int(1, 9), -0.5), Json(1));
  EXPECT_EQ(from_unit(rand_int(1, 9), std::nan("")), Json(1));
}

TEST(Domain, CastGivesTheDomainsOwnType) {
  EXPECT_EQ(cast(uniform(0, 2), Json(1)), Json(1.0));
  EXPECT_EQ(cast(rand_int(0, 2), Json(2.0)), Json(2));
  EXPECT_EQ(cast(choice({0.1, 0.5}), Json(0.501)), Json(0.5));
  EXPECT_EQ(cast(choice({1, 2}), Json(2.0)), Json(2));
  EXPECT_EQ(cast(fin_range(0, 1, 4), Json(0.333)), Json(1.0 / 3));
}

TEST(Domain, CastRefusesWhatIsOutside) {
  EXPECT_THAT(message_of([] { cast(uniform(0, 2), Json(2.5)); }), HasSubstr("[0.0, 2.0]"));
  EXPECT_THAT(message_of([] { cast(uniform(0, 2), Json("1")); }), HasSubstr("must be a number"));
  EXPECT_THAT(message_of([] { cast(uniform(0, 2), Json(std::nan(""))); }), HasSubstr("NaN"));
  EXPECT_THAT(message_of([] { cast(rand_int(0, 9), Json(2.5)); }), HasSubstr("whole number"));
  EXPECT_THAT(message_of([] { cast(choice({"a", "b"}), Json("c")); }), HasSubstr("\"a\", \"b\""));
  EXPECT_THAT(message_of([] { cast(choice({100, 200}), Json(101)); }), HasSubstr("none of"));
  EXPECT_THAT(message_of([] { cast(fin_range(0, 1, 4), Json(0.4)); }), HasSubstr("none of the 4"));
}

TEST(Domain, BadBoundsAreNamed) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(message_of([] { uniform(2, 1); }), "lower = 2.0 must be <= upper = 1.0");
  EXPECT_EQ(message_of([] { rand_int(2, 1); }), "lower = 2 must be <= upper = 1");
  EXPECT_THAT(message_of([] { log_uniform(0, 1); }), HasSubstr("lower = 0.0 must be > 0"));
  EXPECT_THAT(message_of([] { log_rand_int(0, 1); }), HasSubstr("lower = 0 must be >= 1"));
  EXPECT_THAT(message_of([] { reverse_log_uniform(0, 1); }), HasSubstr("[0, 1)"));
  EXPECT_THAT(message_of([&] { uniform(0, infinity); }), HasSubstr("finite"));
  EXPECT_THAT(message_of([] { uniform(-1.7e308, 1.7e308); }), HasSubstr("finite"));
  EXPECT_THAT(message_of([] { rand_int(0, std::int64_t{1} << 60); }), HasSubstr("2^53"));
  EXPECT_THAT(message_of([] { fin_range(0, 1, 1); }), HasSubstr("size = 1"));
  EXPECT_THAT(message_of([] { choice({}); }), HasSubstr("empty"));
  EXPECT_THAT(message_of([] { choice({"a", "a"}); }), HasSubstr("\"a\" is given twice"));
  EXPECT_THAT(message_of([] { choice({1, "a"}); }), HasSubstr("one type"));
  EXPECT_THAT(message_of([] { choice({Json()}); }), HasSubstr("category null"));
  EXPECT_THAT(message_of([] { log_ordinal({0, 1}); }), HasSubstr("lower = 0.0"));
  EXPECT_THAT(message_of([] {
                ordinal({2, 1}, OrdinalKind::NearestNeighbor);
              }),
              HasSubstr("increase strictly"));
  EXPECT_THAT(message_of([] { ordinal({0.0, 5e-324, 1e300}); }), HasSubstr("too near"));
  EXPECT_THAT(message_of([] { quantized(uniform(0, 1), 0); }), HasSubstr("quantum = 0"));
  EXPECT_THAT(message_of([] { quantized(uniform(0.1, 0.2), 1); }), HasSubstr("no multiple"));
  EXPECT_THAT(message_of([] { quantized(rand_int(0, 9), 0.5); }), HasSubstr("whole number"));
}

TEST(Domain, MixedNumbersAreReal) { EXPECT_EQ(choice({1, 2.5}), choice({1.0, 2.5})); }

class DomainProperty : public testing::TestWithParam<std::uint64_t> {};

TEST_P(DomainProperty, ComesBackFromTheUnitInterval) {
  Rng rng(GetParam(), "come back");
  for (int i = 0; i < 300; ++i) {
    const Domain domain = random_domain(rng);
    SCOPED_TRACE(to_text(domain));
    for (const Json& value : {sample(domain, rng), midpoint(domain), from_unit(domain, 0),
                              from_unit(domain, 1), from_unit(domain, rng.uniform())}) {
      const double u = to_unit(domain, value);
      ASSERT_GE(u, 0);
      ASSERT_LE(u, 1);
      if (const auto* interval = std::get_if<FloatDomain>(&domain)) {
        const double room = 1e-11 * std::max(std::abs(interval->lower), std::abs(interval->upper));
        ASSERT_NEAR(from_unit(domain, u).as_double(), value.as_double(), room);
      } else {
        ASSERT_EQ(from_unit(domain, u), value) << to_json_text(value) << " at " << u;
      }
    }
  }
}

TEST_P(DomainProperty, DrawsAndMidpointsAreInsideAndTheirOwnCast) {
  Rng rng(GetParam(), "inside");
  for (int i = 0; i < 300; ++i) {
    const Domain domain = random_domain(rng);
    SCOPED_TRACE(to_text(domain));
    for (const Json& value : {sample(domain, rng), midpoint(domain)}) {
      ASSERT_TRUE(contains(domain, value)) << to_json_text(value);
      ASSERT_EQ(cast(domain, value), value);
    }
  }
}

TEST_P(DomainProperty, SurvivesJsonText) {
  Rng rng(GetParam(), "json");
  for (int i = 0; i < 300; ++i) {
    const Domain domain = random_domain(rng);
    ASSERT_EQ(domain_from_json(parse_json(to_json_text(to_json(domain)))), domain)
        << to_text(domain);
  }
}

TEST_P(DomainProperty, SurvivesItsOwnText) {
  Rng rng(GetParam(), "text");
  for (int i = 0; i < 300; ++i) {
    const Domain domain = random_domain(rng);
    ASSERT_EQ(domain_from_text(to_text(domain)), domain) << to_text(domain);
  }
}

TEST_P(DomainProperty, ListedValuesAreDistinctInsideAndInOrderOfTheUnitInterval) {
  Rng rng(GetParam(), "list");
  for (int i = 0; i < 300; ++i) {
    const Domain domain = random_domain(rng);
    const auto count = cardinality(domain);
    if (!count || *count > 200) continue;
    double last = -1;
    for (std::int64_t k = 0; k < *count; ++k) {
      const Json value = value_at(domain, k);
      ASSERT_TRUE(contains(domain, value)) << to_text(domain);
      const double u = to_unit(domain, value);
      ASSERT_GT(u, last) << to_text(domain);
      last = u;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, DomainProperty, testing::Range<std::uint64_t>(1, 6));

// The forms that Syne Tune writes.
TEST(DomainJson, ReadsSyneTunesForms) {
  const auto read = [](const char* text) { return domain_from_json(parse_json(text)); };
  EXPECT_EQ(read(R"({"domain_cls":"Float","domain_kwargs":{"lower":0.001,"upper":1},
      "sampler_cls":"LogUniform","sampler_kwargs":{"base":2.718281828459045}})"),
            log_uniform(0.001, 1));
  EXPECT_EQ(read(R"({"domain_cls":"Integer","domain_kwargs":{"lower":1,"upper":100},
      "sampler_cls":"LogUniform","sampler_kwargs":{"base":2.718281828459045}})"),
            log_rand_int(1, 100));
  EXPECT_EQ(read(R"({"domain_cls":"Categorical","domain_kwargs":{"categories":["a","b"]},
      "sampler_cls":"Uniform","sampler_kwargs":{}})"),
            choice({"a", "b"}));
  EXPECT_EQ(read(R"({"domain_cls":"OrdinalNearestNeighbor",
      "domain_kwargs":{"categories":[1,2,8],"log_scale":true}})"),
            log_ordinal({1, 2, 8}));
  EXPECT_EQ(read(R"({"domain_cls":"FiniteRange","domain_kwargs":{"lower":0,"upper":1,
      "log_scale":false,"cast_int":false,"size":5}})"),
            fin_range(0, 1, 5));
}

TEST(DomainJson, WritesSyneTunesForms) {
  EXPECT_EQ(to_json_text(to_json(log_rand_int(1, 100))),
            R"({"domain_cls":"Integer","domain_kwargs":{"lower":1,"upper":100},)"
            R"("sampler_cls":"LogUniform","sampler_kwargs":{"base":2.718281828459045}})");
  EXPECT_EQ(to_json_text(to_json(ordinal({1, 3}))),
            R"({"domain_cls":"OrdinalNearestNeighbor",)"
            R"("domain_kwargs":{"categories":[1,3],"log_scale":false}})");
}

TEST(DomainJson, NamesWhatItCantRead) {
  const auto read = [](const char* text) {
    return message_of([&] { domain_from_json(parse_json(text)); });
  };
  EXPECT_THAT(read(R"({"domain_cls":"Gauss","domain_kwargs":{}})"), HasSubstr("'Gauss'"));
  EXPECT_THAT(read(R"({"domain_cls":"Float","domain_kwargs":{"lower":1}})"), HasSubstr("'upper'"));
  EXPECT_THAT(read(R"({"domain_cls":"Float"})"), HasSubstr("'domain_kwargs'"));
  EXPECT_THAT(read(R"({"domain_cls":"Float","domain_kwargs":{"lower":1,"upper":2},
      "sampler_cls":"Normal"})"),
              HasSubstr("'Normal'"));
}

}  // namespace
}  // namespace skipjack
