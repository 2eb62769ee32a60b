// See object_store.h. Files are opened below the folder by openat2 with RESOLVE_BENEATH, so that
// the kernel, not string surgery, keeps keys inside.
#include "skipjack/s3sim/object_store.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>

#include "skipjack/base/error.h"
#include "skipjack/s3sim/signature.h"

namespace skipjack::s3sim {
namespace {

namespace fs = std::filesystem;

int open_beneath(int folder, const std::string& path, std::uint64_t flags) {
  ::open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how));
}

/// Changes whenever the file does, as far as its inode tells.
std::string file_etag(const struct ::stat& status) {
  const std::string text = std::to_string(status.st_dev) + "." + std::to_string(status.st_ino) +
                           "." + std::to_string(status.st_size) + "." +
                           std::to_string(status.st_mtim.tv_sec) + "." +
                           std::to_string(status.st_mtim.tv_nsec);
  return "\"" + sha256_hex(text).substr(0, 32) + "-1\"";
}

}  // namespace

bool is_valid_bucket_name(std::string_view name) {
  const auto is_alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return name.size() >= 3 && name.size() <= 63 && is_alnum(name.front()) && is_alnum(name.back()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_alnum(c) || c == '.' || c == '-'; }) &&
         name.find("..") == std::string_view::npos;
}

ObjectStore::ObjectStore(ObjectStoreOptions options) : options_(std::move(options)) {
  if (options_.folder.empty()) return;
  folder_ = Descriptor(::open(options_.folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (folder_.get() < 0) throw errno_error(errno, "folder of objects \"" + options_.folder + "\"");
}

void ObjectStore::create_bucket(const std::string& bucket) {
  std::lock_guard lock(mutex_);
  buckets_.try_emplace(bucket);
}

bool ObjectStore::has_bucket(const std::string& bucket) const {
  {
    std::lock_guard lock(mutex_);
    if (buckets_.contains(bucket)) return true;
  }
  if (folder_.get() < 0 || bucket.find('/') != std::string::npos || bucket.starts_with('.'))
    return false;
  return Descriptor(open_beneath(folder_.get(), bucket, O_PATH | O_DIRECTORY)).get() >= 0;
}

std::vector<std::string> ObjectStore::buckets() const {
  std::set<std::string> names;
  if (!options_.folder.empty()) {
    std::error_code error;
    for (fs::directory_iterator it(options_.folder, error), end; !error && it != end;
         it.increment(error)) {
      const std::string name = it->path().filename().string();
      std::error_code ignored;  // An entry that vanished is no bucket.
      if (!name.starts_with('.') && it->is_directory(ignored)) names.insert(name);
    }
  }
  std::lock_guard lock(mutex_);
  for (const auto& [name, objects] : buckets_) names.insert(name);
  return {names.begin(), names.end()};
}

std::optional<ObjectVersion> ObjectStore::find(const std::string& bucket,
                                               const std::string& key) const {
  {
    std::lock_guard lock(mutex_);
    const auto objects = buckets_.find(bucket);
    if (objects != buckets_.end()) {
      const auto found = objects->second.find(key);
      if (found != objects->second.end()) return found->second;
    }
  }
  return find_in_folder(bucket, key);
}

std::optional<ObjectVersion> ObjectStore::find_in_folder(const std::string& bucket,
                                                         const std::string& key) const {
  if (folder_.get() < 0 || bucket.starts_with('.') || key.find('\0') != std::string::npos)
    return std::nullopt;
  const Descriptor directory(open_beneath(folder_.get(), bucket, O_PATH | O_DIRECTORY));
  if (directory.get() < 0) return std::nullopt;
  // O_NONBLOCK: opening a FIFO must not wait for its writer.
  Descriptor file(open_beneath(directory.get(), key, O_RDONLY | O_NONBLOCK));
  struct ::stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return std::nullopt;
  auto blob = std::make_shared<Blob>();
  blob->fd = file.get();
  blob->owned = std::move(file);
  blob->size = blob->period = status.st_size;
  return ObjectVersion{.blob = std::move(blob),
                       .size = status.st_size,
                       .etag = file_etag(status),
                       .last_modified = status.st_mtim.tv_sec,
                       .metadata = {}};
}

StoreOutcome ObjectStore::put(const std::string& bucket, const std::string& key,
                              ObjectVersion version) {
  // A bucket of the folder takes uploads too: they live in memory and hide its files.
  const bool exists = has_bucket(bucket);
  std::lock_guard lock(mutex_);
  if (!exists && !buckets_.contains(bucket)) return StoreOutcome::NoBucket;
  Bucket& objects = buckets_[bucket];
  const auto old = objects.find(key);
  if (old != objects.end()) bytes_used_ -= old->second.blob->charged_bytes;
  objects.insert_or_assign(key, std::move(version));
  return StoreOutcome::Ok;
}

void ObjectStore::remove(const std::string& bucket, const std::string& key) {
  std::lock_guard lock(mutex_);
  const auto objects = buckets_.find(bucket);
  if (objects == buckets_.end()) return;
  const auto found = objects->second.find(key);
  if (found == objects->second.end()) return;
  bytes_used_ -= found->second.blob->charged_bytes;
  objects->second.erase(found);
}

void ObjectStore::list_folder(const std::string& bucket, const std::string& prefix,
                              std::map<std::string, ListedObject>& into) const {
  if (folder_.get() < 0 || bucket.starts_with('.') || bucket.find('/') != std::string::npos) return;
  const fs::path root = fs::path(options_.folder) / bucket;
  std::error_code error;
  for (fs::recursive_directory_iterator it(root, error), end; !error && it != end;
       it.increment(error)) {
    std::string key = it->path().lexically_relative(root).generic_string();
    if (!key.starts_with(prefix)) continue;
    const auto version = find_in_folder(bucket, key);
    if (!version) continue;
    into[key] = {.key = key,
                 .size = version->size,
                 .etag = version->etag,
                 .last_modified = version->last_modified};
  }
}

std::vector<ListedObject> ObjectStore::list(const std::string& bucket,
                                            const std::string& prefix) const {
  std::map<std::string, ListedObject> found;
  list_folder(bucket, prefix, found);
  {
    std::lock_guard lock(mutex_);
    const auto objects = buckets_.find(bucket);
    if (objects != buckets_.end()) {
      for (auto it = objects->second.lower_bound(prefix);
           it != objects->second.end() && it->first.starts_with(prefix); ++it)
        found[it->first] = {.key = it->first,
                            .size = it->second.size,
                            .etag = it->second.etag,
                            .last_modified = it->second.last_modified};
    }
  }
  std::vector<ListedObject> listed;
  listed.reserve(found.size());
  for (auto& [key, object] : found) listed.push_back(std::move(object));
  return listed;
}

bool ObjectStore::reserve(std::int64_t bytes) {
  std::lock_guard lock(mutex_);
  if (bytes > options_.memory_limit - bytes_used_) return false;
  bytes_used_ += bytes;
  return true;
}

void ObjectStore::release(std::int64_t bytes) {
  std::lock_guard lock(mutex_);
  bytes_used_ -= bytes;
}

}  // namespace skipjack::s3sim
