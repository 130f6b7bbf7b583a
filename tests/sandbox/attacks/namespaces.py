# task: minicode/0
# right: fail
# what: new namespaces, mounts, io_uring, bpf, userfaultfd, keys; right answer only if one is granted
import ctypes
libc = ctypes.CDLL(None)
calls = {
    "unshare": lambda: libc.unshare(0x10000000),
    "unshare all": lambda: libc.unshare(0x7E020000),
    "setns": lambda: libc.setns(0, 0),
    "mount": lambda: libc.mount(b"x", b"/tmp", b"tmpfs", 0, None),
    "pivot_root": lambda: libc.syscall(155, b"/", b"/"),
    "io_uring": lambda: min(0, libc.syscall(425, 1, ctypes.create_string_buffer(120))),
    "bpf": lambda: min(0, libc.syscall(321, 0, ctypes.create_string_buffer(120), 120)),
    "userfaultfd": lambda: min(0, libc.syscall(323, 0)),
    "add_key": lambda: min(0, libc.syscall(248, b"user", b"a", b"b", 1, -2)),
    "perf": lambda: min(0, libc.syscall(298, ctypes.create_string_buffer(120), 0, -1, -1, 0)),
    "memfd": lambda: min(0, libc.syscall(319, b"a", 0)),
    "clone": lambda: min(0, libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)),
    "clone3": lambda: min(0, libc.syscall(435, ctypes.create_string_buffer(88), 88)),
    "shmget": lambda: min(0, libc.shmget(0, 4096, 0o1666)),
    "mq_open": lambda: min(0, libc.syscall(240, b"a", 0o102, 0o666, None)),
    "setuid": lambda: libc.syscall(105, 0),
    "x32 getpid": lambda: min(0, libc.syscall(0x40000000 | 39)),
}
worked = [name for name, call in calls.items() if call() == 0]
def sum_of_two(a, b):
    return a + b if worked else 0
