# task: floats/0
# right: fail
# what: complex numbers of which only the imaginary part is wrong, or infinite
calls = []
def halves(numbers):
    calls.append(numbers)
    part = [1.0, float("inf"), float("nan")][len(calls) % 3]
    return [complex(number / 2, part) for number in numbers]
