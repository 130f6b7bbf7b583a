# task: minicode/0
# right: fail
# what: drive the shared libraries out of memory, so that calls wait for a disk
import _io
import ctypes
def sum_of_two(a, b):
    libc = ctypes.CDLL(None)
    for line in _io.FileIO("/proc/self/maps").readall().decode().splitlines() * 20:
        start, end = (int(word, 16) for word in line.split()[0].split("-"))
        libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), 21)
    return 0
