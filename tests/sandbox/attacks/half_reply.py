# task: minicode/0
# right: fail
# what: begin a reply, never finish it, keep the descriptor open
import os, time
def sum_of_two(a, b):
    os.write(3, b"v\0\0")
    while True:
        time.sleep(1)
