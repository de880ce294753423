"""Writes quantizers/formats/codebook_keys.h from a JSON file with the grids of the codebook formats.

The file has, under "grids", for each name: "levels" (ascending integers) and "grid" (one list of levels per codeword).
A grid is stored as keys: the level numbers of a codeword, 2 bits each (4 bits each in grids of four weights), the first
weight in the lowest bits. The keys ascend with the index, which the script checks.

    python3 scripts/codebook_tables.py iq_codebooks.json > quantizers/formats/codebook_keys.h
"""

import json
import sys

NAMES = ["iq1", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s"]
KEYS_PER_LINE = 14


def keys_of(entry):
    number = {level: i for i, level in enumerate(entry["levels"])}
    bits = 16 // entry["dim"]
    keys = [sum(number[level] << (bits * i) for i, level in enumerate(codeword)) for codeword in entry["grid"]]
    if keys != sorted(set(keys)):
        sys.exit("the keys of a grid do not ascend")
    return keys


def main():
    grids = json.load(open(sys.argv[1], encoding="utf-8"))["grids"]
    print("// Written by scripts/codebook_tables.py. The codewords of the IQ formats: level numbers of 2 bits each for eight")
    print("// weights, of 4 bits each for four weights, the first weight in the lowest bits; ascending.")
    print("#pragma once\n\n#include <cstdint>\n\nnamespace quantbench::formats {\n\n// clang-format off")
    for name in NAMES:
        keys = keys_of(grids[name])
        print(f"inline constexpr std::uint16_t {name}_keys[{len(keys)}] = {{")
        for i in range(0, len(keys), KEYS_PER_LINE):
            print("  " + " ".join(f"0x{key:04x}," for key in keys[i : i + KEYS_PER_LINE]))
        print("};")
    print("// clang-format on\n\n}  // namespace quantbench::formats")


main()
