# task: minicode/0
# right: fail
# what: a thread that computes between the calls and while the main thread waits for one
import signal, threading, time
def work():
    while True:
        pass
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
def sum_of_two(a, b):
    signal.setitimer(signal.ITIMER_PROF, 0)
    end = time.process_time() + 3
    while time.process_time() < end:
        time.sleep(0.01)
    return a + b
