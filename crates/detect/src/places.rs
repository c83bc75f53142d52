//! Maps of different crops brought onto the places of the one crop that a report shows.
use assay_faces::judged::MAP_SIDE;

/// A square map as means over [`MAP_SIDE`] x [`MAP_SIDE`] places of equal size, whatever its own
/// side.
pub(crate) fn pooled(map: &[f32]) -> Vec<f32> {
    let side = map.len().isqrt();
    let step = side as f32 / MAP_SIDE as f32;
    let share = |to: usize, from: usize| {
        let [start, end] = [to, to + 1].map(|v| v as f32 * step);
        (end.min(from as f32 + 1.0) - start.max(from as f32)).max(0.0) / step
    };
    let rows: Vec<f32> =
        (0..MAP_SIDE * side).map(|i| (0..side).map(|y| share(i / side, y) * map[y * side + i % side]).sum()).collect();
    (0..MAP_SIDE * MAP_SIDE)
        .map(|i| (0..side).map(|x| share(i % MAP_SIDE, x) * rows[i / MAP_SIDE * side + x]).sum())
        .collect()
}

/// The map of a crop of margin `own` over the places of one of margin `shown`: the nearest place,
/// and 0 where the detector does not look.
pub(crate) fn onto(map: &[f32], own: f32, shown: f32) -> Vec<f32> {
    if own == shown {
        return pooled(map);
    }
    let side = map.len().isqrt();
    let within = |at: usize| {
        let place = ((at as f32 + 0.5) / MAP_SIDE as f32 - 0.5) * shown / own + 0.5;
        (0.0..1.0).contains(&place).then_some((place * side as f32) as usize)
    };
    let place = |at: usize| {
        let (x, y) = (within(at % MAP_SIDE)?, within(at / MAP_SIDE)?);
        map.get(y * side + x).copied()
    };
    (0..MAP_SIDE * MAP_SIDE).map(|at| place(at).unwrap_or(0.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_of_any_side_are_pooled_by_area() {
        let of = |side: usize| -> Vec<f32> { (0..side * side).map(|i| (i % side) as f32 / side as f32).collect() };
        assert!(pooled(&of(MAP_SIDE)).iter().zip(of(MAP_SIDE)).all(|(a, b)| (a - b).abs() < 1e-6));
        let found = pooled(&of(30));
        // A place of 1.5 columns of 1/30 each: the first is one whole column of 0 and half of one
        // of 1/30.
        assert!((found[0] - 0.5 / 1.5 / 30.0).abs() < 1e-6 && (found[MAP_SIDE] - found[0]).abs() < 1e-6);
        let mean = |map: &[f32]| map.iter().sum::<f32>() / map.len() as f32;
        assert!((mean(&found) - mean(&of(30))).abs() < 1e-5);
    }

    #[test]
    fn a_close_crop_lies_in_the_middle_of_a_wide_one_and_nothing_is_said_around_it() {
        let map: Vec<f32> = (0..MAP_SIDE * MAP_SIDE).map(|i| 1.0 + (i % MAP_SIDE) as f32).collect();
        let found = onto(&map, 1.0, 2.0);
        let row = &found[10 * MAP_SIDE..11 * MAP_SIDE];
        assert_eq!(row[..5], [0.0; 5]);
        assert_eq!(row[15..], [0.0; 5]);
        // Places whose middle lies on an edge of the close map fall to either side of it.
        let twice = (1..=10).map(|i| 2.0 * i as f32);
        assert!(row[5..15].iter().zip(twice).all(|(found, of)| (of - found).abs() <= 1.0), "{row:?}");
        assert!(found[..5 * MAP_SIDE].iter().all(|v| *v == 0.0));
        // A wide crop is cut to the shown one.
        assert_eq!(onto(&map, 2.0, 1.0)[0], 6.0);
        assert_eq!(onto(&map, 1.5, 1.5), pooled(&map));
    }
}
