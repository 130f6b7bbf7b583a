# task: minicode/0
# right: fail
# what: compute for five CPU seconds in a child, by any call that makes one; right only if one works
import ctypes, io, os, posix, signal, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def burn():
    end = time.process_time() + 5
    while time.process_time() < end:
        pass
def by_spawn():
    return posix.posix_spawn(sys.executable, [sys.executable, "-c", "while True: pass"], {})
ways = (
    posix.fork,
    by_spawn,
    lambda: libc.fork(),
    lambda: libc.vfork(),
    lambda: libc.syscall(57),
    lambda: libc.syscall(58),
    lambda: libc.syscall(56, 17, 0, 0, 0, 0),
    lambda: libc.syscall(56, 0x8000 | 17, 0, 0, 0, 0),
    lambda: libc.syscall(435, ctypes.create_string_buffer(88), 88),
)
def sum_of_two(a, b):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        signal.setitimer(timer, 0)
    for way in ways:
        try:
            child = way()
        except OSError:
            continue
        if child == 0:
            burn()
            posix._exit(0)
        if child > 0:
            try:
                posix.waitpid(child, 0)
            except OSError:
                pass
            return a + b
    return 0
