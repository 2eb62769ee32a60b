// Search spaces as people write them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../thrown.h"
#include "random_domain.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/space/search_space.h"

namespace skipjack {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string refusal(const std::string& text) {
  return message_of([&] { SearchSpace::from_text(text); });
}

std::variant<Domain, Json> read_one(const std::string& text) {
  return SearchSpace::from_text("x: " + text).parameters().at(0).domain;
}
std::variant<Domain, Json> of(Domain domain) { return domain; }
std::variant<Domain, Json> of_constant(Json value) { return value; }

TEST(SpaceText, ReadsEveryKind) {
  EXPECT_EQ(read_one("uniform(0, 1)"), of(uniform(0, 1)));
  EXPECT_EQ(read_one("loguniform(1e-6, 1)"), of(log_uniform(1e-6, 1)));
  EXPECT_EQ(read_one("reverseloguniform(0.9, 0.999)"), of(reverse_log_uniform(0.9, 0.999)));
  EXPECT_EQ(read_one("randint(-1, 10)"), of(rand_int(-1, 10)));
  EXPECT_EQ(read_one("lograndint(1e2, 1e5)"), of(log_rand_int(100, 100000)));
  EXPECT_EQ(read_one("choice([relu, 'a, b', \"c\\n\"])"), of(choice({"relu", "a, b", "c\n"})));
  EXPECT_EQ(read_one("choice(1, 2, 5)"), of(choice({1, 2, 5})));
  EXPECT_EQ(read_one("ordinal([1, 2, 8])"), of(ordinal({1, 2, 8})));
  EXPECT_EQ(read_one("ordinal([1, 2, 8], kind=equal)"), of(ordinal({1, 2, 8}, OrdinalKind::Equal)));
  EXPECT_EQ(read_one("ordinal([1, 2, 8], 'nn-log')"), of(log_ordinal({1, 2, 8})));
  EXPECT_EQ(read_one("logordinal([1, 2, 8])"), of(log_ordinal({1, 2, 8})));
  EXPECT_EQ(read_one("finrange(0, 1, 5)"), of(fin_range(0, 1, 5)));
  EXPECT_EQ(read_one("logfinrange(1, 64, 7, cast_int=True)"),
            of(log_fin_range(1, 64, 7, ValueType::Integer)));
  EXPECT_EQ(read_one("quniform(0, 1, 0.25)"), of(quantized(uniform(0, 1), 0.25)));
  EXPECT_EQ(read_one("qloguniform(1, 100, 0.5)"), of(quantized(log_uniform(1, 100), 0.5)));
  EXPECT_EQ(read_one("qrandint(0, 100, 10)"), of(quantized(rand_int(0, 100), 10)));
  EXPECT_EQ(read_one("qlograndint(8, 64, q=8)"), of(quantized(log_rand_int(8, 64), 8)));
  EXPECT_EQ(read_one("uniform(lower=1, upper=2)"), of(uniform(1, 2)));
}

TEST(SpaceText, ByteSizesStandWhereNumbersDo) {
  EXPECT_EQ(read_one("lograndint(1MiB, 1GiB)"), of(log_rand_int(kMiB, kGiB)));
  EXPECT_EQ(read_one("lograndint(64k, 8M)"), of(log_rand_int(64 * kKiB, 8 * kMiB)));
  EXPECT_EQ(read_one("[1MiB, 8MiB]"), of(choice({Json(kMiB), Json(8 * kMiB)})));
  EXPECT_EQ(read_one("8MiB"), of_constant(Json(8 * kMiB)));
}

TEST(SpaceText, NamesThatLookLikeSizesStayText) {
  EXPECT_EQ(read_one("[7b, 13b, 125m]"), of(choice({"7b", "13b", "125m"})));
  EXPECT_EQ(read_one("['1MiB', '8MiB']"), of(choice({"1MiB", "8MiB"})));
}

TEST(SpaceText, ListsAreChoicesAndTheRestIsConstant) {
  EXPECT_EQ(read_one("[relu, tanh]"), of(choice({"relu", "tanh"})));
  EXPECT_EQ(read_one("[true, false]"), of(choice({true, false})));
  EXPECT_EQ(read_one("10"), of_constant(Json(10)));
  EXPECT_EQ(read_one("1e-3"), of_constant(Json(1e-3)));
  EXPECT_EQ(read_one("'10'"), of_constant(Json("10")));
  EXPECT_EQ(read_one("some text"), of_constant(Json("some text")));
  EXPECT_EQ(read_one("null"), of_constant(Json()));
  EXPECT_EQ(read_one("{a: [1, {b: x}]}"), of_constant(parse_json(R"({"a":[1,{"b":"x"}]})")));
  EXPECT_EQ(read_one("\"f(1)\""), of_constant(Json("f(1)")));
}

TEST(SpaceText, KeepsOrderAndConstraints) {
  const SearchSpace space = SearchSpace::from_text(R"(
# a comment
queue: lograndint(10, 1e4)
chunk: lograndint(1MiB, 1GiB)
act: [relu, tanh]
epochs: 10
constraints: [queue * chunk <= 1GiB, act != 'relu' or queue < 20]
)");
  ASSERT_EQ(space.parameters().size(), 4u);
  EXPECT_EQ(space.parameters()[0].name, "queue");
  EXPECT_EQ(space.parameters()[3].name, "epochs");
  EXPECT_EQ(space.constraints(),
            (std::vector<std::string>{"queue * chunk <= 1GiB", "act != 'relu' or queue < 20"}));
}

TEST(SpaceText, ReadsJsonWithDomainsAsText) {
  const SearchSpace space = SearchSpace::from_text(
      R"json({"lr": "loguniform(1e-6, 1)", "act": ["relu", "tanh"], "n": "7"})json");
  EXPECT_EQ(space.parameters()[0].domain, of(log_uniform(1e-6, 1)));
  EXPECT_EQ(space.parameters()[1].domain, of(choice({"relu", "tanh"})));
  EXPECT_EQ(space.parameters()[2].domain, of_constant(Json("7")));
}

TEST(SpaceText, InSyneTunesFormListsAreConstants) {
  const SearchSpace space = SearchSpace::from_text(
      R"({"x": {"domain_cls":"Integer","domain_kwargs":{"lower":1,"upper":9},
          "sampler_cls":"Uniform","sampler_kwargs":{}}, "layers": [1, 2], "epochs": 27})");
  EXPECT_EQ(space.parameters()[0].domain, of(rand_int(1, 9)));
  EXPECT_EQ(space.parameters()[1].domain, of_constant(Json(Json::Array{Json(1), Json(2)})));
  EXPECT_EQ(space.parameters()[2].domain, of_constant(Json(27)));
}

TEST(SpaceText, ErrorsNameLineParameterValueAndBound) {
  EXPECT_THAT(refusal("a: 1\nlr: uniform(2, 1)\n"),
              AllOf(HasSubstr("line 2"), HasSubstr("'lr'"), HasSubstr("lower = 2.0"),
                    HasSubstr("upper = 1.0")));
  EXPECT_THAT(refusal("lr: loguniform(0, 1)"), HasSubstr("lower = 0.0 must be > 0"));
  EXPECT_THAT(refusal("a: []"), HasSubstr("empty"));
  EXPECT_THAT(refusal("a: [x, y, x]"), HasSubstr("\"x\" is given twice"));
  EXPECT_THAT(refusal("a: 1\nb: 2\na: 3"), AllOf(HasSubstr("line 3"), HasSubstr("'a'")));
  EXPECT_THAT(refusal("a: loguniorm(1, 2)"), HasSubstr("'loguniorm' is no domain"));
  EXPECT_THAT(refusal("a: uniform(1)"), HasSubstr("needs the argument upper"));
  EXPECT_THAT(refusal("a: uniform(1, 2, 3)"), HasSubstr("no place for the argument 3"));
  EXPECT_THAT(refusal("a: uniform(1, 2, base=3)"), HasSubstr("base="));
  EXPECT_THAT(refusal("a: uniform(low, 2)"), HasSubstr("lower = low must be a number"));
  EXPECT_THAT(refusal("a: uniform(1, 2"), HasSubstr("expected"));
  EXPECT_THAT(refusal("a: uniform(1,, 2)"), HasSubstr("expected a value"));
  EXPECT_THAT(refusal("a: [[1], [2]]"), HasSubstr("lists or maps"));
  EXPECT_THAT(refusal("a: [1\nb: 2"), HasSubstr("bad YAML"));
  EXPECT_THAT(refusal(""), HasSubstr("empty"));
  EXPECT_THAT(refusal("- a\n- b"), HasSubstr("map of names"));
  EXPECT_THAT(refusal("a: randint(1, 9)\nconstraints: [a <= c]"),
              AllOf(HasSubstr("line 2"), HasSubstr("a <= c"), HasSubstr("'c'")));
  EXPECT_THAT(refusal("a: 1\n---\nb: 2"), HasSubstr("more than one"));
  EXPECT_THAT(refusal("constraints: []"), HasSubstr("no parameter"));
}

TEST(SpaceText, HostileTextIsRefused) {
  EXPECT_THAT(refusal(std::string((1 << 20) + 1, 'a')), HasSubstr("1 MiB"));
  EXPECT_THAT(refusal("a: " + std::string(5000, '[') + std::string(5000, ']')), HasSubstr("YAML"));
  // Ten levels of ten aliases each: ten thousand million values.
  std::string bomb = "a0: &a0 [1,2,3,4,5,6,7,8,9,0]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " {";
    for (int k = 0; k < 10; ++k) bomb += "k" + std::to_string(k) + ": " + last + " ,";
    bomb += "}\n";
  }
  EXPECT_THAT(refusal(bomb), HasSubstr("values"));
  // A bracket too many: once an endless stream of empty documents.
  EXPECT_THAT(refusal("{\"a\":2\"b\":0},\"c\":{\"d\":1}}"), testing::Ne(kNoError));
  EXPECT_THAT(refusal("a: &x {k: *x}"), testing::AnyOf(HasSubstr("deep"), HasSubstr("YAML")));
}

class SpaceTextProperty : public testing::TestWithParam<std::uint64_t> {};

TEST_P(SpaceTextProperty, ReadsBackWhatToTextWrote) {
  Rng rng(GetParam(), "space text");
  for (int i = 0; i < 100; ++i) {
    const Domain domain = random_domain(rng);
    const std::string text = to_json_text(Json(to_text(domain)));
    EXPECT_EQ(read_one(text), of(domain)) << text;
  }
}

// Cutting, repeating and changing bytes of good text gives a space or InvalidArgument, nothing
// else.
TEST_P(SpaceTextProperty, DamagedTextNeverGetsPastTheReader) {
  const std::string good =
      "lr: loguniform(1e-6, 1)\nu: lograndint(16, 1MiB)\nact: [relu, 'tanh']\n"
      "f: finrange(0, 1, 5, cast_int=true)\no: ordinal([1, 2, 3], kind=nn)\nq: qrandint(0, 9, 3)\n"
      "j: {domain_cls: Float, domain_kwargs: {lower: 0, upper: 1}, sampler_cls: Uniform}\n"
      "constraints: [lr * u <= 1GiB, \"act != 'relu' or max(u, f) < 3 and not lr > 2\"]\n"
      "conditions: {f: act == 'tanh', q: f > 0.5 or o < 2}\n";
  Rng rng(GetParam(), "damage");
  int read = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string text = good;
    for (std::int64_t k = rng.uniform_int(1, 4); k > 0; --k) {
      const auto at =
          static_cast<std::size_t>(rng.uniform_int(0, static_cast<std::int64_t>(text.size()) - 1));
      const auto length = static_cast<std::size_t>(rng.uniform_int(0, 8));
      const std::string piece = text.substr(at, length);
      switch (rng.uniform_int(0, 3)) {
        case 0:
          text.erase(at, length);
          break;
        case 1:
          text.insert(
              static_cast<std::size_t>(rng.uniform_int(0, static_cast<std::int64_t>(text.size()))),
              piece);
          break;
        case 2:
          text[at] = static_cast<char>(rng.uniform_int(0, 255));
          break;
        default:
          text[at] = "()[]{}<>=!'\"`,:-+*&|#%@0e.\n "[rng.uniform_int(0, 28)];
      }
      if (text.empty()) break;
    }
    try {
      const SearchSpace space = SearchSpace::from_text(text);
      Rng draw(1);
      if (const auto drawn = space.sample(draw, 3)) {
        ASSERT_TRUE(space.contains(*drawn)) << text;
      }
      EXPECT_EQ(SearchSpace::from_json(space.to_json()).parameters().size(),
                space.parameters().size());
      ++read;
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::InvalidArgument) << text;
    }
  }
  EXPECT_GT(read, 100);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SpaceTextProperty, testing::Range<std::uint64_t>(1, 4));

}  // namespace
}  // namespace skipjack
