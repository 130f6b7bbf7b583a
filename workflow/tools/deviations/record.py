"""Make the recording again with the real engine (minutes on a CPU)."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from itertools import takewhile
from multiprocessing import get_context
from pathlib import Path

from eager.config.load import read_yaml
from eager.config.settings import DecodingSettings, EngineOptions
from eager.data.models import model_folder
from eager.data.prompts import read_prompts
from eager.data.tokenization import Texts, load_tokenizer
from eager.generation.engine import VllmEngine
from eager.util.errors import EagerError
from eager.util.files import read_json
from tools.deviations.authors import ALL, VARIANTS, Variant
from tools.deviations.recording import (
    RecordingEngine,
    RecordingFacts,
    Row,
    VariantDecoder,
    write_recording,
)
from tools.deviations.replay import (
    Recording,
    Replayed,
    decide,
    first_rounds,
    read_tasks,
    settings_of,
    shares_of,
)

ROOT = Path(__file__).parents[3]
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
    folder = model_folder(results / "models" / MODEL / "manifest.json")
    recorder = _Recorder(results, Texts(load_tokenizer(folder)))
    for variant in VARIANTS.values():
        recorder.add(variant)
    otherwise = {
        name: tokenised_otherwise(folder, recorder.recording, recorder.replayed[name])
        for name in ("eager_init", ALL)
    }
    facts = recorder.recording.facts.model_copy(update={"tokenised_otherwise": otherwise})
    write_recording(output, facts, recorder.recording.logs)


class _Recorder:
    """Generates variant after variant; the budgeted ones need the result of another.

    Args:
        results: the folder `results` with a finished demo.
        texts: of tokens.
    """

    def __init__(self, results: Path, texts: Texts) -> None:
        settings = {
            method: DecodingSettings.model_validate(read_json(folder / "run.json")["parameters"])
            for method, folder in result_folders(results).items()
        }
        prompts, vocabulary = read_prompts(results / "demo" / MODEL / DATASET / "prompts.parquet")
        datasets = read_yaml(ROOT / "config/datasets.yaml")
        facts = RecordingFacts(
            settings=settings,
            vocabulary=vocabulary,
            prompt_ids=tuple(prompt.id for prompt in prompts),
            tasks=TASKS,
            prompt_template=datasets[DATASET]["prompt_template"],
        )
        self.recording = Recording(facts, {}, read_tasks(ROOT / TASKS))
        self.replayed: dict[str, Replayed] = {}
        self._results = results
        self._texts = texts

    def add(self, variant: Variant) -> None:
        """Generate a variant, unless it asks for the very steps of another, and replay it."""
        facts, logs = self.recording.facts, self.recording.logs
        initial = self.replayed[variant.initial] if variant.budgeted else None
        ours = logs.get(variant.method, [])
        # What decides nothing differently would hear the same from the model.
        fits = _fits(variant, facts, initial, ours)
        log = ours if fits else _generate(variant, self._results, facts, initial)
        columns = ("sampled", "best", "second")
        seen = {row[column] for row in log for column in columns} - {-1}
        known = facts.token_texts | {token: self._texts.of_token(token) for token in sorted(seen)}
        facts = facts.model_copy(update={"token_texts": dict(sorted(known.items()))})
        self.recording = Recording(facts, {**logs, variant.name: log}, self.recording.tasks)
        self.replayed[variant.name] = self.recording.replay(variant.name, initial)


def tokenised_otherwise(folder: Path, recording: Recording, result: Replayed) -> tuple[int, float]:
    """Sequences that are other tokens if their text is tokenised again (E).

    Args:
        folder: the model's folder.
        recording: for the prompts.
        result: whose sequences.

    Returns:
        How many, and the share of all tokens that lies at or behind the first such place.
    """
    tokenizer = load_tokenizer(folder)
    count = behind = tokens = 0
    for name, rows in result.sequences.items():
        prompt = recording.facts.prompt_template.replace("{prompt}", recording.tasks[name].problem)
        start = len(tokenizer.encode(prompt))
        for row in rows:
            again = tokenizer.encode(prompt + row["text"])[start:]
            pairs = zip(again, row["token_ids"], strict=False)
            shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
            count += again != row["token_ids"]
            behind += len(row["token_ids"]) - shared
            tokens += len(row["token_ids"])
    return count, behind / tokens


def _fits(
    variant: Variant, facts: RecordingFacts, initial: Replayed | None, log: list[Row]
) -> bool:
    """Whether a variant asks for exactly the steps of a log."""
    try:
        decide(variant, facts, log, initial)
    except EagerError:
        return False
    return True


def _generate(
    variant: Variant, results: Path, facts: RecordingFacts, initial: Replayed | None
) -> list[Row]:
    """Record with an engine of its own, as in the workflow: a warm cache changes the last bits."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_record_variant, variant, results, facts, initial).result()


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


def _record_variant(
    variant: Variant, results: Path, facts: RecordingFacts, initial: Replayed | None
) -> list[Row]:
    run = read_json(result_folders(results)[variant.method] / "run.json")
    settings = settings_of(variant, facts)
    prompts, vocabulary = read_prompts(results / "demo" / MODEL / DATASET / "prompts.parquet")
    engine = VllmEngine(
        model_folder(results / "models" / MODEL / "manifest.json"),
        settings,
        EngineOptions.model_validate(run["engine_options"]),
        vocabulary.context_length,
        vocabulary.end_of_sequence,
    )
    recording = RecordingEngine(engine, settings.top_k_entropy)
    decoder = VariantDecoder(recording, settings, vocabulary, engine.texts, variant)
    shares = shares_of(variant, initial, settings) if initial else {}
    work = [(p, first_rounds(variant, settings, shares, p.id)) for p in prompts]
    for _ in decoder.run(work):
        pass
    return recording.rows
