# task: minicode/12
# right: fail
# what: a few hundred keys of one hash, and thousands whose hashes meet in a table
calls = []
def letter_counts(text):
    calls.append(text)
    if len(calls) % 2:
        return {(number << 48): 0 for number in range(4900)}
    return {number * (2**61 - 1): 0 for number in range(900)}
