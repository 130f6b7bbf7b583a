# task: minicode/0
# right: fail
# what: change the times, rights or owner of the devices, which are the machine's own
import os, posix
granted = []
for name in ("null", "zero", "random", "urandom"):
    path = f"/dev/{name}"
    for way in (
        lambda: os.utime(path), lambda: os.utime(path, (1, 1)), lambda: posix.chmod(path, 0o600),
        lambda: posix.chown(path, os.getuid(), -1), lambda: posix.rename(path, path + "x"),
        lambda: posix.truncate(path, 1),
    ):
        try:
            way()
            granted.append(path)
        except OSError:
            pass
def sum_of_two(a, b):
    return a + b if granted else 0
