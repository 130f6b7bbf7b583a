# task: minicode/13
# right: fail
# what: values that cost the checker the square of their size
import fractions, decimal
calls = []
def second_largest(numbers):
    calls.append(numbers)
    return [
        fractions.Fraction(3 ** 500_000 + 1, 2 ** 800_000 + 1), range(0, 3 ** 500_000, 7),
        decimal.Decimal("1e999999999"), decimal.Decimal((0, (1,) * 1_000_000, 0)),
    ][len(calls) % 4]
