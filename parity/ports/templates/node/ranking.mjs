// Speakers of one frame from most to least active.
//
// Which of equally active speakers comes first is decided by the sort: the reference has NumPy's, which up to 16
// speakers keeps their order and beyond is a quicksort that does not. `Array.sort` gives another answer in tied frames.

const SMALL = 15;

export function rank(activity) {
  const order = Array.from(activity, (_, index) => index);
  sort(activity, order, 0, order.length - 1);
  return order;
}

function sort(activity, order, low, high) {
  while (high - low > SMALL) {
    const median = partition(activity, order, low, high);
    sort(activity, order, low, median - 1);
    low = median + 1;
  }
  for (let i = low + 1; i <= high; i++) {
    const moving = order[i];
    let to = i;
    for (; to > low && activity[moving] > activity[order[to - 1]]; to--) order[to] = order[to - 1];
    order[to] = moving;
  }
}

// Split around the median of the first, the middle and the last; where the median went.
function partition(activity, order, low, high) {
  const swap = (i, j) => ([order[i], order[j]] = [order[j], order[i]]);
  const inOrder = (i, j) => activity[order[j]] > activity[order[i]] && swap(i, j);
  const middle = low + Math.floor((high - low) / 2);
  inOrder(low, middle);
  inOrder(middle, high);
  inOrder(low, middle);
  const median = activity[order[middle]];
  let [left, right] = [low, high - 1];
  swap(middle, right);
  for (;;) {
    do left++;
    while (activity[order[left]] > median);
    do right--;
    while (median > activity[order[right]]);
    if (left >= right) break;
    swap(left, right);
  }
  swap(left, high - 1);
  return left;
}
