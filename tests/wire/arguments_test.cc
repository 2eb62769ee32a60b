// Truth: the argument vectors that Syne Tune 0.13 was seen to pass, and Python's str().
#include "skipjack/wire/arguments.h"

#include <gtest/gtest.h>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using Strings = std::vector<std::string>;
const ArgumentPaths kPaths{.checkpoint_directory = "/e/0/checkpoints",
                           .config_file = "/e/0/config.json"};

TEST(Arguments, AreThoseOfSyneTune) {
  const Json configuration =
      parse_json(R"({"x": 0.5, "k": 10, "c": "a", "epochs": 3, "flag": true, "nn": null})");
  EXPECT_EQ(build_arguments(configuration, AsArguments{}, kPaths),
            (Strings{"--x", "0.5", "--k", "10", "--c", "a", "--epochs", "3", "--flag", "True",
                     "--nn", "None", "--st_checkpoint_dir", "/e/0/checkpoints"}));
}

TEST(Arguments, FormatNumbersAsPythonDoes) {
  const Json configuration = parse_json(
      R"({"a": 1e-5, "b": 0.0001, "c": 1.0, "d": 1e16, "e": 123456789012345.0, "f": NaN, "g": -Infinity,)"
      R"( "h": [1, 2], "i": false, "j": -0.0, "k": 0.1})");
  EXPECT_EQ(build_arguments(configuration, AsArguments{}, kPaths), (Strings{"--a",
                                                                            "1e-05",
                                                                            "--b",
                                                                            "0.0001",
                                                                            "--c",
                                                                            "1.0",
                                                                            "--d",
                                                                            "1e+16",
                                                                            "--e",
                                                                            "123456789012345.0",
                                                                            "--f",
                                                                            "nan",
                                                                            "--g",
                                                                            "-inf",
                                                                            "--h",
                                                                            "[1, 2]",
                                                                            "--i",
                                                                            "False",
                                                                            "--j",
                                                                            "-0.0",
                                                                            "--k",
                                                                            "0.1",
                                                                            "--st_checkpoint_dir",
                                                                            "/e/0/checkpoints"}));
}

TEST(Arguments, KeepBlanksAndQuotesInOneArgument) {
  const Json configuration =
      parse_json(R"({"c": "two words", "d": "it's \"so\"; $HOME", "e": ""})");
  EXPECT_EQ(build_arguments(configuration, AsArguments{}, {"/a b/checkpoints", "/a b/config.json"}),
            (Strings{"--c", "two words", "--d", "it's \"so\"; $HOME", "--e", "",
                     "--st_checkpoint_dir", "/a b/checkpoints"}));
}

TEST(Arguments, JsonFileHidesValues) {
  EXPECT_EQ(build_arguments(parse_json(R"({"x": 0.5})"), AsJsonFile{}, kPaths),
            (Strings{"--st_config_json_filename", "/e/0/config.json", "--st_checkpoint_dir",
                     "/e/0/checkpoints"}));
}

TEST(Arguments, TemplateFillsPlaceholders) {
  const Json configuration = parse_json(R"({"size": 8, "mode": "fast one"})");
  EXPECT_EQ(build_arguments(
                configuration,
                AsTemplate{{"-s{size}", "{mode}", "{{{size}}}", "plain", "{st_checkpoint_dir}/x"}},
                kPaths),
            (Strings{"-s8", "fast one", "{8}", "plain", "/e/0/checkpoints/x"}));
}

TEST(Arguments, LackAbsentParameters) {
  EXPECT_EQ(build_arguments(parse_json(R"({"optimizer": "adam"})"), AsArguments{}, kPaths),
            (Strings{"--optimizer", "adam", "--st_checkpoint_dir", "/e/0/checkpoints"}));
}

TEST(Arguments, TemplateLeavesOutWhatSpeaksOfAnAbsentOptionalName) {
  const AsTemplate style{
      .arguments = {"--momentum", "{momentum}", "-m{momentum}", "--lr={lr}",
                    "--both={lr},{momentum}", "run", "{momentum}", "{lr}", "--", "{{momentum}}"},
      .optional_names = {"momentum"}};
  EXPECT_EQ(build_arguments(parse_json(R"({"lr": 1, "momentum": 2})"), style, kPaths),
            (Strings{"--momentum", "2", "-m2", "--lr=1", "--both=1,2", "run", "2", "1", "--",
                     "{momentum}"}));
  EXPECT_EQ(build_arguments(parse_json(R"({"lr": 1})"), style, kPaths),
            (Strings{"--lr=1", "run", "1", "--", "{momentum}"}));
}

TEST(Arguments, TemplateNamesTheUnknownPlaceholder) {
  const Json configuration = parse_json(R"({"size": 8})");
  try {
    build_arguments(configuration, AsTemplate{{"--s={siez}"}}, kPaths);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    EXPECT_NE(std::string(error.what()).find("'siez'"), std::string::npos);
    EXPECT_NE(error.try_this().find("{size}"), std::string::npos);
  }
}

TEST(Arguments, RefuseLoneBracesAndZeroBytes) {
  const Json configuration(Json::Object{{"s", Json(std::string("a\0b", 3))}});
  EXPECT_THROW(build_arguments(configuration, AsArguments{}, kPaths), Error);
  EXPECT_NO_THROW(build_arguments(configuration, AsJsonFile{}, kPaths));
  for (const char* pattern : {"{", "}", "{s", "a}b"})
    EXPECT_THROW(build_arguments(Json(Json::Object{}), AsTemplate{{pattern}}, kPaths), Error)
        << pattern;
}

}  // namespace
}  // namespace skipjack
