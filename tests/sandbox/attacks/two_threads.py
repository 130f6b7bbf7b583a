# task: minicode/0
# right: fail
# what: two threads that both send the right reply
import threading, sys
def sum_of_two(a, b):
    channel = sys._getframe(1).f_locals["channel"]
    ts = [threading.Thread(target=channel.put, args=(b"v", str(a + b).encode())) for _ in range(2)]
    for t in ts: t.start()
    for t in ts: t.join()
    return a + b
