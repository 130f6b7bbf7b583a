# task: minicode/0
# right: fail
# what: reopen descriptors of the supervisor and of itself through /proc and write frames into them
import io, os, posix
worked = []
for pid in (1, posix.getppid()):
    for number in range(8):
        try:
            with io.open(f"/proc/{pid}/fd/{number}", "wb", buffering=0) as file:
                file.write(b"E\0\0\0\2{}")
            worked.append((pid, number))
        except OSError:
            pass
def sum_of_two(a, b):
    return a + b if worked else 0
