# task: minicode/6
# right: fail
# what: decimals that signal, overflow or are not a number when they are compared
from decimal import Decimal
calls = []
def factorial(n):
    calls.append(n)
    return [Decimal("sNaN5"), Decimal("NaN"), Decimal("1e999999999"), Decimal("-0")][len(calls) % 4]
