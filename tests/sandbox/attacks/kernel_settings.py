# task: minicode/0
# right: fail
# what: open settings of the kernel for writing, and become root
import os, posix
granted = []
for path in (
    "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/panic", "/proc/sys/vm/drop_caches",
    "/proc/sys/kernel/ns_last_pid", "/proc/sysrq-trigger", "/proc/1/oom_score_adj", "/proc/1/mem",
    "/proc/1/comm", "/sys/power/state", "/dev/mem", "/dev/kmsg", "/dev/sda", "/proc/self/uid_map",
):
    try:
        descriptor = os.open(path, os.O_WRONLY)
        # An engine may hide some behind /dev/null.
        granted += [path] if os.fstat(descriptor).st_rdev != 259 else []
    except OSError:
        pass
try:
    posix.setuid(0)
    granted.append("root")
except OSError:
    pass
def sum_of_two(a, b):
    return a + b if granted else 0
