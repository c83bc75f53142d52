//! Who is the same person: groups of identity vectors, across tracks and across files.
//!
//! Agglomerative clustering with average linkage: the two groups whose vectors are most alike on
//! average become one, until no two are alike enough. Average linkage does not chain people
//! together over one blurred picture, as single linkage does. Two tracks that are in the picture at
//! the same time are two people, and no likeness puts them together.
use crate::track::cosine;

/// Groups the vectors; returns the group of each, numbered by first member. A missing vector is a
/// group of its own. `apart(i, j)` says that two are known to be different people.
pub fn cluster(
    vectors: &[Option<&[f32]>],
    same_person_cosine: f32,
    apart: &dyn Fn(usize, usize) -> bool,
) -> Vec<usize> {
    let n = vectors.len();
    let mut likeness = vec![f64::NEG_INFINITY; n * n];
    for i in 0..n {
        for j in 0..n {
            if let (Some(a), Some(b)) = (vectors[i], vectors[j])
                && i != j
                && !apart(i, j)
                && !apart(j, i)
            {
                likeness[i * n + j] = f64::from(cosine(a, b));
            }
        }
    }
    let mut members: Vec<Vec<usize>> = (0..n).map(|i| vec![i]).collect();
    let mut alive: Vec<usize> = (0..n).collect();
    // The likest partner of each group, renewed only where a merge may have changed it.
    let likest = |likeness: &[f64], alive: &[usize], i: usize| {
        let others = alive.iter().filter(|j| **j != i).map(|j| (likeness[i * n + j], *j));
        others.fold((f64::NEG_INFINITY, i), |best, next| if next.0 > best.0 { next } else { best })
    };
    let mut best: Vec<(f64, usize)> = (0..n).map(|i| likest(&likeness, &alive, i)).collect();
    loop {
        let next = alive.iter().fold(None, |found: Option<usize>, i| match found {
            Some(f) if best[f].0 >= best[*i].0 => Some(f),
            _ => Some(*i),
        });
        let Some(a) = next.filter(|i| best[*i].0 >= f64::from(same_person_cosine)) else { break };
        let (a, b) = (a.min(best[a].1), a.max(best[a].1));
        let (na, nb) = (members[a].len() as f64, members[b].len() as f64);
        let moved = std::mem::take(&mut members[b]);
        members[a].extend(moved);
        alive.retain(|i| *i != b);
        for i in &alive {
            // One forbidden pair forbids the group: minus infinity stays so in the mean.
            let mean = (na * likeness[a * n + i] + nb * likeness[b * n + i]) / (na + nb);
            (likeness[a * n + i], likeness[i * n + a]) = (mean, mean);
        }
        for i in alive.clone() {
            if i == a || best[i].1 == a || best[i].1 == b {
                best[i] = likest(&likeness, &alive, i);
            }
        }
    }
    let mut group_of = vec![0; n];
    for (group, first) in alive.iter().enumerate() {
        members[*first].iter().for_each(|i| group_of[*i] = group);
    }
    group_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::unit;
    use proptest::prelude::*;

    /// Person `p` as an axis with a little of everything else.
    fn vector(p: usize, noise: u32) -> Vec<f32> {
        let mut state = noise.wrapping_mul(2_654_435_761).wrapping_add(p as u32);
        let mut v: Vec<f32> = (0..8)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 16) as f32 / 65536.0 * 0.3 - 0.15
            })
            .collect();
        v[p] += 1.0;
        unit(&v).unwrap()
    }

    #[test]
    fn people_are_told_apart() {
        let made: Vec<Vec<f32>> = [0, 1, 0, 2, 1, 0].iter().enumerate().map(|(i, p)| vector(*p, i as u32)).collect();
        let mut vectors: Vec<Option<&[f32]>> = made.iter().map(|v| Some(v.as_slice())).collect();
        assert_eq!(cluster(&vectors, 0.5, &|_, _| false), [0, 1, 0, 2, 1, 0]);
        // Seen side by side, however alike.
        assert_eq!(
            cluster(&vectors, 0.5, &|i, j| (i, j) == (0, 2)),
            [0, 1, 2, 3, 1, if best_of(&made) { 0 } else { 2 }]
        );
        vectors[4] = None;
        assert_eq!(cluster(&vectors, 0.5, &|_, _| false), [0, 1, 0, 2, 3, 0]);
        assert!(cluster(&[], 0.5, &|_, _| false).is_empty());
    }

    /// Whether the last picture of person 0 is more like the first than like the second.
    fn best_of(made: &[Vec<f32>]) -> bool {
        cosine(&made[5], &made[0]) >= cosine(&made[5], &made[2])
    }

    #[test]
    fn one_picture_between_two_people_does_not_join_them() {
        let (a, b) = (vector(0, 1), vector(1, 2));
        let between = unit(&a.iter().zip(&b).map(|(x, y)| x + y).collect::<Vec<f32>>()).unwrap();
        let mut vectors: Vec<Option<&[f32]>> = Vec::new();
        let many: Vec<Vec<f32>> = (0..4).flat_map(|i| [vector(0, i), vector(1, i)]).collect();
        many.iter().for_each(|v| vectors.push(Some(v)));
        vectors.push(Some(&between));
        let groups = cluster(&vectors, 0.6, &|_, _| false);
        assert_eq!(&groups[..8], [0, 1, 0, 1, 0, 1, 0, 1]);
    }

    proptest! {
        #[test]
        fn the_order_of_the_pictures_does_not_matter(people in proptest::collection::vec(0usize..4, 1..12), turn in 0usize..12) {
            let made: Vec<Vec<f32>> = people.iter().enumerate().map(|(i, p)| vector(*p, i as u32 + 9)).collect();
            let n = made.len();
            let groups = |order: &[usize]| cluster(&order.iter().map(|i| Some(made[*i].as_slice())).collect::<Vec<_>>(), 0.5, &|_, _| false);
            let straight = groups(&(0..n).collect::<Vec<_>>());
            let order: Vec<usize> = (0..n).map(|i| (i + turn) % n).collect();
            let turned = groups(&order);
            for i in 0..n {
                for j in 0..n {
                    prop_assert_eq!(straight[order[i]] == straight[order[j]], turned[i] == turned[j]);
                    prop_assert_eq!(straight[i] == straight[j], people[i] == people[j]);
                }
            }
        }
    }
}
