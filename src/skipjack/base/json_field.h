// Reading one field of a JSON object, with errors that name it.
#pragma once

#include <string>

#include "skipjack/base/error.h"

namespace skipjack {

/// What read() gives. What it throws, of a value of the wrong type, begins with the field's name.
template <class Read>
auto read_field(const std::string& field, Read read) {
  try {
    return read();
  } catch (const Error& error) {
    throw Error(error.code(), field + ": " + error.what(), error.try_this());
  }
}

}  // namespace skipjack
