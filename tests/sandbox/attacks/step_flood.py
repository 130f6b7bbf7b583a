# task: minicode/0
# right: fail
# what: announce again and again that the module is loaded, which carries nothing
import os, struct
def sum_of_two(a, b):
    while True:
        os.write(3, struct.pack(">16scdI", bytes(16), b"l", 0.0, 0) * 1000)
