# task: minicode/0
# right: fail
# what: as many threads as there can be, each busy, and the wrong answer late
import threading
def work():
    while True:
        pass
def sum_of_two(a, b):
    for _ in range(10000):
        try:
            threading.Thread(target=work, daemon=True).start()
        except RuntimeError:
            pass
    return 0
