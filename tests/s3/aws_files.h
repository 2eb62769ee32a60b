// A home with AWS files and an environment, for tests of what is read from them. The instance's
// metadata are switched off until a test switches them on.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "skipjack/base/file.h"
#include "skipjack/s3/aws_settings.h"

namespace skipjack::s3 {

class AwsFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "skipjack-aws-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    home_ = name;
    std::filesystem::create_directory(home_ / ".aws");
    variables_["HOME"] = home_.string();
    variables_["AWS_EC2_METADATA_DISABLED"] = "true";
  }
  void TearDown() override { std::filesystem::remove_all(home_); }
  /// Below ~/.aws.
  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((home_ / ".aws" / name).parent_path());
    write_file_atomically(home_ / ".aws" / name, text);
  }
  EnvironmentLookup environment() const {
    return [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    };
  }
  AwsSettings load(std::optional<std::string> profile = std::nullopt) {
    return load_aws_settings({.environment = environment(), .profile = std::move(profile)});
  }

  std::filesystem::path home_;
  std::map<std::string, std::string> variables_;
};

}  // namespace skipjack::s3
