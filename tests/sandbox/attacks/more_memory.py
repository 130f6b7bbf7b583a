# task: minicode/0
# right: fail
# what: more address space than the limit, by every call that gives some, or by a higher limit
import ctypes, mmap
libc = ctypes.CDLL(None)
libc.mmap.restype = libc.sbrk.restype = ctypes.c_void_p
failed = {None, ctypes.c_void_p(-1).value}
granted = []
for kind in (2, 3, 5, 6, 7, 8, 9, 13, 14):
    limit = (ctypes.c_ulong * 2)()
    libc.getrlimit(kind, limit)
    limit[1] += 1
    granted += [kind] if libc.setrlimit(kind, limit) == 0 else []
for flags in (0x22, 0x4022, 0x4021, 0x40022, 0x122, 0x8022):
    for _ in range(5):
        address = libc.mmap(None, ctypes.c_size_t(1 << 30), 3, flags, -1, ctypes.c_long(0))
        held = 0 if address in failed else 1
    granted += [flags] if held else []
granted += [0] if libc.sbrk(ctypes.c_long(1 << 32)) not in failed else []
def sum_of_two(a, b):
    return a + b if granted else 0
