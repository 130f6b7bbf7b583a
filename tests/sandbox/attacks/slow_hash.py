# task: codes/0
# right: fail
# what: integers beyond 61 bits that share the hash of the expected ones
def codes(n):
    m = (1 << 61) - 1
    return {314159 + m, n + m}
