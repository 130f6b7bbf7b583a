# task: minicode/0
# right: fail
# what: read what the kernel says of the supervisor's memory, files and environment
import os, posix
seen = []
for name in (
    "mem", "maps", "environ", "auxv", "fd/0", "fd/1", "fdinfo/0", "io", "stack", "syscall",
    "pagemap", "exe", "cwd", "root/etc", "ns/pid", "map_files", "task/1/mem", "timers",
):
    path = f"/proc/{posix.getppid() or 1}/{name}"
    try:
        seen.append(os.read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 64))
    except OSError:
        pass
def sum_of_two(a, b):
    return a + b if any(seen) else 0
