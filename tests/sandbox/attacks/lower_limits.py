# task: minicode/0
# right: fail
# what: lower the kernel's limits of the own process so that the kernel kills it, without a reply
import ctypes
libc = ctypes.CDLL(None)
def sum_of_two(a, b):
    for kind, value in ((1, 0), (7, 0), (6, 0), (3, 1 << 16), (0, 1)):
        libc.setrlimit(kind, (ctypes.c_ulong * 2)(value, value))
    while True:
        pass
