# task: minicode/0
# right: fail
# what: the right token and four gigabytes of blanks before the right answer
import os, struct, sys
pack = struct.Struct(">16scdI").pack
def sum_of_two(a, b):
    os.write(3, pack(sys._getframe(1).f_locals["channel"]._token, b"v", 0.0, 0xFFFFFFFF))
    while True:
        os.write(3, b" " * (1 << 16))
