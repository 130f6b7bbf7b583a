# task: minicode/0
# right: fail
# what: never finish loading, with every signal ignored
import signal, time
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
while True:
    time.sleep(60)
def sum_of_two(a, b):
    return a + b
