// Instruction sets of the vector loops. Every *_kernels.cpp is compiled once per set, into namespaces isa_v2 (any
// x86-64, or another architecture), isa_v3 (AVX2) and isa_v4 (AVX-512); the best one the processor has is chosen at run
// time.
#pragma once
namespace parallax {
enum class Isa { v2, v3, v4 };
Isa isa();                  // the best available; PARALLAX_ISA=v2|v3|v4 lowers it (tests compare the bits)
const char* isa_name();     // "AVX-512", "AVX2", "baseline"
void lower_isa(Isa limit);  // for tests
}  // namespace parallax
