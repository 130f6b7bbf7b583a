"""What a solution process takes from itself before it runs a line of the solution.

Runs inside the container, as the last step before untrusted code: an own user, limits, and a
seccomp filter that allows what a computation needs and nothing else: no new process, no other
program, no socket, no signal to anyone but itself. The container is the first isolation layer; this
is the second, the same under every engine. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import resource
import struct
from functools import cache
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_SIGKILL = 9

# name:number on x86-64[:number on arm64], from the kernel's unistd headers. A call that is not here
# gets ENOSYS, as on a kernel that does not have it, so that libraries fall back. None sets
# the times of a file: those of a device are seen by every other program.
_ALLOWED = """
access:21 alarm:37 arch_prctl:158 brk:12:214 capget:125:90 chdir:80:49 chmod:90
clock_getres:229:114 clock_gettime:228:113 clock_nanosleep:230:115 close:3:57
close_range:436:436 dup:32:23 dup2:33 dup3:292:24 epoll_create:213 epoll_create1:291:20
epoll_ctl:233:21 epoll_pwait:281:22 epoll_pwait2:441:441 epoll_wait:232 eventfd2:290:19
exit:60:93 exit_group:231:94 faccessat:269:48 faccessat2:439:439 fchdir:81:50 fchmod:91:52
fchmodat:268:53 fdatasync:75:83 fstat:5:80 fstatfs:138:44 fsync:74:82
ftruncate:77:46 futex:202:98 get_robust_list:274:100 getcpu:309:168 getcwd:79:17
getdents64:217:61 getegid:108:177 geteuid:107:175 getgid:104:176 getgroups:115:158
getitimer:36:102 getpeername:52:205 getpgid:121:155 getpgrp:111 getpid:39:172 getppid:110:173
getpriority:140:141 getrandom:318:278 getresgid:120:150 getresuid:118:148 getrlimit:97:163
getrusage:98:165 getsid:124:156 getsockname:51:204 getsockopt:55:209 gettid:186:178
gettimeofday:96:169 getuid:102:174 lseek:8:62 lstat:6 madvise:28:233
membarrier:324:283 mincore:27:232 mkdir:83 mkdirat:258:34 mlock:149:228 mmap:9:222
mprotect:10:226 mremap:25:216 msync:26:227 munlock:150:229 munmap:11:215 nanosleep:35:101
newfstatat:262:79 open:2 openat:257:56 pause:34 pipe:22 pipe2:293:59 poll:7 ppoll:271:73
pread64:17:67 preadv:295:69 pselect6:270:72 pwrite64:18:68 pwritev:296:70 read:0:63
readlink:89 readlinkat:267:78 readv:19:65 recvfrom:45:207 recvmsg:47:212 rename:82
renameat:264:38 renameat2:316:276 restart_syscall:219:128 rmdir:84 rseq:334:293
rt_sigaction:13:134 rt_sigpending:127:136 rt_sigprocmask:14:135 rt_sigreturn:15:139
rt_sigsuspend:130:133 rt_sigtimedwait:128:137 sched_getaffinity:204:123 sched_yield:24:124
select:23 sendfile:40:71 sendmsg:46:211 sendto:44:206 set_robust_list:273:99
set_tid_address:218:96 setitimer:38:103 setrlimit:160:164 setsockopt:54:208 shutdown:48:210
sigaltstack:131:132 stat:4 statfs:137:43 statx:332:291 symlink:88 symlinkat:266:36
sysinfo:99:179 time:201 timerfd_create:283:85 timerfd_gettime:287:87 timerfd_settime:286:86
times:100:153 truncate:76:45 umask:95:166 uname:63:160 unlink:87 unlinkat:263:35
wait4:61:260 waitid:247:95 write:1:64 writev:20:66
"""
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
# Calls that are allowed for some values of one argument: x86-64, arm64.
_CLONE, _KILL, _TGKILL = (56, 220), (62, 129), (234, 131)
_PRLIMIT, _PRCTL, _SOCKETPAIR = (302, 261), (157, 167), (53, 199)
_FCNTL, _IOCTL = (72, 25), (16, 29)
_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020000
_PR_SET_NAME, _PR_GET_NAME = 15, 16
_AF_UNIX = 1
# Copies of a descriptor, its flags, its mode. No locks, which others see in a file that containers
# share, and no signals for an owner.
_FCNTL_COMMANDS = (0, 1, 2, 3, 4, 1030)
# Whether it is a terminal; how much can be read; blocking; inheritance. Nothing of terminals.
_IOCTL_COMMANDS = (0x5401, 0x541B, 0x5421, 0x5450, 0x5451)

_LOAD, _JUMP_EQUAL, _AND, _RETURN = 0x20, 0x15, 0x54, 0x06
_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000
_NUMBER_OFFSET, _ARCHITECTURE_OFFSET, _FIRST_ARGUMENT_OFFSET, _SECOND_ARGUMENT_OFFSET = 0, 4, 16, 24


class ConfinementError(Exception):
    """The kernel refused a restriction; the solution must not run."""


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)


def _argument_in(
    number: int,
    values: tuple[int, ...],
    mask: int = 0xFFFFFFFF,
    offset: int = _FIRST_ARGUMENT_OFFSET,
) -> bytes:
    checks = b"".join(
        _instruction(_JUMP_EQUAL, value, len(values) - index, 0)
        for index, value in enumerate(values)
    )
    body = (
        _instruction(_LOAD, offset)
        + _instruction(_AND, mask)
        + checks
        + _instruction(_RETURN, _ERRNO | errno.EPERM)
        + _instruction(_RETURN, _ALLOW)
    )
    return _instruction(_JUMP_EQUAL, number, 0, len(body) // 8) + body


@cache
def _table(machine: str) -> tuple[int, bytes]:
    """The column of a machine in the tables above, and its filter up to what depends on a process.

    Raises:
        ConfinementError: it has no column.
    """
    if machine not in _ARCHITECTURES:
        raise ConfinementError(f"no seccomp table for the architecture {machine}")
    audit_number, column = _ARCHITECTURES[machine]
    program = [
        _instruction(_LOAD, _ARCHITECTURE_OFFSET),
        _instruction(_JUMP_EQUAL, audit_number, 1, 0),
        _instruction(_RETURN, _KILL_PROCESS),
        _instruction(_LOAD, _NUMBER_OFFSET),
    ]
    for entry in _ALLOWED.split():
        numbers = entry.split(":")[1:]
        if column < len(numbers):
            program.append(_instruction(_JUMP_EQUAL, int(numbers[column]), 0, 1))
            program.append(_instruction(_RETURN, _ALLOW))
    return column, b"".join(program)


def build_filter(pid: int, machine: str) -> bytes:
    """The seccomp program for the process `pid`, as an array of ``struct sock_filter``.

    Raises:
        ConfinementError: no table of system calls for this machine.
    """
    column, program = _table(machine)
    second = _SECOND_ARGUMENT_OFFSET
    own = [
        _argument_in(_CLONE[column], (_CLONE_THREAD,), mask=_CLONE_THREAD | _CLONE_NAMESPACES),
        _argument_in(_KILL[column], (pid,)),
        _argument_in(_TGKILL[column], (pid,)),
        _argument_in(_PRLIMIT[column], (0, pid)),
        _argument_in(_PRCTL[column], (_PR_SET_NAME, _PR_GET_NAME)),
        _argument_in(_SOCKETPAIR[column], (_AF_UNIX,)),
        _argument_in(_FCNTL[column], _FCNTL_COMMANDS, offset=second),
        _argument_in(_IOCTL[column], _IOCTL_COMMANDS, offset=second),
        _instruction(_RETURN, _ERRNO | errno.ENOSYS),
    ]
    return program + b"".join(own)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, argument: int | Any, extra: Any = 0) -> None:
    zero = ctypes.c_ulong(0)
    first = ctypes.c_ulong(argument)
    if _libc.prctl(option, first, extra or zero, zero, zero) != 0:
        raise ConfinementError(f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def hide_from_neighbours() -> None:
    """Close this process's memory, environment and descriptors to processes of the same user."""
    _prctl(_PR_SET_DUMPABLE, 0)


def drop_user(uid: int) -> None:
    """Become `uid` for good, with no group and no capability."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def limit_resources(memory_bytes: int, cpu_seconds: int) -> None:
    """Hard limits of one solution process; `memory_bytes` is address space, as in evalplus."""
    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_DATA: memory_bytes,
        resource.RLIMIT_STACK: memory_bytes,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 1 << 20,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_NPROC: 32,
        resource.RLIMIT_MEMLOCK: 1 << 16,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, wanted in limits.items():
        hard = resource.getrlimit(kind)[1]
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (value, value))


def filter_system_calls() -> None:
    """Install the seccomp filter for this process and whatever threads it will start.

    Raises:
        ConfinementError: the kernel or the architecture has none.
    """
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    code = build_filter(os.getpid(), platform.machine())
    program = _Program(len(code) // 8, code)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program))


def confine(uid: int | None, memory_bytes: int, cpu_seconds: int, scratch: str) -> None:
    """Take from this process everything a solution does not need, and enter its scratch folder.

    Args:
        uid: the user to become; None where the engine has only one.
        memory_bytes: address space the solution may have.
        cpu_seconds: CPU time it may take.
        scratch: a folder on a small tmpfs, made here for this user alone.

    Raises:
        ConfinementError, OSError: a restriction could not be set.
    """
    os.setsid()
    # A container out of memory should lose the solution, not the supervisor.
    with (
        contextlib.suppress(OSError),
        open("/proc/self/oom_score_adj", "w", encoding="utf-8") as score,
    ):
        score.write("1000")
    if uid is not None:
        drop_user(uid)
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    hide_from_neighbours()
    os.mkdir(scratch, 0o700)
    os.chdir(scratch)
    os.environ.clear()
    os.environ.update(HOME=scratch, TMPDIR=scratch, PATH="/usr/bin:/bin", OMP_NUM_THREADS="1")
    limit_resources(memory_bytes, cpu_seconds)
    filter_system_calls()
