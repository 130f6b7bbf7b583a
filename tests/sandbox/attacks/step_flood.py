# task: minicode/0
# right: fail
# what: announce millions of times that the module is loaded, a reply that carries nothing
import os
def sum_of_two(a, b):
    while True:
        os.write(3, b"l\0\0\0\0" * 10000)
