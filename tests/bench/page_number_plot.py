#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Draws what a page's number costs, by what the reference leads to: page_number_plot.py RATIOS.JSON >page_number.svg"""

import json
import math
import sys

ROWS = [
    ("page, no test", "pfn_base_tagged", "against"),
    ("page, tag tested", "pfn_base_tagged", "gup"),
    ("page, flag tested", "pfn_base_flag", "gup"),
    ("dynamic page", "pfn_dynamic", "gup"),
    ("private pointer", "pfn_private", "gup"),
    ("proxy", "pfn_proxy", "gup"),
]
CASES = [("", "#4878a8", "64 pages, in the first-level cache"),
         ("_64Ki", "#d1793f", "64 Ki pages in random order")]
LEFT, TOP, WIDTH, BAR, GAP = 130, 40, 470, 14, 14
LEAST, MOST = 1, 1000  # ns


def x_of(nanoseconds):
    return LEFT + WIDTH * math.log(nanoseconds / LEAST) / math.log(MOST / LEAST)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        measured = {row["name"]: row for row in json.load(file)}
    height = TOP + len(ROWS) * (2 * BAR + GAP) + 30
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 70}" height="{height}" '
           'font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="white"/>']
    for i, (_, colour, text) in enumerate(CASES):
        out.append(f'<rect x="{LEFT + 240 * i}" y="10" width="12" height="12" fill="{colour}"/>'
                   f'<text x="{LEFT + 18 + 240 * i}" y="21">{text}</text>')
    for tick in (1, 10, 100, 1000):
        x = x_of(tick)
        out.append(f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{height - 26}" stroke="#ccc"/>'
                   f'<text x="{x:.1f}" y="{height - 10}" text-anchor="middle">{tick} ns</text>')
    y = TOP
    for label, name, side in ROWS:
        out.append(f'<text x="{LEFT - 8}" y="{y + BAR + 4}" text-anchor="end">{label}</text>')
        for suffix, colour, _ in CASES:
            value = measured[name + suffix][side]
            out.append(f'<rect x="{LEFT}" y="{y}" width="{x_of(value) - LEFT:.1f}" height="{BAR - 1}" '
                       f'fill="{colour}"/><text x="{x_of(value) + 4:.1f}" y="{y + 11}">{value:.1f}</text>')
            y += BAR
        y += GAP
    out.append("</svg>")
    print("\n".join(out))


main()
