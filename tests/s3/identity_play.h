// Who hands out keys, as played by scripted servers; and whose keys came.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>

#include "scripted_server.h"
#include "skipjack/s3/credentials.h"

namespace skipjack::s3 {

inline constexpr const char* kExpiration = "2033-05-18T03:33:20Z";  // Unix time 2,000,000,000.
inline constexpr std::int64_t kExpires = 2'000'000'000;

inline std::string keys_json(const std::string& id, const std::string& token_key = "Token") {
  return R"({"Version": 1, "Code": "Success", "AccessKeyId": ")" + id +
         R"(", "SecretAccessKey": "secret-of-)" + id + R"(", ")" + token_key + R"(": "token-of-)" +
         id + R"(", "Expiration": ")" + kExpiration + R"("})";
}

inline std::string sts_xml(const std::string& action, const std::string& id) {
  return "<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" + action +
         "Result><Credentials><AccessKeyId>" + id + "</AccessKeyId><SecretAccessKey>secret-of-" +
         id + "</SecretAccessKey><SessionToken>token-of-" + id + "</SessionToken><Expiration>" +
         kExpiration + "</Expiration></Credentials></" + action + "Result></" + action +
         "Response>";
}

inline std::string sso_json(const std::string& id) {
  return R"({"roleCredentials": {"accessKeyId": ")" + id + R"(", "secretAccessKey": "secret-of-)" +
         id + R"(", "sessionToken": "token-of-)" + id + R"(", "expiration": 2000000000000}})";
}

inline void expect_keys(const Credentials& keys, const std::string& id) {
  EXPECT_EQ(keys.access_key_id, id);
  EXPECT_EQ(keys.secret_access_key.reveal(), "secret-of-" + id);
  EXPECT_EQ(keys.session_token.reveal(), "token-of-" + id);
  EXPECT_EQ(keys.expires, kExpires);
}

inline ScriptedReply ok(std::string body) { return {.body = std::move(body)}; }

/// An instance with a role, version 2 as EC2's user guide describes it.
inline ScriptedReply play_instance(const ScriptedRequest& r) {
  if (r.path == "/latest/api/token")
    return r.method == "PUT" && r.header("x-aws-ec2-metadata-token-ttl-seconds") == "21600"
               ? ok("imds-token")
               : ScriptedReply{.status = 400};
  if (r.header("x-aws-ec2-metadata-token") != "imds-token") return {.status = 401};
  if (r.path == "/latest/meta-data/iam/security-credentials/") return ok("my-role\n");
  if (r.path == "/latest/meta-data/iam/security-credentials/my-role") return ok(keys_json("IMDS"));
  if (r.path == "/latest/meta-data/placement/region") return ok("ap-southeast-2");
  if (r.path == "/latest/meta-data/instance-type") return ok("m5d.12xlarge");
  return {.status = 404};
}

}  // namespace skipjack::s3
