// The flat form of an HDF5 file that passes from the helper process to ours: one record per group and data set, every
// length in front of its bytes, little endian. Written by hdf5_transcode, read by parse_hdf5_reply (hdf5.h) as hostile.
//
//   reply   = magic[8] total:u64 nodes:u64 node*          or  error_magic[8] length:u64 text
//   node    = mark:u32 kind:u8 path:text shape attributes:u32 (name:text kind:u8 shape payload)* payload
//   kind    = 0 group, 1 + H5Type otherwise, 0x80 set: declared but no values stored
//   shape   = rank:u8 size:u64*         text = length:u32 byte*
//   payload = length:u64 byte*          strings and references: text* inside the payload
#pragma once
#include <cstdint>

namespace parallax {

constexpr char h5_reply_magic[9] = "PLXTREE1";
constexpr char h5_error_magic[9] = "PLXERROR";
constexpr uint32_t h5_node_mark = 0x45444f4e;  // "NODE"
constexpr uint8_t h5_no_storage = 0x80;
constexpr uint64_t h5_max_rank = 4, h5_max_name = 1024, h5_max_depth = 16, h5_max_nodes = 200000,
                   h5_max_attributes = 4096;
constexpr uint64_t h5_max_error_text = 4096;

}  // namespace parallax
