# task: minicode/0
# right: fail
# what: announce a reply of four gigabytes
import os
def sum_of_two(a, b):
    os.write(3, b"v\xff\xff\xff\xff" + b"1" * 1000)
    return a + b
