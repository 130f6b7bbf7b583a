#!/usr/bin/env bash
# Resolves all stages so that they fit into one environment, then writes a hashed lock file for
# each. What is pinned already stays as it is; with UPGRADE=1 everything is resolved anew.
set -euo pipefail
cd "$(dirname "$0")"
export PATH="$PWD/../.venv/bin:$PATH"
command -v uv >/dev/null || { echo "uv is missing: make setup" >&2; exit 1; }
compile=(uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate)
joint=$(mktemp)
trap 'rm -f "$joint"' EXIT
if [ -z "${UPGRADE:-}" ]; then
  # uv keeps the versions that stand in its output file.
  sed -n 's/^\([A-Za-z0-9._-]*==[^ ]*\).*/\1/p' workflow.lock data.lock evaluate.lock report.lock dev.lock generate.lock | sort -u >"$joint"
fi
"${compile[@]}" --override generate.overrides generate.in workflow.in data.in evaluate.in report.in dev.in --output-file "$joint"
for stage in workflow data evaluate report dev generate-gpu; do
  "${compile[@]}" --generate-hashes --constraint "$joint" "$stage.in" --output-file "$stage.lock"
done
# The two builds of vLLM ask for different versions of one package and are never installed together.
sed -i '/^apache-tvm-ffi==/d' "$joint"
# The overrides hold for a whole resolution, so the stages that have some are resolved on their own.
for stage in generate vllm-gpu sandbox; do
  "${compile[@]}" --generate-hashes --constraint "$joint" --override "$stage.overrides" "$stage.in" --output-file "$stage.lock"
done
