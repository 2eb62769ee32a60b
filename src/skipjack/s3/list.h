// What is in a bucket: ListObjectsV2, page after page. The next page is asked for while the last
// one is being worked on, so that a listing goes on beside the transfers that it feeds. Pages are
// hostile: their size is bounded, and a server that goes round in a circle is found out.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/s3/exchange.h"
#include "skipjack/s3/task.h"

namespace skipjack::s3 {

struct ListOptions {
  std::string bucket{};
  /// Only keys that begin so.
  std::string prefix{};
  /// Keys with it behind the prefix are shown as one common prefix that ends with it. Empty: none.
  std::string delimiter{};
  /// Keys of a page, [1, 1000].
  std::int64_t page_size = 1000;
  bool is_requester_paying = false;
};

struct ListedObject {
  std::string key;
  std::int64_t size = 0;
  std::string etag;           ///< quotes included.
  std::string last_modified;  ///< as sent: "2026-01-31T12:00:00.000Z".
  friend bool operator==(const ListedObject&, const ListedObject&) = default;
};

struct ListPage {
  std::vector<ListedObject> objects;
  std::vector<std::string> common_prefixes;
  /// Where the next page begins; empty if this is the last one.
  std::string next_token;
};
/// The body of an answer. Throws Error (Corrupted) for what is no page.
ListPage parse_list_page(std::string_view xml);

/// All pages, one after the other.
class Listing final : public Task {
 public:
  /// Throws InvalidArgument for a bad bucket. requester must outlive it.
  Listing(Requester& requester, ListOptions options);

  /// Asks for the next page, unless as many are waiting as are worth it. True once the last page
  /// has come.
  bool advance(Duration now) override;
  Duration next_event(Duration now) const override;
  /// The page that has waited longest; nullopt if none is there now.
  std::optional<ListPage> take_page();
  bool has_page() const { return !pages_.empty(); }

 private:
  RequestSpec page_request() const;
  void check(const ListPage& page);

  Requester& requester_;
  const ListOptions options_;
  std::optional<Exchange> request_;
  std::string token_;
  /// A token of an earlier page, renewed at the powers of two: a circle of any length comes back to
  /// it (Brent).
  std::string landmark_;
  std::int64_t num_pages_ = 0, next_landmark_ = 1;
  int num_empty_ = 0;
  std::int64_t num_bytes_ = 0;
  bool is_complete_ = false;
  std::deque<ListPage> pages_;
};

/// Hands out page after page until there is none more or take says false. Throws Cancelled.
void read_listing(Requester& requester, const ListOptions& options,
                  const std::function<bool(const ListPage&)>& take, const std::stop_token& stop);

}  // namespace skipjack::s3
