#!/usr/bin/env bash
# A part of `make check-faults`, the same each time: see tests/faults/run.
cd "$(dirname "$0")/../.." || exit
FAULTS=bounded exec tests/faults/run "${TS_BUILD:-build}"
