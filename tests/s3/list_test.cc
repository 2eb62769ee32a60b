// Pages of listings: what S3's API reference prints, and hostile ones.
#include "skipjack/s3/list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

using testing::ElementsAre;

TEST(ListPage, ReadsObjectsPrefixesAndWhereItGoesOn) {
  // After the example of ListObjectsV2 in the S3 API reference.
  const ListPage page = parse_list_page(R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <Name>bucket</Name><Prefix>photos/</Prefix><KeyCount>2</KeyCount><MaxKeys>2</MaxKeys>
  <Delimiter>/</Delimiter><IsTruncated>true</IsTruncated>
  <NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</NextContinuationToken>
  <Contents><Key>photos/my image.jpg</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified>
    <ETag>&quot;fba9dede5f27731c9771645a39863328&quot;</ETag><Size>434234</Size>
    <StorageClass>STANDARD</StorageClass></Contents>
  <CommonPrefixes><Prefix>photos/2006/</Prefix></CommonPrefixes>
</ListBucketResult>)");
  EXPECT_THAT(page.objects, ElementsAre(ListedObject{.key = "photos/my image.jpg",
                                                     .size = 434234,
                                                     .etag = "\"fba9dede5f27731c9771645a39863328\"",
                                                     .last_modified = "2009-10-12T17:50:30.000Z"}));
  EXPECT_THAT(page.common_prefixes, ElementsAre("photos/2006/"));
  EXPECT_EQ(page.next_token, "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=");
}

TEST(ListPage, UndoesTheEncodingThatItNames) {
  const std::string entry = "<Contents><Key>a+b%2Bc%0Ad%25</Key><Size>1</Size></Contents>";
  EXPECT_EQ(parse_list_page("<ListBucketResult><EncodingType>url</EncodingType>" + entry +
                            "</ListBucketResult>")
                .objects[0]
                .key,
            "a b+c\nd%");
  EXPECT_EQ(parse_list_page("<ListBucketResult>" + entry + "</ListBucketResult>").objects[0].key,
            "a+b%2Bc%0Ad%25");
}

TEST(ListPage, NonsenseIsRefused) {
  const auto page = [](const std::string& inside) {
    return "<ListBucketResult><EncodingType>url</EncodingType>" + inside + "</ListBucketResult>";
  };
  for (const std::string& xml :
       {std::string(), std::string("no xml"), std::string("<Other/>"),
        page("<Contents><Key>a</Key></Contents>"), page("<Contents><Size>1</Size></Contents>"),
        page("<Contents><Key>a</Key><Size>-1</Size></Contents>"),
        page("<Contents><Key>a</Key><Size>53687091200001</Size></Contents>"),
        page("<Contents><Key>%2</Key><Size>1</Size></Contents>"),
        page("<Contents><Key>%GG</Key><Size>1</Size></Contents>"),
        page("<Contents><Key>" + std::string(1025, 'k') + "</Key><Size>1</Size></Contents>"),
        page("<IsTruncated>true</IsTruncated>")})
    EXPECT_THROW(parse_list_page(xml), Error) << xml.substr(0, 200);
}

}  // namespace
}  // namespace skipjack::s3
