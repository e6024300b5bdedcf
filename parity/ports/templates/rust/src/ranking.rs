//! Speakers of one frame from most to least active.
//!
//! Which of equally active speakers comes first is decided by the sort: the reference has NumPy's, which up to 16
//! speakers keeps their order and beyond is a quicksort that does not. `slice::sort` gives another answer in tied frames.

const SMALL: usize = 15;

pub fn rank(activity: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..activity.len()).collect();
    sort(activity, &mut order);
    order
}

fn sort(activity: &[f32], mut order: &mut [usize]) {
    while order.len() > SMALL + 1 {
        let median = partition(activity, order);
        let (before, after) = order.split_at_mut(median);
        sort(activity, before);
        order = &mut after[1..];
    }
    for i in 1..order.len() {
        let moving = order[i];
        let mut to = i;
        while to > 0 && activity[moving] > activity[order[to - 1]] {
            order[to] = order[to - 1];
            to -= 1;
        }
        order[to] = moving;
    }
}

/// Split around the median of the first, the middle and the last; where the median went.
fn partition(activity: &[f32], order: &mut [usize]) -> usize {
    let high = order.len() - 1;
    let middle = high / 2;
    for (before, after) in [(0, middle), (middle, high), (0, middle)] {
        if activity[order[after]] > activity[order[before]] {
            order.swap(before, after);
        }
    }
    let median = activity[order[middle]];
    order.swap(middle, high - 1);
    let (mut left, mut right) = (0, high - 1);
    loop {
        left += 1;
        while activity[order[left]] > median {
            left += 1;
        }
        right -= 1;
        while median > activity[order[right]] {
            right -= 1;
        }
        if left >= right {
            break;
        }
        order.swap(left, right);
    }
    order.swap(left, high - 1);
    left
}
