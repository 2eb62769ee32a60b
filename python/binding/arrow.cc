// The structs are those of the specification's C data interface: whoever takes an array moves it
// out and releases it, children each for themselves. So every array and schema here owns a share of
// the batch that its buffers are in.
#include "arrow.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "skipjack/base/json.h"
#include "skipjack/base/utf8.h"

namespace skipjack::python {
namespace {

namespace nb = nanobind;

extern "C" {
struct ArrowSchema {
  const char *format, *name, *metadata;
  std::int64_t flags, n_children;
  ArrowSchema **children, *dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};
struct ArrowArray {
  std::int64_t length, null_count, offset, n_buffers, n_children;
  const void** buffers;
  ArrowArray **children, *dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};
struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema*);
  int (*get_next)(ArrowArrayStream*, ArrowArray*);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};
}
constexpr std::int64_t kNullable = 2;

/// Bit i of a column's bits is set for row i.
using Bits = std::vector<std::uint8_t>;
void set_bit(Bits& bits, std::size_t i) {
  bits[i / 8] = static_cast<std::uint8_t>(bits[i / 8] | (1U << (i % 8)));
}

struct Column {
  std::string name;
  const char* format = "";
  std::int64_t nulls = 0;
  Bits valid, truths;
  std::vector<double> doubles;
  /// Values, or where texts begin.
  std::vector<std::int64_t> integers;
  std::string texts;
  /// As the format wants them.
  std::vector<const void*> buffers;
};

struct Batch {
  std::int64_t rows = 0;
  std::vector<Column> columns;
  std::array<const void*, 1> no_bits = {nullptr};
};
using Share = std::shared_ptr<Batch>;

const char* format_of(const Table& table, std::size_t index) {
  const auto all = [&](auto is) {
    return std::all_of(table.rows.begin(), table.rows.end(), [&](const std::vector<Json>& row) {
      return row[index].is_null() || is(row[index]);
    });
  };
  if (all([](const Json& cell) { return cell.is_int(); })) return "l";
  if (all([](const Json& cell) { return cell.is_number(); })) return "g";
  if (all([](const Json& cell) { return cell.is_bool(); })) return "b";
  return "U";  // texts with 64-bit offsets
}

void append(Column& column, const Json& cell, std::size_t row) {
  if (!cell.is_null())
    set_bit(column.valid, row);
  else
    ++column.nulls;
  switch (*column.format) {
    case 'l':
      column.integers.push_back(cell.is_null() ? 0 : cell.as_int());
      break;
    case 'g':
      column.doubles.push_back(cell.is_null() ? 0 : cell.as_double());
      break;
    case 'b':
      if (!cell.is_null() && cell.as_bool()) set_bit(column.truths, row);
      break;
    default:
      // What isn't UTF-8 is none of Arrow's texts.
      if (!cell.is_null())
        column.texts += valid_utf8(cell.is_string() ? cell.as_string() : to_python_text(cell));
      column.integers.push_back(static_cast<std::int64_t>(column.texts.size()));
  }
}

Column column_of(const Table& table, std::size_t index) {
  Column column{.name = valid_utf8(table.columns[index]), .format = format_of(table, index)};
  const std::size_t bytes = (table.rows.size() + 7) / 8;
  column.valid.resize(bytes);
  if (*column.format == 'b') column.truths.resize(bytes);
  if (*column.format == 'U') column.integers.push_back(0);
  for (std::size_t row = 0; row < table.rows.size(); ++row)
    append(column, table.rows[row][index], row);
  return column;
}

Share batch_of(const Table& table) {
  auto batch = std::make_shared<Batch>();
  batch->rows = static_cast<std::int64_t>(table.rows.size());
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    batch->columns.push_back(column_of(table, i));
  for (Column& column : batch->columns) {
    column.buffers = {column.valid.data()};
    if (*column.format == 'l' || *column.format == 'U')
      column.buffers.push_back(column.integers.data());
    if (*column.format == 'g') column.buffers.push_back(column.doubles.data());
    if (*column.format == 'b') column.buffers.push_back(column.truths.data());
    if (*column.format == 'U') column.buffers.push_back(column.texts.data());
  }
  return batch;
}

/// What a struct (an ArrowSchema or ArrowArray) with its children owns.
template <class Node>
struct Owned {
  Share batch;
  std::vector<Node> children;
  std::vector<Node*> pointers;
};

template <class Node>
void release(Node* node) {
  for (std::int64_t i = 0; i < node->n_children; ++i)
    if (node->children[i]->release) node->children[i]->release(node->children[i]);
  delete static_cast<Owned<Node>*>(node->private_data);
  node->release = nullptr;
}

/// node: zeros but for what describes it. make_child: fills in a zeroed node from a column.
template <class Node, class MakeChild>
void own(Node* node, const Share& batch, MakeChild make_child) {
  auto owned = std::make_unique<Owned<Node>>();
  owned->batch = batch;
  owned->children.resize(batch->columns.size());
  for (std::size_t i = 0; i < owned->children.size(); ++i) {
    Node& child = owned->children[i];
    make_child(&child, batch->columns[i]);
    child.private_data = new Owned<Node>{batch, {}, {}};
    child.release = &release<Node>;
    owned->pointers.push_back(&child);
  }
  node->n_children = static_cast<std::int64_t>(owned->pointers.size());
  node->children = owned->pointers.data();
  node->private_data = owned.release();
  node->release = &release<Node>;
}

void fill_schema(ArrowSchema* schema, const Share& batch) {
  *schema = {};
  schema->format = "+s";
  schema->name = "";
  own(schema, batch, [](ArrowSchema* child, const Column& column) {
    child->format = column.format;
    child->name = column.name.c_str();
    child->flags = kNullable;
  });
}

void fill_array(ArrowArray* array, const Share& batch) {
  *array = {};
  array->length = batch->rows;
  array->n_buffers = 1;
  array->buffers = batch->no_bits.data();
  own(array, batch, [&](ArrowArray* child, Column& column) {
    child->length = batch->rows;
    child->null_count = column.nulls;
    child->n_buffers = static_cast<std::int64_t>(column.buffers.size());
    child->buffers = column.buffers.data();
  });
}

struct Stream {
  Share batch;
  bool is_at_end = false;
};

template <class Fill>
int or_out_of_memory(Fill fill) {
  try {
    fill();
    return 0;
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  }
}

int get_schema(ArrowArrayStream* self, ArrowSchema* schema) {
  return or_out_of_memory(
      [&] { fill_schema(schema, static_cast<Stream*>(self->private_data)->batch); });
}

int get_next(ArrowArrayStream* self, ArrowArray* array) {
  return or_out_of_memory([&] {
    auto& stream = *static_cast<Stream*>(self->private_data);
    if (stream.is_at_end)
      *array = {};
    else
      fill_array(array, stream.batch);
    stream.is_at_end = true;
  });
}

const char* get_last_error(ArrowArrayStream*) { return nullptr; }

void release_stream(ArrowArrayStream* self) {
  delete static_cast<Stream*>(self->private_data);
  self->release = nullptr;
}

constexpr const char* kCapsule = "arrow_array_stream";

void destroy_capsule(PyObject* capsule) {
  auto* const stream = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule, kCapsule));
  if (stream->release) stream->release(stream);
  delete stream;
}

}  // namespace

nb::object arrow_stream(const Table& table) {
  auto state = std::make_unique<Stream>(Stream{batch_of(table)});
  auto stream = std::make_unique<ArrowArrayStream>(
      ArrowArrayStream{&get_schema, &get_next, &get_last_error, &release_stream, state.release()});
  PyObject* const capsule = PyCapsule_New(stream.get(), kCapsule, &destroy_capsule);
  if (!capsule) {
    stream->release(stream.get());
    throw nb::python_error();
  }
  stream.release();
  return nb::steal(capsule);
}

}  // namespace skipjack::python
