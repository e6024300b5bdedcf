//! The best one-to-one assignment of rows to columns.
//!
//! Which of equal totals wins is decided by the order in which the algorithm looks: it is the one that SciPy has
//! (shortest augmenting paths; Crouse, "On implementing 2D rectangular assignment algorithms", 2016), columns from the
//! last to the first, and of equally near columns one that nobody has yet.

/// The column of each row, None for a row left over; scores are (rows, columns) in C order.
pub fn best_assignment(scores: &[f64], rows: usize, columns: usize) -> Result<Vec<Option<usize>>, String> {
    let cost = |row: usize, column: usize| -scores[row * columns + column];
    if columns >= rows {
        return Ok(Problem::solved(rows, columns, cost)?.column_of_row);
    }
    Ok(Problem::solved(columns, rows, |row, column| cost(column, row))?.row_of_column)
}

/// A problem of no more rows than columns, and how far it is solved.
struct Problem<C> {
    cost: C,
    /// Dual variables of rows and of columns.
    u: Vec<f64>,
    v: Vec<f64>,
    /// The nearest that a path has come to each column, and the row before it there.
    shortest: Vec<f64>,
    path: Vec<usize>,
    column_of_row: Vec<Option<usize>>,
    row_of_column: Vec<Option<usize>>,
    row_seen: Vec<bool>,
    column_seen: Vec<bool>,
}

impl<C: Fn(usize, usize) -> f64> Problem<C> {
    fn solved(rows: usize, columns: usize, cost: C) -> Result<Self, String> {
        let mut problem = Problem {
            cost,
            u: vec![0.0; rows],
            v: vec![0.0; columns],
            shortest: vec![0.0; columns],
            path: vec![0; columns],
            column_of_row: vec![None; rows],
            row_of_column: vec![None; columns],
            row_seen: vec![false; rows],
            column_seen: vec![false; columns],
        };
        for row in 0..rows {
            problem.assign(row)?;
        }
        Ok(problem)
    }

    fn assign(&mut self, row: usize) -> Result<(), String> {
        let (mut column, distance) = self.nearest_free(row).ok_or("no assignment has a finite total")?;
        self.u[row] += distance;
        for other in 0..self.u.len() {
            if let (true, Some(own)) = (self.row_seen[other] && other != row, self.column_of_row[other]) {
                self.u[other] += distance - self.shortest[own];
            }
        }
        for seen in 0..self.v.len() {
            if self.column_seen[seen] {
                self.v[seen] -= distance - self.shortest[seen];
            }
        }
        loop {
            // Along the path, each row takes the column after it.
            let before = self.path[column];
            self.row_of_column[column] = Some(before);
            match self.column_of_row[before].replace(column) {
                Some(given_up) if before != row => column = given_up,
                _ => return Ok(()),
            }
        }
    }

    /// Search from a row for the nearest column that nobody has, and how far it is.
    fn nearest_free(&mut self, start: usize) -> Option<(usize, f64)> {
        let mut remaining: Vec<usize> = (0..self.v.len()).rev().collect();
        self.shortest.fill(f64::INFINITY);
        self.row_seen.fill(false);
        self.column_seen.fill(false);
        let (mut row, mut distance) = (start, 0.0);
        loop {
            let (mut lowest, mut best) = (f64::INFINITY, 0);
            self.row_seen[row] = true;
            for (index, &column) in remaining.iter().enumerate() {
                let reached = distance + (self.cost)(row, column) - self.u[row] - self.v[column];
                if reached < self.shortest[column] {
                    self.shortest[column] = reached;
                    self.path[column] = row;
                }
                let near = self.shortest[column];
                if near < lowest || (near == lowest && self.row_of_column[column].is_none()) {
                    (lowest, best) = (near, index);
                }
            }
            if lowest == f64::INFINITY {
                return None;
            }
            distance = lowest;
            let column = remaining.swap_remove(best);
            self.column_seen[column] = true;
            match self.row_of_column[column] {
                None => return Some((column, distance)),
                Some(owner) => row = owner,
            }
        }
    }
}
