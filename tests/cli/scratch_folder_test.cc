// Which folders go and which stay. Killed tunings as a whole: tests/s3tune.
#include "skipjack/cli/scratch_folder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>

#include "../temporary_folder.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"

namespace skipjack::cli {
namespace {

namespace fs = std::filesystem;

class ScratchFolderTest : public ::testing::Test {
 protected:
  fs::path scratch(const std::string& name) const {
    return scratch_folder_path(folder_.path(), name);
  }
  /// What a tuning leaves that is killed in mid-download.
  void leave_behind(const std::string& name, const fs::path& experiment) const {
    fs::create_directories(scratch(name) / ".skipjack-measure-aBcDeF");
    std::ofstream(scratch(name) / ".skipjack-measure-aBcDeF" / "object") << "bytes";
    std::ofstream(scratch(name) / "experiment") << experiment.string();
  }
  TemporaryFolder folder_;
};

TEST_F(ScratchFolderTest, IsThereWhileItLives) {
  {
    const ScratchFolder mine(scratch("a"), folder_.path() / "experiments" / "a");
    EXPECT_TRUE(fs::is_directory(scratch("a")));
  }
  EXPECT_FALSE(fs::exists(scratch("a")));
}

TEST_F(ScratchFolderTest, BeginsWithoutWhatAKilledOneLeft) {
  leave_behind("a", folder_.path());
  const ScratchFolder mine(scratch("a"), folder_.path());
  EXPECT_FALSE(fs::exists(scratch("a") / ".skipjack-measure-aBcDeF"));
}

TEST_F(ScratchFolderTest, IsRefusedWhileAnotherUsesIt) {
  const ScratchFolder first(scratch("a"), folder_.path() / "a");
  std::ofstream(scratch("a") / "object") << "bytes";
  try {
    const ScratchFolder second(scratch("a"), folder_.path() / "b");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::AlreadyExists);
  }
  EXPECT_TRUE(fs::exists(scratch("a") / "object"));
}

TEST_F(ScratchFolderTest, AbandonedOnesGoAndAllOthersStay) {
  const fs::path experiments = folder_.path() / "experiments";
  fs::create_directories(experiments / "killed");
  leave_behind("removed", experiments / "removed");
  leave_behind("killed", experiments / "killed");
  leave_behind("relative", "experiments/nowhere");
  const ScratchFolder running(scratch("running"), experiments / "running");  // not there yet
  fs::create_directory(scratch("foreign"));  // nothing says whose it is
  fs::create_directory(folder_.path() / "skipjack-removed");
  remove_abandoned_scratch_folders(folder_.path());
  EXPECT_FALSE(fs::exists(scratch("removed")));
  for (const char* kept : {"killed", "relative", "running", "foreign"})
    EXPECT_TRUE(fs::exists(scratch(kept))) << kept;
  EXPECT_TRUE(fs::exists(folder_.path() / "skipjack-removed"));
}

TEST_F(ScratchFolderTest, AFolderThatIsNotThereIsNoTrouble) {
  remove_abandoned_scratch_folders(folder_.path() / "nowhere");
}

TEST_F(ScratchFolderTest, ADefinitionCanOnlyNameItsOwn) {
  const auto named = [](const std::string& folder, const char* experiment) {
    TuningDefinition definition;
    definition.space = SearchSpace({{"folder", Json(folder)}});
    return scratch_folder_of(definition, experiment);
  };
  EXPECT_EQ(named("/data/.skipjack-a", "a"), "/data/.skipjack-a");
  EXPECT_EQ(named("/data/.skipjack-a", "b"), "");
  EXPECT_EQ(named("/data", "a"), "");
  EXPECT_EQ(named(".skipjack-a", "a"), "");
  EXPECT_EQ(scratch_folder_of({}, "a"), "");
}

}  // namespace
}  // namespace skipjack::cli
