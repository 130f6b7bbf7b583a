# task: minicode/0
# right: fail
# what: fill the scratch folder with files, deep folders and closed folders, then answer wrongly
import io, os, posix
def fill():
    try:
        for number in range(10000):
            posix.mkdir(f"d{number}")
            with io.open(f"d{number}/f", "wb") as file:
                file.write(bytes(1 << 16))
            posix.chmod(f"d{number}", 0)
    except OSError:
        pass
    try:
        for _ in range(2000):
            posix.mkdir("deep")
            posix.chdir("deep")
    except OSError:
        pass
def sum_of_two(a, b):
    fill()
    return 0
