//! Seamless blending: a face keeps its own steps from pixel to pixel and takes the surroundings'
//! level at its edge (Perez, Gangnet and Blake 2003).
//!
//! The decision that shapes it: the equation is solved for the correction that is added to the
//! face, not for the face. Then the right side is nothing, the unknown is a membrane spanned over
//! the mask between the differences at its edge, and a membrane is smooth: it is found on coarse
//! grids first and needs few sweeps on each finer one, a number that is fixed.

/// Sweeps on each grid.
const SWEEPS: usize = 40;
/// Over-relaxation.
const OMEGA: f32 = 1.6;
/// Side of the coarsest grid.
const COARSEST: usize = 6;

/// The membrane over the cells that are not `known`, spanned between those that are: `values` of
/// known cells stay, the others are replaced. Square grids of `side`; beyond the edge lies what
/// lies at it.
pub(super) fn membrane(values: &mut [[f32; 3]], known: &[bool], side: usize) {
    if side < 2 || known.iter().all(|k| *k) || !known.iter().any(|k| *k) {
        return;
    }
    if side > COARSEST {
        let half = side.div_ceil(2);
        let (mut small, mut small_known) = (vec![[0.0; 3]; half * half], vec![false; half * half]);
        for (i, (value, is_known)) in small.iter_mut().zip(&mut small_known).enumerate() {
            let (x, y) = (2 * (i % half), 2 * (i / half));
            let cells = [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)];
            let cells = cells.into_iter().filter(|(x, y)| *x < side && *y < side).map(|(x, y)| y * side + x);
            let found: Vec<usize> = cells.filter(|i| known[*i]).collect();
            *is_known = !found.is_empty();
            for at in &found {
                (0..3).for_each(|c| value[c] += values[*at][c] / found.len() as f32);
            }
        }
        membrane(&mut small, &small_known, half);
        for i in (0..values.len()).filter(|i| !known[*i]) {
            // Between the middles of the coarse cells.
            let place = |v: usize| ((v as f32 - 0.5) / 2.0).clamp(0.0, (half - 1) as f32);
            let (x, y) = (place(i % side), place(i / side));
            let (left, top) = ((x as usize).min(half - 2), (y as usize).min(half - 2));
            let (fx, fy) = (x - left as f32, y - top as f32);
            let at = top * half + left;
            values[i] = std::array::from_fn(|c| {
                let upper = small[at][c] * (1.0 - fx) + small[at + 1][c] * fx;
                let lower = small[at + half][c] * (1.0 - fx) + small[at + half + 1][c] * fx;
                upper * (1.0 - fy) + lower * fy
            });
        }
    }
    let sweeps = if side > COARSEST { SWEEPS } else { 4 * SWEEPS };
    for sweep in 0..2 * sweeps {
        // Cells of one colour of a chessboard depend on the other colour alone.
        for y in 0..side {
            for x in ((y + sweep) % 2..side).step_by(2) {
                let at = y * side + x;
                if known[at] {
                    continue;
                }
                let around = [
                    at - usize::from(x > 0),
                    at + usize::from(x + 1 < side),
                    at - if y > 0 { side } else { 0 },
                    at + if y + 1 < side { side } else { 0 },
                ];
                for c in 0..3 {
                    let mean = around.iter().map(|i| values[*i][c]).sum::<f32>() / 4.0;
                    values[at][c] += OMEGA * (mean - values[at][c]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_membrane_over_a_disc_is_the_harmonic_function_of_its_edge() {
        for side in [33, 128, 250] {
            let middle = side as f32 / 2.0;
            // Real part of z^2, a plane, and one number.
            let wanted = |i: usize| {
                let (x, y) = (((i % side) as f32 - middle) / middle, ((i / side) as f32 - middle) / middle);
                [x * x - y * y, 0.3 * x - 0.7 * y, 0.25]
            };
            let known: Vec<bool> = (0..side * side)
                .map(|i| ((i % side) as f32 - middle).hypot((i / side) as f32 - middle) > 0.4 * side as f32)
                .collect();
            let mut values: Vec<[f32; 3]> =
                (0..side * side).map(|i| if known[i] { wanted(i) } else { [9.0; 3] }).collect();
            membrane(&mut values, &known, side);
            let worst = (0..side * side)
                .flat_map(|i| (0..3).map(move |c| (i, c)))
                .map(|(i, c)| (values[i][c] - wanted(i)[c]).abs())
                .fold(0.0, f32::max);
            assert!(worst < 0.01, "side {side}: {worst}");
        }
    }

    #[test]
    fn grids_without_an_edge_or_without_an_unknown_stay_as_they_are() {
        let mut values = vec![[1.0; 3]; 16];
        membrane(&mut values, &[false; 16], 4);
        membrane(&mut values, &[true; 16], 4);
        assert_eq!(values, vec![[1.0; 3]; 16]);
    }
}
