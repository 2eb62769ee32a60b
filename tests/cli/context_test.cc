// One-line errors, exit codes, and where experiments are kept.
#include "skipjack/cli/context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "skipjack/cli/terminal.h"

namespace skipjack::cli {
namespace {

struct Surroundings {
  std::map<std::string, std::string> variables;
  std::ostringstream out, err;
  Context context{.environment = [this](const char* name) -> std::optional<std::string> {
                    const auto at = variables.find(name);
                    return at == variables.end() ? std::nullopt : std::optional(at->second);
                  },
                  .out = out,
                  .err = err};
};

TEST(OneLine, TakesAwayWhatATerminalObeys) {
  EXPECT_EQ(one_line("a\nb\r\n\x1b[31mred\x7f"), "a b [31mred");
  EXPECT_EQ(one_line("csi \xc2\x9b"
                     "2J"),
            "csi 2J");
  EXPECT_EQ(one_line("a\u202etxt.exe\u2066\u2069b\u2065"), "a txt.exe b\u2065");
}

TEST(OneLine, KeepsTextInOtherScripts) { EXPECT_EQ(one_line("Größe 温度 ✓"), "Größe 温度 ✓"); }

TEST(OneLine, ReplacesBytesThatAreNoText) { EXPECT_EQ(one_line("a\xff\xc3z"), "a??z"); }

TEST(ErrorLine, SaysWhatAndWhatToTry) {
  EXPECT_EQ(error_line(Error(ErrorCode::NotFound, "no file 'x'\n", "look elsewhere")),
            "skipjack: no file 'x'; look elsewhere");
  EXPECT_EQ(error_line(Error(ErrorCode::Io, "full")), "skipjack: full");
}

TEST(ExitCode, IsItsOwnForEachKindOfError) {
  std::set<int> codes{kExitOk, kExitFailure};
  for (ErrorCode code :
       {ErrorCode::InvalidArgument, ErrorCode::NotFound, ErrorCode::AlreadyExists,
        ErrorCode::PermissionDenied, ErrorCode::Corrupted, ErrorCode::Io, ErrorCode::Network,
        ErrorCode::Timeout, ErrorCode::Cancelled, ErrorCode::Exhausted, ErrorCode::Unsupported})
    EXPECT_TRUE(codes.insert(exit_code(code)).second) << to_string(code);
}

TEST(ExperimentsFolder, FollowsFlagThenVariablesThenHome) {
  Surroundings around;
  EXPECT_THROW(experiments_folder(around.context), Error);
  around.variables["HOME"] = "/home/me";
  EXPECT_EQ(experiments_folder(around.context), "/home/me/.local/share/skipjack");
  around.variables["XDG_DATA_HOME"] = "/data";
  EXPECT_EQ(experiments_folder(around.context), "/data/skipjack");
  around.variables["SKIPJACK_HOME"] = "/mine";
  EXPECT_EQ(experiments_folder(around.context), "/mine");
  around.variables["SKIPJACK_HOME"] = "mine";
  EXPECT_EQ(experiments_folder(around.context), std::filesystem::current_path() / "mine");
  around.context.experiments_dir = "/here";
  EXPECT_EQ(experiments_folder(around.context), "/here");
}

TEST(StatusLine, WritesPlainLinesSparsely) {
  Surroundings around;
  ManualClock clock;
  StatusLine status(around.context, {.plain_interval = std::chrono::seconds(5), .clock = &clock});
  for (int i = 0; i < 20; ++i) {
    status.update("state " + std::to_string(i));
    clock.advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(around.err.str(), "state 5\nstate 10\nstate 15\n");
}

TEST(StatusLine, RewritesItselfOnATerminal) {
  Surroundings around;
  around.context.err_is_terminal = true;
  ManualClock clock;
  {
    StatusLine status(around.context, {.clock = &clock});
    status.update("one");
    status.update("too soon");
    clock.advance(std::chrono::seconds(1));
    status.update("two");
  }
  EXPECT_EQ(around.err.str(), "\rone\x1b[K\rtwo\x1b[K\r\x1b[K");
}

TEST(Aligned, PadsByCharactersNotBytes) {
  EXPECT_EQ(aligned({{"NAME", "X"}, {"größe", "1"}, {"a", ""}}), "NAME   X\ngröße  1\na\n");
}

}  // namespace
}  // namespace skipjack::cli
