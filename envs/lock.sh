#!/usr/bin/env bash
# Resolves all stages so that they fit into one environment, then writes a hashed lock file for
# each. Needs uv.
set -euo pipefail
cd "$(dirname "$0")"
compile=(uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate)
joint=$(mktemp)
trap 'rm -f "$joint"' EXIT
"${compile[@]}" --override generate.overrides generate.in workflow.in evaluate.in report.in dev.in --output-file "$joint"
for stage in workflow evaluate report dev; do
  "${compile[@]}" --generate-hashes --constraint "$joint" "$stage.in" --output-file "$stage.lock"
done
# The overrides hold for a whole resolution, so the stages that have some are resolved on their own.
for stage in generate sandbox; do
  "${compile[@]}" --generate-hashes --constraint "$joint" --override "$stage.overrides" "$stage.in" --output-file "$stage.lock"
done
