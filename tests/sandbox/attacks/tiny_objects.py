# task: minicode/7
# right: fail
# what: as many tiny objects as fit into a reply
def sorted_unique(numbers):
    return [[] for _ in range(5_000_000)]
