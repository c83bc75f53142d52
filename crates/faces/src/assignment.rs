//! Who belongs to whom at the least total cost (Kuhn 1955; shortest augmenting paths with
//! potentials, Jonker and Volgenant 1987).

/// Pairs rows with columns so that as many allowed pairs as possible are made and, among those, the
/// sum of their costs is least.
///
/// `costs` has one entry a row and column, row-major, `columns` wide; `None` forbids a pair.
/// Returns the column of each row. Costs must be finite and below a million in size. O(n^3).
pub fn assign(costs: &[Option<f64>], columns: usize) -> Vec<Option<usize>> {
    /// More than any sum of allowed costs, so that a forbidden pair stands only where no allowed
    /// one can.
    const FORBIDDEN: f64 = 1e9;
    if columns == 0 || costs.is_empty() {
        return Vec::new();
    }
    let rows = costs.len() / columns;
    // A square matrix: rows and columns that are only there for the shape take what is left over.
    let n = rows.max(columns);
    let cost = |row: usize, column: usize| match (row < rows && column < columns).then(|| costs[row * columns + column])
    {
        Some(Some(cost)) => cost,
        Some(None) | None => FORBIDDEN,
    };
    // Index 0 of rows and columns is a helper of the method; real ones begin at 1.
    let (mut u, mut v) = (vec![0.0; n + 1], vec![0.0; n + 1]);
    let mut row_of = vec![0usize; n + 1];
    for row in 1..=n {
        row_of[0] = row;
        let mut at = 0;
        let mut least = vec![f64::INFINITY; n + 1];
        let mut came_from = vec![0usize; n + 1];
        let mut used = vec![false; n + 1];
        loop {
            used[at] = true;
            let (from, mut delta, mut next) = (row_of[at], f64::INFINITY, 0);
            for column in 1..=n {
                if used[column] {
                    continue;
                }
                let reduced = cost(from - 1, column - 1) - u[from] - v[column];
                if reduced < least[column] {
                    (least[column], came_from[column]) = (reduced, at);
                }
                if least[column] < delta {
                    (delta, next) = (least[column], column);
                }
            }
            for column in 0..=n {
                if used[column] {
                    u[row_of[column]] += delta;
                    v[column] -= delta;
                } else {
                    least[column] -= delta;
                }
            }
            at = next;
            if row_of[at] == 0 {
                break;
            }
        }
        while at != 0 {
            row_of[at] = row_of[came_from[at]];
            at = came_from[at];
        }
    }
    let mut column_of = vec![None; rows];
    for column in 1..=columns {
        let row = row_of[column];
        if (1..=rows).contains(&row) && costs[(row - 1) * columns + column - 1].is_some() {
            column_of[row - 1] = Some(column - 1);
        }
    }
    column_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Pairs made and their cost.
    fn worth(costs: &[Option<f64>], columns: usize, column_of: &[Option<usize>]) -> (usize, f64) {
        let pairs = column_of.iter().enumerate().filter_map(|(row, c)| c.map(|c| costs[row * columns + c].unwrap()));
        pairs.fold((0, 0.0), |(n, sum), cost| (n + 1, sum + cost))
    }

    fn brute(costs: &[Option<f64>], columns: usize, row: usize, free: &mut Vec<bool>) -> (usize, f64) {
        if row * columns >= costs.len() {
            return (0, 0.0);
        }
        let mut best = brute(costs, columns, row + 1, free);
        for column in 0..columns {
            if let (true, Some(cost)) = (free[column], costs[row * columns + column]) {
                free[column] = false;
                let (n, sum) = brute(costs, columns, row + 1, free);
                free[column] = true;
                if n + 1 > best.0 || n + 1 == best.0 && sum + cost < best.1 {
                    best = (n + 1, sum + cost);
                }
            }
        }
        best
    }

    proptest! {
        #[test]
        fn as_good_as_trying_everything(
            rows in 1usize..6, columns in 1usize..6,
            values in proptest::collection::vec(proptest::option::weighted(0.7, 0.0f64..10.0), 25),
        ) {
            let costs = &values[..rows * columns];
            let found = assign(costs, columns);
            prop_assert_eq!(found.len(), rows);
            let mut taken: Vec<usize> = found.iter().flatten().copied().collect();
            taken.sort_unstable();
            prop_assert!(taken.windows(2).all(|w| w[0] < w[1]));
            let (n, sum) = worth(costs, columns, &found);
            let best = brute(costs, columns, 0, &mut vec![true; columns]);
            prop_assert!(n == best.0 && (sum - best.1).abs() < 1e-5, "{:?} {:?}", (n, sum), best);
        }
    }

    #[test]
    fn nothing_to_assign_is_fine() {
        assert!(assign(&[], 0).is_empty() && assign(&[], 3).is_empty());
        assert_eq!(assign(&[None, None], 1), [None, None]);
        assert_eq!(assign(&[Some(3.0), Some(1.0)], 1), [None, Some(0)]);
    }
}
