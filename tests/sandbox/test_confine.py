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
# Added to a number of arm64's.
ON_ARM = 1 << 40


def decide(machine: str, architecture: int, number: int, argument: int = 0) -> int:
    """What the filter returns for one system call."""
    program = list(struct.iter_unpack("=HBBI", confine.build_filter(PID, machine)))
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
        (63 + ON_ARM, 0, ALLOW),  # read
        (221 + ON_ARM, 0, refused(errno.ENOSYS)),  # execve
        (198 + ON_ARM, 2, refused(errno.ENOSYS)),  # socket
        (220 + ON_ARM, 0x11, refused(errno.EPERM)),  # clone as fork
        (129 + ON_ARM, PID, ALLOW),  # kill
    ],
)
def test_what_is_allowed(number: int, argument: int, result: int) -> None:
    if number >= ON_ARM:
        assert decide("aarch64", ARM, number - ON_ARM, argument) == result
    else:
        assert decide("x86_64", X86, number, argument) == result


def test_other_architectures_are_refused() -> None:
    assert decide("x86_64", 0x40000003, 1) == KILL
    with pytest.raises(confine.ConfinementError):
        confine.build_filter(PID, "mips")
