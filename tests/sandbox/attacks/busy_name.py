# task: minicode/0
# right: fail
# what: sleep for ever in threads whose names look like a state in which they run
import ctypes, threading, time
libc = ctypes.CDLL(None)
def doze():
    libc.prctl(15, b"x) R 1 (D\n) R", 0, 0, 0)
    while True:
        time.sleep(100)
def sum_of_two(a, b):
    for _ in range(4):
        threading.Thread(target=doze, daemon=True).start()
    doze()
