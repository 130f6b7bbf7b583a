"""Make the recording again with the real engine (minutes on a CPU)."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from eager.config.settings import DecodingSettings, EngineOptions
from eager.data.prompts import read_prompts
from eager.generation.engine import VllmEngine
from eager.report.page.tokens import TokenTexts
from eager.util.errors import EagerError
from eager.util.files import model_folder, read_json
from eager.util.tables import read_table
from tools.deviations.authors import VARIANTS, Variant
from tools.deviations.recording import (
    RecordingEngine,
    RecordingFacts,
    Row,
    VariantDecoder,
    write_recording,
)
from tools.deviations.replay import Replayed, decide, first_rounds, shares_of

MODEL, DATASET = "SmolLM2-135M-Instruct", "arithmetic"
TASKS = "config/data/arithmetic.jsonl"


def record(results: Path, output: Path) -> None:
    """Generate every variant on the demo's arithmetic problems and write what the model said.

    Args:
        results: the folder `results` with a finished demo.
        output: the recording.

    Raises:
        EagerError: the demo is not there.
    """
    folders = result_folders(results)
    settings = {
        method: DecodingSettings.model_validate(read_json(folder / "run.json")["parameters"])
        for method, folder in folders.items()
    }
    prompts, vocabulary = read_prompts(results / "demo" / MODEL / DATASET / "prompts.parquet")
    facts = RecordingFacts(
        settings=settings,
        vocabulary=vocabulary,
        prompt_ids=tuple(prompt.id for prompt in prompts),
        tasks=TASKS,
    )
    initial = initial_result(results)
    logs: dict[str, list[Row]] = {}
    for name, variant in VARIANTS.items():
        ours = logs.get(variant.method, [])
        # What decides nothing differently would hear the same from the model.
        logs[name] = ours if _fits(variant, facts, initial, ours) else _generate(name, results)
    texts = TokenTexts(model_folder(results / "models" / MODEL / "manifest.json"))
    columns = ("sampled", "best", "second")
    seen = {row[column] for log in logs.values() for row in log for column in columns} - {-1}
    facts = facts.model_copy(update={"token_texts": {t: texts.of(t) for t in sorted(seen)}})
    write_recording(output, facts, logs)


def _fits(variant: Variant, facts: RecordingFacts, initial: Replayed, log: list[Row]) -> bool:
    """Whether a variant asks for exactly the steps of a log."""
    try:
        decide(variant, facts, log, initial if variant.budgeted else None)
    except EagerError:
        return False
    return True


def _generate(name: str, results: Path) -> list[Row]:
    """Record with an engine of its own, as in the workflow: a warm cache changes the last bits."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_record_variant, name, results).result()


def result_folders(results: Path) -> dict[str, Path]:
    """The demo's folder of each method on the recorded data set.

    Raises:
        EagerError: the demo has not been run.
    """
    found = (results / "demo" / MODEL / DATASET).glob("*/*/run.json")
    folders = {path.parent.name: path.parent for path in found}
    missing = {variant.method for variant in VARIANTS.values()} - folders.keys()
    if missing:
        raise EagerError(
            f"{results}/demo: no result of {', '.join(sorted(missing))} on {DATASET}; run the demo "
            "first: snakemake --workflow-profile workflow/profiles/cpu"
        )
    return folders


def initial_result(results: Path) -> Replayed:
    """EAGer-init's result as the demo left it, as far as shares depend on it."""
    folder = result_folders(results)["eager_init"]
    sequences: dict[str, list[Row]] = {}
    verdicts: dict[str, list[Row]] = {}
    for table, rows in (("sequences", sequences), ("verdicts", verdicts)):
        for row in read_table(folder / f"{table}.parquet", table).to_pylist():
            rows.setdefault(row["prompt_id"], []).append(row)
    return Replayed(VARIANTS["eager_init"], sequences, verdicts, branches=[], shares={})


def _record_variant(name: str, results: Path) -> list[Row]:
    variant = VARIANTS[name]
    folder = result_folders(results)[variant.method]
    run = read_json(folder / "run.json")
    settings = DecodingSettings.model_validate(run["parameters"])
    prompts, vocabulary = read_prompts(results / "demo" / MODEL / DATASET / "prompts.parquet")
    engine = VllmEngine(
        model_folder(results / "models" / MODEL / "manifest.json"),
        settings,
        EngineOptions.model_validate(run["engine_options"]),
        vocabulary.context_length,
        vocabulary.end_of_sequence,
    )
    recording = RecordingEngine(engine, settings.top_k_entropy)
    decoder = VariantDecoder(recording, settings, vocabulary, variant)
    shares = shares_of(variant, initial_result(results), settings) if variant.budgeted else {}
    work = [(p, first_rounds(variant, settings, shares, p.id)) for p in prompts]
    for _ in decoder.run(work):
        pass
    return recording.rows
