# task: minicode/0
# right: fail
# what: a thread that looks busy at every sample beside a first one that sleeps, with little CPU time
import threading, time
def spin():
    while True:
        end = time.monotonic() + 0.0005
        while time.monotonic() < end: pass
        time.sleep(0.0005)
for _ in range(2): threading.Thread(target=spin, daemon=True).start()
def sum_of_two(a, b):
    time.sleep(100)
    return a + b
