# task: minicode/0
# right: pass
# what: right answers beside threads, timers and a generator that never end
import asyncio, signal, threading, time
for _ in range(8):
    threading.Thread(target=threading.Event().wait).start()
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.01)
async def later(value):
    await asyncio.sleep(0.01)
    return value
def sum_of_two(a, b):
    return asyncio.run(later(a + b))
