#!/bin/sh
# FLARE 2025, task 1, subtask 2: each inputs/CASE.npz becomes outputs/CASE.nii.gz (FORMAT=npz: outputs/CASE.npz).
# CROP=joint takes the paper's crop instead of a cube around each line; WEIGHTS=FOLDER other weights than those that ship.
# Research use, not a medical device.
set -eu
exec lite-ensam flare "${INPUTS:-/workspace/inputs}" "${OUTPUTS:-/workspace/outputs}" \
    --format "${FORMAT:-nii.gz}" ${CROP:+--crop "$CROP"} ${WEIGHTS:+--weights "$WEIGHTS"} --overwrite
