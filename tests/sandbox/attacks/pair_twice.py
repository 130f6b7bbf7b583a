# task: pairs/0
# right: fail
# what: the key once more as a float, with another value first and last
def pairs(n):
    return {(314159.0, "a"): n + 1, (314159, "a"): n + 1, (True, "b"): n}
