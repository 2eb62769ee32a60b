// What S3's answers in XML have in common.
#pragma once

#include <string>

#include "skipjack/s3sim/s3_api.h"

namespace pugi {
class xml_document;
class xml_node;
}  // namespace pugi

namespace skipjack::s3sim {

inline constexpr const char* kS3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/";

void add_text(pugi::xml_node& parent, const char* name, const std::string& value);
Answer xml_answer(const pugi::xml_document& document, int status);

}  // namespace skipjack::s3sim
