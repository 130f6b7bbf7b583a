# task: minicode/6
# right: pass
# what: right answers from a cache between calls, threads, a deep recursion limit and much printing
from __future__ import annotations
import functools, sys, threading
sys.setrecursionlimit(5000)
@functools.lru_cache(None)
def _factorial(n: int) -> int:
    return 1 if n < 2 else n * _factorial(n - 1)
def factorial(n: int) -> int:
    print("x" * 100000)
    box = []
    thread = threading.Thread(target=lambda: box.append(_factorial(n)))
    thread.start()
    thread.join()
    return box[0]
