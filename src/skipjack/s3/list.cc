#include "skipjack/s3/list.h"

#include <pugixml.hpp>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

// A thousand keys of 1024 bytes, each written as %XX, and what stands around them.
constexpr std::size_t kLongestPage = 8 * kMiB;
/// Pages held for whoever works them off.
constexpr std::size_t kPagesAhead = 2;
constexpr std::size_t kLongestKey = 1024;
// 50 TB, S3's bound: 10,000 parts of 5 GiB.
constexpr std::int64_t kLargestObject = std::int64_t{10000} * 5 * kGiB;
/// Of all objects together, so that whoever adds them up need not look: 4 EiB.
constexpr std::int64_t kMostBytes = std::int64_t{1} << 62;
/// Pages in a row without an entry: a store may pass over what was deleted, but not for ever.
constexpr int kMostEmptyPages = 1000;

[[noreturn]] void corrupted(const std::string& what) {
  throw Error(ErrorCode::Corrupted, "the server's listing " + what,
              "check that the endpoint is an S3 server");
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Undoes encoding-type=url, in which '+' is a space.
std::string url_decoded(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      decoded += ' ';
    } else if (text[i] == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) corrupted("holds a key that is not encoded as it says");
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

ListedObject listed_object(const pugi::xml_node& node, bool is_encoded) {
  const std::string_view key = node.child_value("Key");
  ListedObject object{.key = is_encoded ? url_decoded(key) : std::string(key),
                      .etag = node.child_value("ETag"),
                      .last_modified = node.child_value("LastModified")};
  const auto size = parse_size(node.child_value("Size"));
  if (object.key.empty() || object.key.size() > kLongestKey || !size || *size > kLargestObject)
    corrupted("holds an entry without a key or a size that can be");
  object.size = *size;
  return object;
}

/// Ends when the last page has been taken, or none more is wanted.
class Reading final : public Task {
 public:
  Reading(Listing& listing, const std::function<bool(const ListPage&)>& take)
      : listing_(listing), take_(take) {}
  bool advance(Duration now) override {
    listing_.advance(now);
    while (const std::optional<ListPage> page = listing_.take_page())
      if (!take_(*page)) return true;
    return listing_.advance(now);
  }
  Duration next_event(Duration now) const override { return listing_.next_event(now); }

 private:
  Listing& listing_;
  const std::function<bool(const ListPage&)>& take_;
};

}  // namespace

ListPage parse_list_page(std::string_view xml) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size(),
                            pugi::parse_default | pugi::parse_ws_pcdata_single))
    corrupted("is no XML");
  const pugi::xml_node root = document.child("ListBucketResult");
  if (!root) corrupted("is no ListBucketResult");
  const bool is_encoded = std::string_view(root.child_value("EncodingType")) == "url";
  ListPage page;
  for (const pugi::xml_node node : root.children("Contents"))
    page.objects.push_back(listed_object(node, is_encoded));
  for (const pugi::xml_node node : root.children("CommonPrefixes")) {
    const std::string_view prefix = node.child_value("Prefix");
    page.common_prefixes.push_back(is_encoded ? url_decoded(prefix) : std::string(prefix));
  }
  if (std::string_view(root.child_value("IsTruncated")) == "true") {
    page.next_token = root.child_value("NextContinuationToken");
    if (page.next_token.empty()) corrupted("goes on, but does not say where");
  }
  return page;
}

Listing::Listing(Requester& requester, ListOptions options)
    : requester_(requester), options_(std::move(options)) {
  SKIPJACK_CHECK(options_.page_size >= 1 && options_.page_size <= 1000);
  requester_.context_of({options_.bucket, ""});
}

RequestSpec Listing::page_request() const {
  RequestSpec spec{
      .object = {options_.bucket, ""},
      .headers = access_headers({.is_requester_paying = options_.is_requester_paying})};
  // In the order of their names.
  if (!token_.empty()) spec.query.emplace_back("continuation-token", token_);
  if (!options_.delimiter.empty()) spec.query.emplace_back("delimiter", options_.delimiter);
  spec.query.emplace_back("encoding-type", "url");
  spec.query.emplace_back("list-type", "2");
  spec.query.emplace_back("max-keys", std::to_string(options_.page_size));
  spec.query.emplace_back("prefix", options_.prefix);
  return spec;
}

bool Listing::advance(Duration now) {
  while (!is_complete_) {
    if (!request_) {
      if (pages_.size() >= kPagesAhead) return false;
      request_.emplace(requester_, page_request(), ExchangeOptions{.most_bytes = kLongestPage});
    }
    if (!request_->advance(now)) return false;
    const SmallAnswer answer = request_->take();
    request_.reset();
    if (answer.is_cut) corrupted("has a page that is too long");
    ListPage page = parse_list_page(answer.body);
    check(page);
    token_ = page.next_token;
    is_complete_ = token_.empty();
    pages_.push_back(std::move(page));
  }
  return true;
}

/// What the page says against what was asked for and what came before it. A server that ignores the
/// prefix would have everything removed or fetched.
void Listing::check(const ListPage& page) {
  const auto require_prefix = [this](const std::string& name) {
    if (!name.starts_with(options_.prefix))
      corrupted("holds names that don't begin with the prefix \"" + options_.prefix + "\"");
  };
  for (const ListedObject& object : page.objects) {
    require_prefix(object.key);
    if ((num_bytes_ += object.size) > kMostBytes) corrupted("holds more bytes than there can be");
  }
  for (const std::string& prefix : page.common_prefixes) require_prefix(prefix);
  if (page.next_token.empty()) return;
  num_empty_ = page.objects.empty() && page.common_prefixes.empty() ? num_empty_ + 1 : 0;
  if (num_empty_ >= kMostEmptyPages) corrupted("goes on without an entry");
  if (page.next_token == landmark_) corrupted("goes round in a circle");
  if (++num_pages_ == next_landmark_) {
    landmark_ = page.next_token;
    next_landmark_ *= 2;
  }
}

Duration Listing::next_event(Duration now) const {
  return request_ ? request_->next_event(now) : Duration(std::chrono::seconds(1));
}

std::optional<ListPage> Listing::take_page() {
  if (pages_.empty()) return std::nullopt;
  ListPage page = std::move(pages_.front());
  pages_.pop_front();
  return page;
}

void read_listing(Requester& requester, const ListOptions& options,
                  const std::function<bool(const ListPage&)>& take, const std::stop_token& stop) {
  Listing listing(requester, options);
  Reading reading(listing, take);
  if (!drive_to_end(reading, {.transport = requester.transport(), .stop = stop}))
    throw_cancelled({options.bucket, options.prefix});
}

}  // namespace skipjack::s3
