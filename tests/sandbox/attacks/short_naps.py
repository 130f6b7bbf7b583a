# task: minicode/0
# right: fail
# what: naps of a millisecond, so that it is never asleep for long, and no CPU time to speak of
import time
def sum_of_two(a, b):
    while True: time.sleep(0.001)
