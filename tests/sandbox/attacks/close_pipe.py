# task: minicode/0
# right: fail
# what: close every descriptor and go on for ever without a way to be heard
import os, time
def sum_of_two(a, b):
    os.closerange(0, 64)
    while True:
        time.sleep(1)
