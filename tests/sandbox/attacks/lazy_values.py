# task: minicode/7
# right: fail
# what: right items in things that only give them when they are asked
import itertools
calls = []
def sorted_unique(numbers):
    calls.append(numbers)
    right = sorted(set(numbers))
    return [
        (one for one in right), map(int, right), iter(right), itertools.chain(right),
        dict.fromkeys(right).keys(), memoryview(bytes(3)), reversed(right[::-1]),
    ][len(calls) % 7]
