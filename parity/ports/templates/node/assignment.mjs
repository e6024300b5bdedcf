// The best one-to-one assignment of rows to columns.
//
// Which of equal totals wins is decided by the order in which the algorithm looks: it is the one that SciPy has
// (shortest augmenting paths; Crouse, "On implementing 2D rectangular assignment algorithms", 2016), columns from the
// last to the first, and of equally near columns one that nobody has yet.

const NOBODY = -1;

// scores[row][column] -> the column of each row, -1 for a row left over
export function bestAssignment(scores) {
  const columns = scores[0].length;
  if (columns >= scores.length) return solve(scores.map((row) => row.map((score) => -score))).columnOfRow;
  const turned = Array.from({ length: columns }, (_, column) => scores.map((row) => -row[column]));
  return solve(turned).rowOfColumn;
}

// A problem of no more rows than columns.
function solve(cost) {
  const [rows, columns] = [cost.length, cost[0].length];
  const problem = {
    cost,
    u: new Float64Array(rows), // dual variables of rows and of columns
    v: new Float64Array(columns),
    shortest: new Float64Array(columns), // the nearest that a path has come to each column
    path: new Int32Array(columns), // the row before each column on it
    columnOfRow: new Int32Array(rows).fill(NOBODY),
    rowOfColumn: new Int32Array(columns).fill(NOBODY),
    rowsSeen: new Set(),
    columnsSeen: new Set(),
  };
  for (let row = 0; row < rows; row++) assignRow(problem, row);
  return problem;
}

function assignRow(problem, row) {
  const { u, v, shortest, path, columnOfRow, rowOfColumn, rowsSeen, columnsSeen } = problem;
  let { column, distance } = nearestFree(problem, row);
  u[row] += distance;
  for (const seen of rowsSeen) if (seen !== row) u[seen] += distance - shortest[columnOfRow[seen]];
  for (const seen of columnsSeen) v[seen] -= distance - shortest[seen];
  for (let before = NOBODY; before !== row; ) {
    // Along the path, each row takes the column after it.
    before = path[column];
    const givenUp = columnOfRow[before];
    rowOfColumn[column] = before;
    columnOfRow[before] = column;
    column = givenUp;
  }
}

// Search from a row for the nearest column that nobody has, and how far it is.
function nearestFree({ cost, u, v, shortest, path, rowOfColumn, rowsSeen, columnsSeen }, start) {
  const remaining = Array.from(v, (_, index) => v.length - 1 - index);
  shortest.fill(Infinity);
  rowsSeen.clear();
  columnsSeen.clear();
  for (let row = start, distance = 0; ; ) {
    let [lowest, best] = [Infinity, NOBODY];
    rowsSeen.add(row);
    remaining.forEach((column, index) => {
      const reached = distance + cost[row][column] - u[row] - v[column];
      if (reached < shortest[column]) [shortest[column], path[column]] = [reached, row];
      const near = shortest[column];
      if (near < lowest || (near === lowest && rowOfColumn[column] === NOBODY)) [lowest, best] = [near, index];
    });
    if (lowest === Infinity) throw new Error("no assignment has a finite total");
    distance = lowest;
    const column = remaining[best];
    columnsSeen.add(column);
    if (rowOfColumn[column] === NOBODY) return { column, distance };
    row = rowOfColumn[column];
    const last = remaining.pop();
    if (best < remaining.length) remaining[best] = last;
  }
}
