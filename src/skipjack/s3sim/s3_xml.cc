#include "skipjack/s3sim/s3_xml.h"

#include <pugixml.hpp>
#include <sstream>
#include <utility>

namespace skipjack::s3sim {

void add_text(pugi::xml_node& parent, const char* name, const std::string& value) {
  parent.append_child(name).text().set(value.c_str());
}

Answer xml_answer(const pugi::xml_document& document, int status) {
  std::ostringstream out;
  document.save(out, "", pugi::format_raw, pugi::encoding_utf8);
  return {.status = status,
          .headers = {{"Content-Type", "application/xml"}},
          .text = std::move(out).str()};
}

}  // namespace skipjack::s3sim
