# task: minicode/0
# right: fail
# what: map, touch and give back memory for ever, which the kernel clears each time
import mmap
def sum_of_two(a, b):
    while True:
        m = mmap.mmap(-1, 1 << 28)
        for i in range(0, 1 << 28, 1 << 14): m[i] = 1
        m.close()
