def compare_snapshots(a, b):
    return True, []
