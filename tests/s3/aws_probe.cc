// For aws_referee_test.py: reads a JSON array of cases from standard input (environment, bucket,
// key and optionally profile) and prints for each, one JSON object a line, where a GET would go,
// what region it would be signed for and with which key and token, or the error. Of a case with a
// service, region and variant: the service's URL.
#include <iostream>
#include <iterator>
#include <string>

#include "skipjack/base/error.h"
#include "skipjack/base/json.h"
#include "skipjack/s3/aws_partition.h"
#include "skipjack/s3/aws_settings.h"

namespace skipjack::s3 {
namespace {

Json answer(const Json& question) {
  if (const Json* service = question.find("service")) {
    Json result{Json::Object{}};
    result.set("url",
               "https://" + service_host(service->as_string(), question.at("region").as_string(),
                                         {.fips = question.at("fips").as_bool(),
                                          .dualstack = question.at("dualstack").as_bool()}));
    return result;
  }
  const Json& variables = question.at("environment");
  AwsSettingsOptions options;
  options.environment = [&](const std::string& name) -> std::optional<std::string> {
    const Json* value = variables.find(name);
    return value ? std::optional(value->as_string()) : std::nullopt;
  };
  if (const Json* profile = question.find("profile")) options.profile = profile->as_string();
  const AwsSettings settings = load_aws_settings(options);
  Json result{Json::Object{}};
  const Credentials keys = settings.credentials ? settings.credentials->get() : Credentials{};
  result.set("key", keys.access_key_id);
  result.set("token", keys.session_token.reveal());
  const RequestTarget target =
      request_target({.endpoint_url = settings.endpoint_url.value_or(""),
                      .region = settings.region.value_or("us-east-1"),
                      .addressing_style = settings.addressing_style,
                      .use_dualstack_endpoint = settings.use_dualstack_endpoint,
                      .use_fips_endpoint = settings.use_fips_endpoint,
                      .use_accelerate_endpoint = settings.use_accelerate_endpoint},
                     {question.at("bucket").as_string(), question.at("object").as_string()});
  result.set("url", target.url());
  result.set("region", target.region);
  return result;
}

}  // namespace
}  // namespace skipjack::s3

int main() {
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  const skipjack::Json questions = skipjack::parse_json(text);
  for (const skipjack::Json& question : questions.as_array()) {
    skipjack::Json result{skipjack::Json::Object{}};
    try {
      result = skipjack::s3::answer(question);
    } catch (const skipjack::Error& error) {
      result.set("error", skipjack::to_string(error.code()));
    }
    std::cout << skipjack::to_json_text(result) << "\n";
  }
}
