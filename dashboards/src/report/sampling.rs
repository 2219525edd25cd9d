//! Many points in few columns, so that no spike is lost: each column keeps the least, the largest and the mean.

/// A series over time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// What it shows.
    pub name: &'static str,
    /// Its place among the series of its lane, which its colour follows, whether or not the others are there.
    pub nth: usize,
    /// Its columns, in order of time; a stretch without points has none.
    pub cells: Vec<Cell>,
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Which column of the grid; without a grid, the position of the point.
    pub column: usize,
    /// Mean time of its points, microseconds since the start of the run.
    pub t_us: u64,
    /// Its least value.
    pub min: f64,
    /// Its largest value.
    pub max: f64,
    /// Its mean.
    pub mean: f64,
}

/// At most `most` columns of a lane whose series have a value, or none, at each of its `times`.
pub fn columns(times: &[u64], values: &[Option<f64>], most: usize) -> Vec<Cell> {
    let (first, last) = (times.first().copied().unwrap_or(0), times.last().copied().unwrap_or(0));
    let width = (last.saturating_sub(first) / most.max(1) as u64).saturating_add(1);
    let mut cells: Vec<(Cell, f64)> = Vec::new();
    for (at, (&t_us, value)) in times.iter().zip(values).enumerate() {
        let Some(value) = value.filter(|value| value.is_finite()) else { continue };
        let column = if times.len() <= most { at } else { (t_us.saturating_sub(first) / width) as usize };
        match cells.last_mut().filter(|(cell, _)| cell.column == column) {
            Some((cell, points)) => {
                *points += 1.0;
                cell.min = cell.min.min(value);
                cell.max = cell.max.max(value);
                cell.mean += (value - cell.mean) / *points;
                cell.t_us = cell.t_us.saturating_add((t_us.saturating_sub(cell.t_us) as f64 / *points) as u64);
            }
            None => cells.push((Cell { column, t_us, min: value, max: value, mean: value }, 1.0)),
        }
    }
    cells.into_iter().map(|(cell, _)| cell).collect()
}

impl Series {
    /// Its largest value; 0 where it has none.
    pub fn max(&self) -> f64 {
        self.cells.iter().map(|cell| cell.max).fold(0.0, f64::max)
    }

    /// Its least value; 0 where it has none.
    pub fn min(&self) -> f64 {
        self.cells.iter().map(|cell| cell.min).reduce(f64::min).unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn few_points_stay_as_they_are() {
        let cells = columns(&[0, 10, 20], &[Some(1.0), None, Some(3.0)], 3);
        assert_eq!(cells.iter().map(|cell| (cell.column, cell.mean)).collect::<Vec<_>>(), [(0, 1.0), (2, 3.0)]);
    }

    #[test]
    fn one_spike_among_a_hundred_thousand_survives() {
        let times: Vec<u64> = (0..100_000).map(|n| n * 1000).collect();
        let values: Vec<_> = (0..100_000).map(|n| Some(if n == 77_777 { 9e6 } else { 1.0 })).collect();
        let cells = columns(&times, &values, 720);
        assert!(cells.len() <= 720, "{}", cells.len());
        let spike = cells.iter().find(|cell| cell.max > 1.0).unwrap();
        assert!((spike.max - 9e6).abs() < 1e-9 && (spike.min - 1.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn columns_are_few_ordered_and_hold_the_extremes(
            mut points in prop::collection::vec((any::<u64>(), -1e9f64..1e9), 1..300), most in 1usize..50
        ) {
            points.sort_by_key(|point| point.0);
            let (times, values): (Vec<u64>, Vec<_>) = points.iter().map(|&(t, value)| (t, Some(value))).unzip();
            let cells = columns(&times, &values, most);
            prop_assert!(!cells.is_empty() && cells.len() <= most.max(1) + 1);
            prop_assert!(cells.windows(2).all(|pair| pair[0].column < pair[1].column && pair[0].t_us <= pair[1].t_us));
            let all = || points.iter().map(|point| point.1);
            prop_assert_eq!(cells.iter().map(|cell| cell.max).reduce(f64::max), all().reduce(f64::max));
            prop_assert_eq!(cells.iter().map(|cell| cell.min).reduce(f64::min), all().reduce(f64::min));
            prop_assert!(cells.iter().all(|cell| cell.min <= cell.mean + 1e-3 && cell.mean <= cell.max + 1e-3));
        }
    }
}
