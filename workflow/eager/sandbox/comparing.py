"""The checker in a process of its own, which can be ended without ending the evaluation."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import eager
from eager.sandbox.checker import Question, Reply, passes
from eager.util.errors import EagerError

# No right answer of HumanEval+ takes a tenth of a second.
CPU_SECONDS = 10.0
MEMORY_BYTES = 4 << 30
TRIES = 2
_PASSES, _FAILS = b"\1", b"\0"


class Checker:
    """Answers questions in a process that is started when it is first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def compare(self, question: Question) -> bool:
        """Whether an output passes. One that takes more time or memory than the limits does not.

        Raises:
            EagerError: the process ends for another reason than the output's size.
        """
        data = write_question(question)
        for _ in range(TRIES):
            if self._closed:
                break
            answer, code = self._ask(data)
            if answer:
                return answer == _PASSES
            if code == -signal.SIGPROF:
                return False
        raise EagerError(
            "the process that compares outputs has ended, so there is no verdict on the solutions "
            "affected; free some memory, and rerun: what is finished is kept"
        )

    def _ask(self, data: bytes) -> tuple[bytes, int]:
        """The answer, or nothing and the status with which the process has ended."""
        if self._process is None:
            code = "from eager.sandbox.comparing import main; main()"
            path = [str(Path(eager.__file__).parents[1]), *filter(None, sys.path)]
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
                start_new_session=True,
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(data)
            process.stdin.flush()
            answer = process.stdout.read(1)
        except (OSError, ValueError):
            answer = b""
        if answer:
            return answer, 0
        self._process = None
        process.communicate()
        return b"", process.returncode

    def kill(self) -> None:
        """End the process, whatever it is doing, and start no other; from any thread."""
        self._closed = True
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """See `kill`; for the thread that asks."""
        self.kill()
        if self._process is not None:
            self._process.communicate()


def write_question(question: Question) -> bytes:
    """A line that `read_question` reads."""
    expected, reply = question.expected, question.reply
    parts = (question.arguments, expected.kind, expected.payload, reply.kind, reply.payload)
    texts = [part.decode("latin-1") for part in parts]
    head = [question.suite, question.entry_point, question.tolerances]
    return json.dumps([*head, *texts]).encode() + b"\n"


def read_question(data: bytes) -> Question:
    """A question as `write_question` has written it."""
    suite, entry_point, tolerances, *texts = json.loads(data)
    arguments, *answers = (text.encode("latin-1") for text in texts)
    expected, reply = Reply(*answers[:2]), Reply(*answers[2:])
    return Question(suite, entry_point, arguments, expected, reply, tuple(tolerances))


def main() -> None:
    """Answer the questions on standard input, until it ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Ends the process, also in the middle of one long operation.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for line in sys.stdin.buffer:
        question = read_question(line)
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        answer = _PASSES if passes(question) else _FAILS
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()
