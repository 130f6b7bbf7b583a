"""From prompts to sequences with vLLM.

Start with `shard_job.py`, the job behind the rules `parallel`, `eager_init`, `eager_adapt` and
`eager`. `decoder.py` runs all prompts at once and asks `algorithm` at every step.
"""
