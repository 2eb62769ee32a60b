// What the status line of a transfer says, by hand.
#include "skipjack/cli/transfer_progress.h"

#include <gtest/gtest.h>

#include <string>

#include "skipjack/base/bytes.h"

namespace skipjack::cli {
namespace {

using std::chrono::seconds;

TEST(TransferProgress, SaysHowFarHowLongAndHowFast) {
  TransferProgress progress;
  EXPECT_EQ(progress.text({.bytes_total = 100 * kMiB, .now = seconds(5)}),
            "[>                             ] 0 %  0 B of 100 MiB");
  EXPECT_EQ(progress.text({.bytes_done = 20 * kMiB,
                           .bytes_total = 100 * kMiB,
                           .now = seconds(7),
                           .also = ", 3 of 9 objects"}),
            "[===>             ] 20 %  20 MiB of 100 MiB, 8 s left, 10 MiB/s, 3 of 9 objects");
  EXPECT_EQ(progress.text({.bytes_done = 30 * kMiB, .now = seconds(8)}), "30 MiB, 10 MiB/s");
}

TEST(TransferProgress, WhatWasThereBeforeIsNoSpeed) {
  TransferProgress progress;
  // As a download does until the first answer.
  progress.text({.now = seconds(0)});
  progress.text({.bytes_done = 90 * kMiB, .bytes_total = 100 * kMiB, .now = seconds(1)});
  EXPECT_EQ(
      progress.text(
          {.bytes_done = 92 * kMiB, .bytes_total = 100 * kMiB, .now = seconds(2), .columns = 48}),
      "92 %  92 MiB of 100 MiB, 4 s left, 2 MiB/s");
}

TEST(TransferProgress, TheRateIsThatOfTheLastSeconds) {
  TransferProgress progress;
  for (int second = 0; second <= 60; ++second)
    progress.text({.bytes_done = second * kMiB, .now = seconds(second)});
  for (int second = 61; second < 75; ++second)
    progress.text({.bytes_done = 60 * kMiB, .bytes_total = 100 * kMiB, .now = seconds(second)});
  EXPECT_EQ(
      progress.text(
          {.bytes_done = 60 * kMiB, .bytes_total = 100 * kMiB, .now = seconds(75), .columns = 20}),
      "60 %  60 MiB of 100 MiB, 0 B/s");
}

TEST(TransferProgress, WhatOneOfManyObjectsHadBeforeIsNoSpeed) {
  TransferProgress progress;
  progress.text({.bytes_done = kMiB, .now = seconds(1)});
  EXPECT_EQ(progress.text({.bytes_done = 93 * kMiB, .bytes_resumed = 90 * kMiB, .now = seconds(2)}),
            "93 MiB, 2 MiB/s");
}

TEST(TransferProgress, TheLastLineSaysWhatWasThere) {
  EXPECT_EQ(resumed_text(3 * kMiB, 10 * kMiB), "; resumed: 3 MiB of 10 MiB were there");
  EXPECT_EQ(resumed_text(0, 10 * kMiB), "");
}

TEST(TransferProgress, CallsThatAreFarBetweenHaveARateToo) {
  TransferProgress progress;
  progress.text({.bytes_done = 0, .bytes_total = 100 * kMiB, .now = seconds(0)});
  for (int second : {12, 24, 36})
    EXPECT_EQ(progress.text({.bytes_done = second * kMiB, .now = seconds(second)}),
              std::to_string(second) + " MiB, 1 MiB/s");
}

}  // namespace
}  // namespace skipjack::cli
