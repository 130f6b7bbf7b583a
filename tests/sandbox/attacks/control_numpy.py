# task: minicode/10
# right: pass
# what: right answers that numpy computed
import numpy as np
def mean(numbers):
    return float(np.mean(np.array(numbers))) if numbers else 0.0
