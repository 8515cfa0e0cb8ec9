// Files that are either whole or absent: written under a temporary name in the same folder, synced, renamed, folder
// synced. A failed sync is never tried again on the same file: the kernel may have dropped the pages already.
#pragma once
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parallax {

// Replaces or creates `path`. Errors are of kind io and name the path and the reason of the system.
void write_file(const std::string& path, std::string_view content);
void write_file(const std::string& path, std::span<const std::byte> content);
// The same for producers that write to a path themselves (HDF5, gnuplot): `produce` gets the temporary path, whose
// ending is that of `path`; `check` (optional) sees the closed, synced file before it is renamed.
void replace_file(const std::string& path, const std::function<void(const std::string& temporary)>& produce,
                  const std::function<void(const std::string& temporary)>& check = {});

// The first half alone: a new file at `file`, without syncing; messages speak of `shown`.
void write_bytes(const std::string& file, std::span<const std::byte> content, const std::string& shown);

void make_dirs(const std::string& path);  // with parents; existing ones are fine

// The whole of a regular file. Errors are of kind data: the caller was given the path by the user.
std::vector<std::byte> read_file(const std::string& path, uint64_t max_bytes);
std::string read_text(const std::string& path, uint64_t max_bytes = uint64_t{64} << 20);

bool natural_less(std::string_view a, std::string_view b);  // view2 before view10
// Names of a folder's entries, without hidden ones, in natural order.
std::vector<std::string> list_folder(const std::string& path);

std::string file_name(const std::string& path);     // last part, also of "folder/"
std::string stem_of(const std::string& path);       // without the last extension
std::string find_program(const std::string& name);  // in the folders of PATH; empty: not there
std::string errno_text(int error);

}  // namespace parallax
