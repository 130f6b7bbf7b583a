# task: minicode/0
# right: pass
# what: right answers as what a class makes in place of itself
class sum_of_two:
    def __new__(cls, a, b): return a + b
