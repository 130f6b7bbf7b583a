"""The limit: finished trees decoded again by plain batched requests, as `LLM.generate` makes them.

Every sequence is one request that is there from the first step: what it inherited is part of its
prompt, and exactly as many tokens as it had of its own are forced. Nothing is decided between
steps. Sampling is the same (temperature, a seed of its own), so that only our work is between.
"""

from __future__ import annotations

from vllm import SamplingParams
from vllm.sampling_params import RequestOutputKind

from eager.config.settings import DecodingSettings
from eager.generation.engine import VllmEngine
from tests.benchmarks.workload import Decoded, timer


def replay(
    engine: VllmEngine,
    chosen: DecodingSettings,
    decoded: Decoded,
    *,
    logprobs: bool,
    seeded: bool = True,
) -> float:
    """Seconds for the same tokens, with an empty prefix cache."""
    llm_engine = engine.llm_engine
    llm_engine.reset_prefix_cache()
    prompts = [engine.texts.tokenizer.encode(text) for text in decoded.texts]
    start = timer()
    number = 0
    for prompt, tree in zip(prompts, decoded.trees, strict=True):
        for index, sequence in enumerate(tree.sequences):
            inherited = tree.tokens(index)[: sequence.fork_position].tolist()
            parameters = SamplingParams(
                temperature=chosen.temperature,
                seed=number if seeded else None,
                max_tokens=len(sequence.tokens),
                ignore_eos=True,
                logprobs=chosen.top_k_entropy if logprobs else None,
                flat_logprobs=True,
                detokenize=False,
                output_kind=RequestOutputKind.FINAL_ONLY,
            )
            llm_engine.add_request(
                f"replay-{number}", {"prompt_token_ids": prompt + inherited}, parameters
            )
            number += 1
    tokens = 0
    while llm_engine.has_unfinished_requests():
        for output in llm_engine.step():
            tokens += len(output.outputs[0].token_ids)
    assert tokens == decoded.tokens, (tokens, decoded.tokens)
    return timer() - start
