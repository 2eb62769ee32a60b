// A home with AWS files and an environment, for tests of what is read from them. The instance's
// metadata are switched off until a test switches them on.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "../temporary_folder.h"
#include "skipjack/base/file.h"
#include "skipjack/s3/aws_settings.h"

namespace skipjack::s3 {

class AwsFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(home_ / ".aws");
    variables_["HOME"] = home_.string();
    variables_["AWS_EC2_METADATA_DISABLED"] = "true";
  }
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

  const TemporaryFolder temporary_;
  const std::filesystem::path home_ = temporary_.path();
  std::map<std::string, std::string> variables_;
};

}  // namespace skipjack::s3
