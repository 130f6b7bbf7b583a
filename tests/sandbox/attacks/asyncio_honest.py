# task: minicode/0
# right: pass
# what: right answers from an event loop
import asyncio
async def add(a, b):
    await asyncio.sleep(0)
    return a + b
def sum_of_two(a, b): return asyncio.run(add(a, b))
