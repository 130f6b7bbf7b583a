"""A vLLM engine that generates until it is ended: `python generating.py FOLDER_OF_THE_MODEL`."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    os.environ["VLLM_CPU_KVCACHE_SPACE"] = "1"
    os.environ["VLLM_CPU_OMP_THREADS_BIND"] = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    os.environ["VLLM_NO_USAGE_STATS"] = "1"
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    from vllm import LLM, SamplingParams

    engine = LLM(sys.argv[1], dtype="float32", max_model_len=1024, enforce_eager=True)
    print("generating", flush=True)
    while True:
        engine.generate(
            ["Once upon a time"] * 16,
            SamplingParams(temperature=1.0, max_tokens=900, ignore_eos=True),
            use_tqdm=False,
        )
