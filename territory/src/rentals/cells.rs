//! Counts that go out: no cell is told that would point at few, nor one from which it could be worked out.
//!
//! Areas with few are told together, and so are kinds with few. Of the others it is told how many stand amiss, and how many of
//! these in which way, each where that says nothing of few: where a cell is small, or nearly everybody's, it is kept back, and
//! other areas with it, until it cannot be worked out of the totals. With R of an area, C of a kind and N of all that is kept
//! back, a cell lies between max(0, R + C − N) and min(R, C) (Fréchet), and these bounds are as wide as the least count.

/// A table that may go out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Protected {
    /// All together; nothing where even they are few.
    pub total: Option<u64>,
    /// How many stand amiss, where that is told.
    pub mismatches: Option<u64>,
    /// Kinds that are told, each of one or of several of the table's columns, with how many are of it.
    pub kinds: Vec<(Vec<usize>, u64)>,
    /// Areas that are told, each of one or of several of the table's rows.
    pub rows: Vec<ProtectedRow>,
}

/// An area, or several with few.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectedRow {
    /// Which rows of the table.
    pub rows: Vec<usize>,
    /// How many there are.
    pub total: u64,
    /// How many stand amiss, where that is told.
    pub mismatches: Option<u64>,
    /// How many of each kind, where that is told.
    pub kinds: Option<Vec<u64>>,
}

/// Makes a table of counts safe to tell: a row for each area, with how many stand amiss in each way (all rows as long) and how
/// many do not. `least`: 2 at least.
pub fn protect(counts: &[(Vec<u64>, u64)], least: u64) -> Protected {
    let least = least.max(2);
    let amiss: Vec<u64> = counts.iter().map(|(kinds, _)| kinds.iter().sum()).collect();
    let sums: Vec<u64> = counts.iter().zip(&amiss).map(|((_, rest), amiss)| amiss + rest).collect();
    let (all, all_amiss) = (sums.iter().sum::<u64>(), amiss.iter().sum::<u64>());
    if (1..least).contains(&all) {
        return Protected::default();
    }
    let rows = gathered(&sums, least);
    let of = |rows: &[usize], each: &[u64]| rows.iter().map(|row| each[*row]).sum::<u64>();
    let mut told: Vec<ProtectedRow> = rows
        .iter()
        .map(|rows| ProtectedRow { rows: rows.clone(), total: of(rows, &sums), mismatches: None, kinds: None })
        .collect();
    let is_few = |count: u64| (1..least).contains(&count);
    if is_few(all_amiss) || is_few(all - all_amiss) {
        return Protected { total: Some(all), mismatches: None, kinds: Vec::new(), rows: told };
    }
    let coarse: Vec<Vec<u64>> = told
        .iter()
        .map(|row| of(&row.rows, &amiss))
        .zip(&told)
        .map(|(amiss, row)| vec![amiss, row.total - amiss])
        .collect();
    let back = hidden(&coarse, &[true, false], least, vec![false; coarse.len()]);
    for ((row, cells), back) in told.iter_mut().zip(&coarse).zip(&back) {
        row.mismatches = (!back).then_some(cells[0]);
    }
    let columns = counts.first().map_or(0, |(kinds, _)| kinds.len());
    let totals: Vec<u64> = (0..columns).map(|column| counts.iter().map(|(kinds, _)| kinds[column]).sum()).collect();
    let groups = gathered(&totals, least);
    let cells = |row: &ProtectedRow| -> Vec<u64> {
        let cell = |group: &Vec<usize>| {
            row.rows.iter().map(|row| group.iter().map(|column| counts[*row].0[*column]).sum::<u64>()).sum()
        };
        groups.iter().map(cell).collect()
    };
    // Of rows whose sum is kept back only what they have together can be worked out: it counts as one row more.
    let open: Vec<usize> = (0..told.len()).filter(|row| !back[*row]).collect();
    let mut fine: Vec<Vec<u64>> = open.iter().map(|row| cells(&told[*row])).collect();
    let together = told.iter().zip(&back).filter(|(_, back)| **back).map(|(row, _)| cells(row));
    let together = together.reduce(|a, b| a.iter().zip(&b).map(|(a, b)| a + b).collect());
    let mut forced = vec![false; fine.len()];
    forced.extend(together.iter().map(|_| true));
    fine.extend(together);
    let back = hidden(&fine, &vec![false; groups.len()], least, forced);
    for (place, row) in open.into_iter().enumerate() {
        told[row].kinds = (!back[place]).then(|| fine[place].clone());
    }
    let kinds = groups.into_iter().map(|group| {
        let sum = group.iter().map(|column| totals[*column]).sum();
        (group, sum)
    });
    Protected { total: Some(all), mismatches: Some(all_amiss), kinds: kinds.collect(), rows: told }
}

/// One row of counts, safe to tell beside its total; and that total, unless even that is small.
pub fn protect_line(counts: &[u64], least: u64) -> (Vec<Option<u64>>, Option<u64>) {
    let least = least.max(2);
    let mut hidden: Vec<bool> = counts.iter().map(|count| (1..least).contains(count)).collect();
    let kept_back = |hidden: &[bool]| {
        let back = counts.iter().zip(hidden).filter(|(_, hidden)| **hidden);
        back.fold((0_usize, 0_u64), |(places, sum), (count, _)| (places + 1, sum + count))
    };
    loop {
        let (places, sum) = kept_back(&hidden);
        if places == 0 || (places > 1 && sum >= least) {
            break;
        }
        let Some(next) = smallest(counts, &hidden) else { break };
        hidden[next] = true;
    }
    let all: u64 = counts.iter().sum();
    let told = counts.iter().zip(&hidden).map(|(count, hidden)| (!hidden).then_some(*count)).collect();
    (told, (!(1..least).contains(&all)).then_some(all))
}

/// Places of counts, those with few together; with the next ones, until they are not few any more.
fn gathered(counts: &[u64], least: u64) -> Vec<Vec<usize>> {
    let mut few: Vec<bool> = counts.iter().map(|count| (1..least).contains(count)).collect();
    if few.contains(&true) {
        while counts.iter().zip(&few).filter(|(_, few)| **few).map(|(count, _)| count).sum::<u64>() < least {
            let Some(next) = smallest(counts, &few) else { break };
            few[next] = true;
        }
    }
    let mut groups: Vec<Vec<usize>> = (0..counts.len()).filter(|place| !few[*place]).map(|place| vec![place]).collect();
    let together: Vec<usize> = (0..counts.len()).filter(|place| few[*place]).collect();
    groups.extend((!together.is_empty()).then_some(together));
    groups
}

/// The smallest count that is not nothing, of those that are not marked; the first of equal ones.
fn smallest(counts: &[u64], marked: &[bool]) -> Option<usize> {
    (0..counts.len()).filter(|place| !marked[*place] && counts[*place] > 0).min_by_key(|place| (counts[*place], *place))
}

/// Of which rows the cells are kept back: those that have to be, and what it takes that they stay so. `blamed`: the columns that
/// it would be an accusation to be of, so that "all of them here" is not told either.
fn hidden(cells: &[Vec<u64>], blamed: &[bool], least: u64, forced: Vec<bool>) -> Vec<bool> {
    let sums: Vec<u64> = cells.iter().map(|row| row.iter().sum()).collect();
    let is_delicate = |row: usize, column: usize| {
        let (cell, sum) = (cells[row][column], sums[row]);
        (1..least).contains(&cell) || (blamed[column] && cell > 0 && sum - cell < least)
    };
    let columns = 0..blamed.len();
    let mut hidden = forced;
    for (row, hidden) in hidden.iter_mut().enumerate() {
        *hidden |= columns.clone().any(|column| is_delicate(row, column));
    }
    loop {
        let back: Vec<usize> = (0..cells.len()).filter(|row| hidden[*row]).collect();
        let all: u64 = back.iter().map(|row| sums[*row]).sum();
        let is_wide = |row: usize, column: usize| {
            let kind: u64 = back.iter().map(|row| cells[*row][column]).sum();
            [sums[row], kind, all - sums[row], all - kind].into_iter().all(|side| side >= least)
        };
        let is_safe = |row: &usize| columns.clone().all(|column| !is_delicate(*row, column) || is_wide(*row, column));
        if back.iter().all(is_safe) {
            return hidden;
        }
        // With all of them back, only what the totals say by themselves is said.
        let Some(next) = smallest(&sums, &hidden) else { return hidden };
        hidden[next] = true;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(kinds: &[u64], rest: u64) -> (Vec<u64>, u64) {
        (kinds.to_vec(), rest)
    }

    #[test]
    fn what_is_common_is_told_as_it_is() {
        let told = protect(&[row(&[10, 20], 30), row(&[40, 50], 60), row(&[0, 0], 0)], 5);
        assert_eq!((told.total, told.mismatches), (Some(210), Some(120)));
        assert_eq!(told.kinds, [(vec![0], 50), (vec![1], 70)]);
        let kinds: Vec<_> = told.rows.iter().map(|row| row.kinds.clone().unwrap()).collect();
        assert_eq!(kinds, [[10, 20], [40, 50], [0, 0]]);
    }

    #[test]
    fn a_small_cell_takes_another_row_back_with_it() {
        let told = protect(&[row(&[2], 98), row(&[30], 170), row(&[40], 500)], 5);
        assert_eq!(told.rows.iter().map(|row| row.mismatches).collect::<Vec<_>>(), [None, None, Some(40)]);
        assert_eq!(told.rows.iter().map(|row| row.total).collect::<Vec<_>>(), [100, 200, 540]);
        // Rare kinds are kept back, and what stands amiss in all is told.
        let told = protect(&[row(&[30, 2], 98), row(&[30, 9], 170), row(&[40, 8], 500)], 5);
        assert_eq!(told.rows.iter().map(|row| row.mismatches).collect::<Vec<_>>(), [Some(32), Some(39), Some(48)]);
        assert_eq!(told.rows.iter().map(|row| row.kinds.is_some()).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn areas_and_kinds_with_few_are_told_together() {
        let told = protect(&[row(&[1, 0], 2), row(&[0, 1], 100), row(&[6, 1], 50), row(&[8, 0], 2)], 5);
        assert_eq!(told.rows.last().unwrap().rows, [0, 3], "3 and 10");
        assert_eq!(told.kinds, [(vec![0, 1], 17)], "15 and 2");
    }

    #[test]
    fn that_all_are_to_blame_is_not_told_of_an_area() {
        let told = protect(&[row(&[9], 0), row(&[50], 400), row(&[60], 300)], 5);
        assert_eq!((told.rows[0].total, told.rows[0].mismatches), (9, None));
    }

    #[test]
    fn few_in_all_are_nothing() {
        assert_eq!(protect(&[row(&[3], 1)], 5), Protected::default());
        assert_eq!(protect(&[row(&[3], 100)], 5).mismatches, None);
        assert_eq!(protect_line(&[3, 1], 5), (vec![None, None], None));
        assert_eq!(protect_line(&[3, 40, 0, 9], 5), (vec![None, Some(40), Some(0), None], Some(52)));
        assert_eq!(protect_line(&[3, 40, 0, 2], 5), (vec![None, Some(40), Some(0), None], Some(45)));
    }

    /// All tables (two kinds and the rest in each row) that say what is told: least and most of each cell.
    fn possible(told: &Protected) -> Vec<[(u64, u64); 3]> {
        let mut bounds = vec![[(u64::MAX, 0); 3]; told.rows.len()];
        let mut table = vec![[0_u64; 3]; told.rows.len()];
        fill(told, 0, &mut table, &mut bounds);
        bounds
    }

    fn fill(told: &Protected, place: usize, table: &mut Vec<[u64; 3]>, bounds: &mut Vec<[(u64, u64); 3]>) {
        let Some(row) = told.rows.get(place) else {
            let of = |column: usize| table.iter().map(|row| row[column]).sum::<u64>();
            let kinds =
                told.kinds.iter().all(|(columns, sum)| columns.iter().map(|column| of(*column)).sum::<u64>() == *sum);
            if kinds && told.mismatches.is_none_or(|sum| of(0) + of(1) == sum) {
                for (bounds, row) in bounds.iter_mut().zip(table) {
                    for (bound, cell) in bounds.iter_mut().zip(row.iter()) {
                        *bound = (bound.0.min(*cell), bound.1.max(*cell));
                    }
                }
            }
            return;
        };
        for first in 0..=row.total {
            for second in 0..=row.total - first {
                let said = |columns: &[usize]| columns.iter().map(|column| [first, second][*column]).sum::<u64>();
                let fits = row.mismatches.is_none_or(|sum| first + second == sum)
                    && row
                        .kinds
                        .iter()
                        .all(|cells| told.kinds.iter().zip(cells).all(|((columns, _), cell)| said(columns) == *cell));
                if fits {
                    table[place] = [first, second, row.total - first - second];
                    fill(told, place + 1, table, bounds);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn no_small_cell_can_be_worked_out(counts in proptest::collection::vec((proptest::collection::vec(0_u64..6, 2), 0_u64..6), 1..4)) {
            let least = 3;
            let told = protect(&counts, least);
            let Some(all) = told.total else { return Ok(()) };
            prop_assert_eq!(told.rows.iter().map(|row| row.total).sum::<u64>(), all);
            let bounds = possible(&told);
            let is_few = |count: u64| (1..least).contains(&count);
            for (row, bounds) in told.rows.iter().zip(bounds) {
                prop_assert!(!is_few(row.total));
                let of = |column: usize| row.rows.iter().map(|row| counts[*row].0[column]).sum::<u64>();
                for (column, (low, high)) in bounds.into_iter().take(2).enumerate() {
                    prop_assert!(low <= of(column) && of(column) <= high);
                    prop_assert!(!is_few(of(column)) || high - low >= least, "{} of {low} to {high}: {told:?}", of(column));
                }
            }
        }
    }
}
