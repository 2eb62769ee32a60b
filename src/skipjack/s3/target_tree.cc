#include "skipjack/s3/target_tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <utility>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/s3/folder_sync.h"

namespace skipjack::s3 {
namespace {

constexpr std::size_t kMostOpenFolders = 64;

std::shared_ptr<const int> shared_descriptor(int fd) {
  return {new int(fd), [](const int* owned) {
            if (*owned >= 0) ::close(*owned);
            delete owned;
          }};
}

int open_beneath(int root, const std::string& name) {
  ::open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, root, name.c_str(), &how, sizeof how));
}

/// For messages: no control characters.
std::string shown(std::string_view name) {
  std::string text(name.substr(0, 300));
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

/// Of a call that was given a name: file systems refuse those that they can't have with EINVAL.
Error name_error(int error_number, const std::string& what) {
  if (error_number != EINVAL) return errno_error(error_number, what);
  return Error(ErrorCode::InvalidArgument, what + ": the file system can't have this name",
               "download this object by itself, and name the file");
}

std::string parent_of(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? "" : name.substr(0, slash);
}
std::string last_part_of(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? name : name.substr(slash + 1);
}

/// Of the folders on the way to this one that are not there yet.
std::vector<std::filesystem::path> parents_to_be(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> parents;
  std::error_code error;
  std::filesystem::path at = std::filesystem::absolute(folder, error);
  while (at.has_relative_path() && !std::filesystem::exists(at, error)) {
    at = at.parent_path();
    parents.push_back(at);
  }
  return parents;
}

/// Unpredictable, so that nobody can lay a link in wait.
std::string temporary_name(const std::string& name) {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number))
    throw errno_error(errno, "can't draw a temporary name");
  std::array<char, 32> suffix{};
  std::snprintf(suffix.data(), suffix.size(), ".%016llx.part",
                static_cast<unsigned long long>(number));
  return name.substr(0, 230) + suffix.data();
}

/// A new file that is given its name when it is complete.
class NewFile {
 public:
  explicit NewFile(const TargetTree::Place& place) : place_(place), folder_(*place.folder) {
    fd_ = ::openat(folder_, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    if (fd_ >= 0) return;
    temporary_ = temporary_name(place_.name);
    fd_ = ::openat(folder_, temporary_.c_str(),
                   O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd_ < 0) temporary_.clear(), fail("can't create a file for ");
  }
  ~NewFile() {
    if (fd_ >= 0) ::close(fd_);
    if (!temporary_.empty()) ::unlinkat(folder_, temporary_.c_str(), 0);
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) throw errno_error(errno, "can't write " + shown(place_.name));
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }

  void finish() {
    if (place_.is_durable && ::fsync(fd_) != 0)
      throw errno_error(errno, "can't bring " + shown(place_.name) + " onto the disk");
    give_name();
    if (place_.is_durable) sync_folder(folder_, "the folder of " + shown(place_.name));
  }

 private:
  void give_name() {
    // Straight to its name where nothing has it, which is the usual case.
    if (temporary_.empty() && link_to(place_.name)) return close();
    if (temporary_.empty()) {
      std::string name = temporary_name(place_.name);
      if (!link_to(name)) fail("can't give a name to ");
      temporary_ = std::move(name);
    }
    close();
    if (::renameat(folder_, temporary_.c_str(), folder_, place_.name.c_str()) != 0)
      fail("can't rename the finished ");
    temporary_.clear();
  }
  bool link_to(const std::string& name) {
    const std::string self = "/proc/self/fd/" + std::to_string(fd_);
    return ::linkat(AT_FDCWD, self.c_str(), folder_, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
  }
  void close() {
    if (::close(std::exchange(fd_, -1)) != 0)
      throw errno_error(errno, "can't write " + shown(place_.name));
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw name_error(errno, what + shown(place_.name));
  }

  const TargetTree::Place& place_;
  const int folder_;
  std::string temporary_;
  int fd_ = -1;
};

}  // namespace

void check_relative_name(std::string_view name) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::InvalidArgument,
                "\"" + shown(name) + "\" is no name for a file below a folder: " + why,
                "download this object by itself, and name the file");
  };
  if (name.empty()) refuse("it is empty");
  if (name.find('\0') != std::string_view::npos) refuse("it holds a NUL");
  if (name.front() == '/') refuse("it is absolute");
  for (std::string_view rest = name; !rest.empty();) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, slash);
    if (part.empty()) refuse("a part of it is empty");
    if (part == "." || part == "..") refuse("it holds \"" + std::string(part) + "\"");
    if (slash + 1 == rest.size()) refuse("it ends with a slash");
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
}

std::filesystem::path TargetTree::Place::path() const {
  return "/proc/self/fd/" + std::to_string(*folder) + "/" + name;
}

TargetTree::TargetTree(const std::filesystem::path& folder, const TargetTreeOptions& options)
    : folder_(folder), options_(options) {
  std::error_code error;
  std::vector<std::filesystem::path> parents;
  if (options_.is_durable) parents = parents_to_be(folder_);
  std::filesystem::create_directories(folder_, error);
  for (const std::filesystem::path& parent : parents) SyncedFolder(parent).sync();
  const int fd = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 && errno == ENOTDIR)
    throw Error(ErrorCode::InvalidArgument, folder_.string() + " is no folder",
                "name a folder to download into");
  if (fd < 0)
    throw errno_error(error ? error.value() : errno, "can't open the folder " + folder_.string());
  root_ = shared_descriptor(fd);
}

TargetTree::~TargetTree() = default;

std::shared_ptr<const int> TargetTree::open_folder(const std::string& name) {
  if (name.empty()) return root_;
  if (const auto known = open_.find(name); known != open_.end()) return known->second;
  int fd = open_beneath(*root_, name);
  if (fd < 0 && errno == ENOENT) {
    // A loop over the parts rather than a recursion: names are hostile.
    for (std::size_t end = name.find('/');; end = name.find('/', end + 1)) {
      const std::string part = name.substr(0, end);
      const std::string above = parent_of(part);
      const auto parent = above.empty() ? root_ : shared_descriptor(open_beneath(*root_, above));
      if (*parent < 0) break;
      const bool made = ::mkdirat(*parent, last_part_of(part).c_str(), 0777) == 0;
      if (!made && errno != EEXIST)
        throw name_error(errno, "can't make the folder " + (folder_ / shown(part)).string());
      if (made && options_.is_durable) sync_folder(*parent, folder_ / shown(above));
      if (end == std::string::npos) break;
    }
    fd = open_beneath(*root_, name);
  }
  if (fd < 0 && (errno == EXDEV || errno == ELOOP))
    throw Error(ErrorCode::PermissionDenied,
                "a symbolic link on the way to " + (folder_ / shown(name)).string() +
                    " leads out of " + folder_.string(),
                "remove the link, or download into another folder");
  if (fd < 0) throw name_error(errno, "can't open the folder " + (folder_ / shown(name)).string());
  if (open_.size() >= kMostOpenFolders) open_.clear();
  return open_.emplace(name, shared_descriptor(fd)).first->second;
}

TargetTree::Place TargetTree::place(const std::string& relative_name) {
  check_relative_name(relative_name);
  Place place{open_folder(parent_of(relative_name)), last_part_of(relative_name),
              options_.is_durable};
  struct ::stat status {};
  if (::fstatat(*place.folder, place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      !S_ISREG(status.st_mode))
    throw Error(ErrorCode::InvalidArgument,
                (folder_ / shown(relative_name)).string() + " is there and is no file",
                "remove it, or download into another folder");
  return place;
}

void TargetTree::make_folder(const std::string& relative_name) {
  check_relative_name(relative_name);
  open_folder(relative_name);
}

void write_new_file(const TargetTree::Place& place, std::span<const std::byte> bytes) {
  NewFile file(place);
  file.write(bytes);
  file.finish();
}

}  // namespace skipjack::s3
