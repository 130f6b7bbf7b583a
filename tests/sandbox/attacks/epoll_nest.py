# task: minicode/0
# right: fail
# what: chains of epolls, which the kernel walks for every addition, for ever
import select
def sum_of_two(a, b):
    while True:
        polls = [select.epoll() for _ in range(5)]
        for one, two in zip(polls, polls[1:]):
            try: one.register(two.fileno(), select.EPOLLIN)
            except OSError: pass
        for p in polls: p.close()
