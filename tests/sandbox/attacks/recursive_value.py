# task: minicode/7
# right: fail
# what: values without end: a list in itself, shared lists that double thirty times, a deep nest
_calls = 0
def sorted_unique(numbers):
    global _calls
    _calls += 1
    loop = []
    loop.append(loop)
    wide = [1]
    for _ in range(30):
        wide = [wide, wide]
    return loop if _calls == 1 else wide
