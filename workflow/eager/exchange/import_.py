"""The authors' JSON files as our results, so that they are evaluated, measured and compared."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from eager.config.experiment import imported_target
from eager.config.paths import imported_folder
from eager.config.schema import Cell
from eager.config.settings import Method
from eager.data.encoding import SCHEMA as PROMPTS
from eager.data.models import write_manifest
from eager.data.tasks import Task, read_tasks
from eager.data.tokenization import load_tokenizer
from eager.evaluation.evaluate import evaluate
from eager.evaluation.measure import measure_target
from eager.evaluation.programs import CodeOptions
from eager.exchange.authors_format import (
    BACKUP,
    PromptGenerations,
    ResultFile,
    is_result_name,
    method_of,
    read_result_file,
)
from eager.exchange.conversion import (
    Conversion,
    Rows,
    longest_list,
    template_end_of,
)
from eager.generation.provenance import describe_run
from eager.sandbox.settings import SandboxSettings
from eager.util.errors import EagerError
from eager.util.files import read_json, write_json, write_text
from eager.util.tables import BRANCHES, SEQUENCES, SEQUENCES_OF_STEPS, write_table

Say = Callable[[str], None]


@dataclass(frozen=True)
class ImportOptions:
    """How files are read and evaluated.

    Attributes:
        kind: "math", "choice" or "code".
        tokenizer: folder of the model's tokenizer; None: tokens are counted by the lists of
            entropies, as the authors do.
        tasks: tasks.jsonl with ids and, for code, tests; None: prompts are numbered.
        model: name of the model; None: the last part of the file's.
        dataset: name of the data set; None: the last part of the file's.
        code: how texts become programs.
        sandbox: how programs are run.
        cache: folder of programs' stored results.
    """

    kind: str = "math"
    tokenizer: Path | None = None
    tasks: Path | None = None
    model: str | None = None
    dataset: str | None = None
    code: CodeOptions = field(default_factory=CodeOptions)
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)
    cache: Path = Path("results/sandbox")


def import_folder(folder: Path, options: ImportOptions, output: Path, say: Say) -> None:
    """Turn every result file in a folder, and in folders below it, into a result of ours.

    Each goes to `{output}/{model}/{dataset}/{cell}/{method}/`, as the workflow lays results out.

    Args:
        folder: a run's folder, or one that holds several.
        options: how files are read and evaluated.
        output: the experiment's folder; its name is the experiment's.
        say: is told, one line each, what was read and what was left out.

    Raises:
        EagerError: there is no result file, or one cannot be read or imported; the others are.
    """
    files = [path for path in sorted(folder.rglob("*.json")) if is_result_name(path)]
    backups = [path for path in files if path.name.endswith(BACKUP)]
    for path in backups:
        say(f"{path}: left out, a backup of an earlier run; import it by its own name")
    files = [path for path in files if path not in backups]
    if not files:
        raise EagerError(f"{folder}: no result file of the authors' code in it or below it")
    read = {path: read_result_file(path)[0] for path in files}
    sources: dict[Path, Path] = {}
    faults = []
    for path, result in read.items():
        # Budget files do not name their data set; the run's other files do.
        names = [r.data.data_name for p, r in read.items() if p.parent == path.parent and r.data]
        cell = cell_of(result, options, names)
        method = method_of(path, result)
        target = output / imported_folder(cell, method)
        if target in sources:
            say(
                f"{path}: left out, of the same cell and method as {sources[target]}; import it to "
                "another folder"
            )
            continue
        sources[target] = path
        try:
            import_result(path, options, target, say, cell=cell, experiment=output.name)
        except EagerError as error:
            faults.append(str(error))
    if faults:
        raise EagerError(
            "\n".join([f"{len(faults)} of {len(sources)} files were not imported:", *faults])
        )


def import_result(
    path: Path,
    options: ImportOptions,
    output: Path,
    say: Say,
    *,
    cell: Cell | None = None,
    experiment: str = "imported",
) -> None:
    """Turn a result file of the authors' code into a result folder of ours, evaluated and measured.

    Writes sequences.parquet, branches.parquet, run.json, tasks.jsonl, prompts.parquet,
    verdicts.parquet, metrics.json, and model.json where a tokenizer is given.

    Args:
        path: the file.
        options: how it is read and evaluated.
        output: folder to write.
        say: is told, one line each, what the file lacks and what it was taken for.
        cell: its place among experiments; None: read from the file alone.
        experiment: name of the experiment it stands under.

    Raises:
        EagerError: the file is not one, its tokens cannot be counted, or a task is not found.
    """
    result, said = read_result_file(path)
    method = method_of(path, result)
    cell = cell or cell_of(result, options, [])
    if missing := result.prompts_missing():
        said.append(f"{path}: unfinished, {missing} prompts are not there yet")
    if options.tokenizer is None and not result.kept_notes():
        said.append(
            f"{path}: tokens are those of the authors' count; give --tokenizer for true ones"
        )
    _write_rows(path, method, result, options, output)
    counts = result.kept_notes().get("counts") or {"engine_seconds": result.extra.seconds}
    parameters = {"method": method, **result.params.model_dump()}
    run = describe_run(parameters, counts=counts, imported_from=path.name, said=said)
    # It was made on another machine, of which the file says nothing.
    write_json(output / "run.json", run | {"hardware": {}})
    if options.tokenizer is not None:
        write_manifest(output / "model.json", options.tokenizer, {})
    target = imported_target(output, {"experiment": experiment, **cell.model_dump()}, method)
    evaluate(target, options.code, options.sandbox, options.cache)
    measure_target(target, prompts_missing=missing)
    metrics = read_json(output / "metrics.json")
    said.append(
        f"{path}: {method}, {metrics['prompts']} prompts, answers compared as {options.kind}, "
        f"Pass@k {metrics['pass_at_k']:.3f} -> {output}"
    )
    for line in said:
        say(line)


def cell_of(result: ResultFile, options: ImportOptions, data_names: list[str]) -> Cell:
    """The cell of a file; a budget file takes its data set's name from the run's other files."""
    data_names = [result.data.data_name] if result.data else data_names
    params = result.params
    return Cell(
        model=options.model or _name(params.model_name),
        dataset=options.dataset or _name(data_names[0] if data_names else "unknown"),
        temperature=params.temperature,
        max_sequences=params.max_sequences,
        entropy_threshold=params.entropy_threshold or 0.0,
        seed=params.seed,
        rule=result.kept_notes().get("rule", "authors"),
    )


def _name(text: str) -> str:
    """The last part of a hub name or path, as a name of ours."""
    last = text.rstrip("/").rsplit("/", 1)[-1]
    return re.sub(r"[^A-Za-z0-9._-]", "-", last).lstrip("._-") or "unnamed"


def _write_rows(
    path: Path, method: Method, result: ResultFile, options: ImportOptions, output: Path
) -> None:
    """Write sequences, branches, prompts and tasks."""
    notes = result.kept_notes().get("prompts") or []
    if notes and len(notes) != len(result.generations):
        raise EagerError(f"{path}: the notes have {len(notes)} prompts; export it again")
    find = _task_finder(options, len(result.generations))
    conversion = Conversion(
        aware=method != "parallel",
        theta=result.params.entropy_threshold,
        max_sequences=result.params.max_sequences,
        template_end=template_end_of(result.generations) if method != "parallel" else "",
        longest=longest_list(result.generations),
        **_tokenizer(options.tokenizer),
    )
    sequences: Rows = []
    branches: Rows = []
    prompts: Rows = []
    tasks: list[Task] = []
    for number, generation in enumerate(result.generations, start=1):
        if not generation.generations:
            continue
        where = f"{path}, prompt {number}"
        kept = notes[number - 1] if notes else {}
        task = find(where, number, generation, kept.get("prompt_id"))
        text, rows, made = conversion.prompt(where, task.id, generation, kept)
        sequences += rows
        branches += made
        prompts.append({"prompt_id": task.id, "text": text, "token_ids": []})
        tasks.append(task)
    if not tasks:
        raise EagerError(f"{path}: no prompt in it is finished; import it when one is")
    schema = SEQUENCES_OF_STEPS if "step_entropies" in sequences[0] else SEQUENCES
    tables = {"sequences": (sequences, schema), "branches": (branches, BRANCHES)}
    for kind, (rows, columns) in {**tables, "prompts": (prompts, PROMPTS)}.items():
        write_table(output / f"{kind}.parquet", pa.Table.from_pylist(rows, columns), kind)
    lines = "".join(json.dumps(task.model_dump()) + "\n" for task in tasks)
    write_text(output / "tasks.jsonl", lines)


def _task_finder(
    options: ImportOptions, prompts: int
) -> Callable[[str, int, PromptGenerations, str | None], Task]:
    """What gives a prompt of the file its task."""
    known = read_tasks(options.tasks) if options.tasks else []
    if options.kind == "code" and not known:
        raise EagerError(
            "--kind code: the file holds no tests; give --tasks, the data set's tasks.jsonl "
            "(results/datasets/{name}/tasks.jsonl)"
        )

    def find(where: str, number: int, generation: PromptGenerations, prompt_id: str | None) -> Task:
        if not known:
            target = "" if generation.target is None else str(generation.target).strip()
            if target.lower() in ("", "nan"):
                raise EagerError(
                    f"{where}: target is {generation.target!r}, which by the authors' rule any "
                    "answer would hold; give --tasks, the data set's tasks.jsonl (programs: with "
                    "--kind code)"
                )
            id_ = prompt_id or str(number)
            return Task(id=id_, problem=generation.prompt, target=target, kind=options.kind)
        fitting = [task for task in known if task.problem.strip() in generation.prompt]
        if len(fitting) > 1 and len(known) == prompts:
            fitting = [known[number - 1]]
        if len(fitting) != 1:
            raise EagerError(
                f"{where}: {len(fitting)} tasks of {options.tasks} have its text; give the tasks "
                "that it was made from"
            )
        return fitting[0]

    return find


def _tokenizer(folder: Path | None) -> dict[str, Any]:
    """What a conversion is given of a tokenizer."""
    if folder is None:
        return {"encode": None}
    loaded = load_tokenizer(folder)
    end = () if loaded.eos_token_id is None else (int(loaded.eos_token_id),)
    return {
        "encode": lambda text: list(loaded.encode(text, add_special_tokens=False)),
        "end": end,
    }
