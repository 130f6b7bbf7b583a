"""The seccomp program, run by a small interpreter of its four kinds of instruction."""

from __future__ import annotations

import errno
import struct

import pytest

from eager.sandbox.guest import confine

X86 = 0xC000003E
ARM = 0xC00000B7
ALLOW = 0x7FFF0000
KILL = 0x80000000
PID = 42


def decide(machine: str, architecture: int, number: int, argument: int = 0) -> int:
    """What the filter returns for one system call."""
    program = [
        struct.unpack_from("=HBBI", confine.build_filter(PID, machine), 8 * index)
        for index in range(len(confine.build_filter(PID, machine)) // 8)
    ]
    data = struct.pack("=IIQQ", number, architecture, 0, argument)
    position, accumulator = 0, 0
    while True:
        code, if_true, if_false, operand = program[position]
        position += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, operand)
        elif code == 0x54:
            accumulator &= operand
        elif code == 0x15:
            position += if_true if accumulator == operand else if_false
        else:
            assert code == 0x06
            return int(operand)


def refused(code: int) -> int:
    return 0x00050000 | code


@pytest.mark.parametrize(
    ("number", "argument", "result"),
    [
        (0, 0, ALLOW),  # read
        (9, 0, ALLOW),  # mmap
        (59, 0, refused(errno.ENOSYS)),  # execve
        (57, 0, refused(errno.ENOSYS)),  # fork
        (41, 2, refused(errno.ENOSYS)),  # socket
        (101, 0, refused(errno.ENOSYS)),  # ptrace
        (435, 0, refused(errno.ENOSYS)),  # clone3
        (56, 0x003D0F00, ALLOW),  # clone of a thread, as glibc does it
        (56, 0x01200011, refused(errno.EPERM)),  # clone as fork
        (56, 0x10010000, refused(errno.EPERM)),  # a thread in a new user namespace
        (62, PID, ALLOW),  # kill
        (62, 1, refused(errno.EPERM)),
        (62, 0xFFFFFFFF, refused(errno.EPERM)),
        (302, 0, ALLOW),  # prlimit64
        (302, 1, refused(errno.EPERM)),
        (157, 15, ALLOW),  # prctl set name
        (157, 4, refused(errno.EPERM)),
        (53, 1, ALLOW),  # socketpair
        (53, 2, refused(errno.EPERM)),
        (0x40000000, 0, refused(errno.ENOSYS)),  # read through the x32 interface
        (100_000, 0, refused(errno.ENOSYS)),
    ],
)
def test_x86(number: int, argument: int, result: int) -> None:
    assert decide("x86_64", X86, number, argument) == result


@pytest.mark.parametrize(
    ("number", "argument", "result"),
    [
        (63, 0, ALLOW),  # read
        (221, 0, refused(errno.ENOSYS)),  # execve
        (198, 2, refused(errno.ENOSYS)),  # socket
        (220, 0x11, refused(errno.EPERM)),  # clone as fork
        (129, PID, ALLOW),  # kill
    ],
)
def test_arm(number: int, argument: int, result: int) -> None:
    assert decide("aarch64", ARM, number, argument) == result


def test_calls_of_another_architecture_end_the_process() -> None:
    assert decide("x86_64", 0x40000003, 1) == KILL


def test_an_unknown_machine_is_refused() -> None:
    with pytest.raises(confine.ConfinementError):
        confine.build_filter(PID, "mips")
