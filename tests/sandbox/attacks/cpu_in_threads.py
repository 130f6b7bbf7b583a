# task: minicode/0
# right: fail
# what: burn five CPU seconds in threads that let each other run, asleep itself, then answer rightly
import hashlib, signal, threading, time
def burn(done):
    block = bytes(1 << 20)
    start = time.thread_time()
    while time.thread_time() - start < 5 / 8:
        hashlib.sha256(block).digest()
    done.release()
def sum_of_two(a, b):
    for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        signal.setitimer(timer, 0)
    done = threading.Semaphore(0)
    for _ in range(8):
        threading.Thread(target=burn, args=(done,), daemon=True).start()
    for _ in range(8):
        done.acquire()
    return a + b
