# task: codes/0
# right: fail
# what: the view of a dict's keys in place of a set
def codes(n): return {314159: 0, n: 0}.keys()
