// What an action throws, for comparing.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "skipjack/base/error.h"

namespace skipjack {

/// The Error that action throws; a failure of the test if it throws none.
template <class Action>
Error error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(ErrorCode::Unsupported, "nothing was thrown");
}

inline constexpr const char* kNoError = "no error";

/// The message of the Error that action throws, whose code must be the one given; kNoError if it
/// throws none.
template <class Action>
std::string message_of(ErrorCode code, Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(to_string(error.code()), to_string(code)) << error.what();
    return error.what();
  }
  return kNoError;
}

/// Expects an Error of that code whose message has part in it.
template <class Action>
void expect_error(ErrorCode code, const std::string& part, Action&& action) {
  EXPECT_THAT(message_of(code, action), testing::HasSubstr(part));
}

/// message_of() with ErrorCode::InvalidArgument.
template <class Action>
std::string message_of(Action&& action) {
  return message_of(ErrorCode::InvalidArgument, action);
}

}  // namespace skipjack
