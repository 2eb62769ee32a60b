// Lists of buckets and of objects, page after page. Facts of S3's behaviour are from its API
// reference [AWS-S3-API].
#include <algorithm>
#include <array>
#include <ctime>
#include <pugixml.hpp>

#include "skipjack/s3sim/s3_api.h"
#include "skipjack/s3sim/s3_xml.h"

namespace skipjack::s3sim {
namespace {

constexpr std::int64_t kMostKeys = 1000;

std::string iso_date(std::int64_t unix_seconds) {
  const std::time_t time = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 40> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.000Z", &parts);
  return text.data();
}

/// Keys and common prefixes of one page, in order.
struct Page {
  std::vector<ListedObject> objects;
  std::vector<std::string> prefixes;
  /// Set if more follows: the last entry of this page.
  std::string next;
  std::int64_t size() const { return static_cast<std::int64_t>(objects.size() + prefixes.size()); }
};

struct PageOptions {
  std::string prefix, delimiter, after;
  std::int64_t max_keys = kMostKeys;
};

Page make_page(const std::vector<ListedObject>& all, const PageOptions& options) {
  Page page;
  std::string last;
  if (options.max_keys == 0) return page;
  for (const ListedObject& object : all) {
    std::string group;
    if (!options.delimiter.empty()) {
      const std::size_t at = object.key.find(options.delimiter, options.prefix.size());
      if (at != std::string::npos) group = object.key.substr(0, at + options.delimiter.size());
    }
    const std::string& entry = group.empty() ? object.key : group;
    if (object.key <= options.after) continue;
    if (!group.empty() && (group == options.after || group == last)) continue;
    if (page.size() == options.max_keys) {
      page.next = last;
      return page;
    }
    last = entry;
    if (group.empty()) {
      page.objects.push_back(object);
    } else {
      page.prefixes.push_back(group);
    }
  }
  return page;
}

}  // namespace

Answer S3Api::list_buckets() const {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("ListAllMyBucketsResult");
  root.append_attribute("xmlns").set_value(kS3Namespace);
  pugi::xml_node buckets = root.append_child("Buckets");
  for (const std::string& name : store_.buckets()) {
    pugi::xml_node bucket = buckets.append_child("Bucket");
    add_text(bucket, "Name", name);
    add_text(bucket, "CreationDate", iso_date(0));
  }
  return xml_answer(document, 200);
}

Answer S3Api::list_objects(const Request& request, const Route& route) const {
  const auto parameter = [&](const char* name) {
    const std::string* value = find_field(route.query, name);
    return value != nullptr ? *value : std::string();
  };
  const auto invalid = [&](const char* message) {
    return error(request, {.status = 400, .code = "InvalidArgument", .message = message});
  };
  const bool second_version = parameter("list-type") == "2";
  const bool url_encoded = parameter("encoding-type") == "url";
  PageOptions options{.prefix = parameter("prefix"),
                      .delimiter = parameter("delimiter"),
                      .after = parameter(second_version ? "start-after" : "marker")};
  if (const std::string* text = find_field(route.query, "max-keys")) {
    const auto number = parse_decimal(*text);
    if (!number) return invalid("Argument max-keys must be an integer between 0 and 2147483647");
    options.max_keys = std::min(*number, kMostKeys);
  }
  const std::string token = parameter("continuation-token");
  if (second_version && !token.empty()) {
    const auto after = percent_decode(token);
    if (!after) return invalid("The continuation token provided is incorrect");
    options.after = *after;
  }
  const Page page = make_page(store_.list(route.bucket, options.prefix), options);

  const auto shown = [&](const std::string& text) {
    return url_encoded ? percent_encode(text, Slash::Keep) : text;
  };
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("ListBucketResult");
  root.append_attribute("xmlns").set_value(kS3Namespace);
  add_text(root, "Name", route.bucket);
  add_text(root, "Prefix", shown(options.prefix));
  if (!options.delimiter.empty()) add_text(root, "Delimiter", shown(options.delimiter));
  add_text(root, "MaxKeys", std::to_string(options.max_keys));
  if (url_encoded) add_text(root, "EncodingType", "url");
  add_text(root, "IsTruncated", page.next.empty() ? "false" : "true");
  if (second_version) {
    add_text(root, "KeyCount", std::to_string(page.size()));
    if (!token.empty()) add_text(root, "ContinuationToken", token);
    if (!page.next.empty())
      add_text(root, "NextContinuationToken", percent_encode(page.next, Slash::Encode));
    if (!parameter("start-after").empty())
      add_text(root, "StartAfter", shown(parameter("start-after")));
  } else {
    add_text(root, "Marker", shown(options.after));
    if (!page.next.empty()) add_text(root, "NextMarker", shown(page.next));
  }
  for (const ListedObject& object : page.objects) {
    pugi::xml_node contents = root.append_child("Contents");
    add_text(contents, "Key", shown(object.key));
    add_text(contents, "LastModified", iso_date(object.last_modified));
    add_text(contents, "ETag", object.etag);
    add_text(contents, "Size", std::to_string(object.size));
    add_text(contents, "StorageClass", "STANDARD");
  }
  for (const std::string& prefix : page.prefixes) {
    pugi::xml_node group = root.append_child("CommonPrefixes");
    add_text(group, "Prefix", shown(prefix));
  }
  return xml_answer(document, 200);
}

}  // namespace skipjack::s3sim
