# task: minicode/7
# right: fail
# what: right items in a tuple, a set, a deque, an array, a range or text in place of a list
import array, collections
calls = []
def sorted_unique(numbers):
    calls.append(numbers)
    right = sorted(set(numbers))
    return [
        tuple(right), set(right), collections.deque(right), array.array("q", right),
        collections.UserList(right), str(right), bytearray(3),
    ][len(calls) % 7]
