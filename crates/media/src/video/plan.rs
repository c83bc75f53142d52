//! Which frames a reader wants, and what that means for a given packet table.
//!
//! The decision that shapes it: plans are resolved before decoding, on the axis of presentation
//! times, into presentation indices. Variable frame rate is the normal case, so "evenly spaced"
//! means evenly in time: the first frame at or after each target.
use assay_evidence::Span;

/// Which frames a reader wants.
#[derive(Debug, Clone, PartialEq)]
pub enum FramePlan {
    /// This many frames, evenly spaced in time, each in the middle of its share; fewer when the
    /// stream has fewer.
    EvenlySpaced(u32),
    /// Frames 0, k, 2k ... in presentation order; 0 is taken as 1.
    EveryKth(u32),
    /// This many of the frames in these stretches, evenly by number; no stretch is the whole
    /// stream. For readers that must not make frames be decoded that nobody else wants.
    Among(u32, Vec<Span>),
    /// Every frame whose presentation time lies in one of these stretches, ends included.
    Windows(Vec<Span>),
    /// Every frame.
    All,
}

impl FramePlan {
    /// One flag for each frame of the stream; `times_secs` are the presentation times in ascending
    /// order.
    pub(crate) fn resolve(&self, times_secs: &[f64]) -> Vec<bool> {
        let mut wanted = vec![false; times_secs.len()];
        match self {
            Self::All => wanted.fill(true),
            Self::EveryKth(k) => wanted.iter_mut().step_by((*k).max(1) as usize).for_each(|w| *w = true),
            Self::EvenlySpaced(count) if *count as usize >= times_secs.len() => wanted.fill(true),
            Self::EvenlySpaced(count) => {
                let (Some(first), Some(last)) = (times_secs.first(), times_secs.last()) else { return wanted };
                let step = (last - first) / f64::from((*count).max(1));
                for share in 0..*count {
                    let target = first + step * (f64::from(share) + 0.5);
                    let at = times_secs.partition_point(|t| *t < target).min(times_secs.len() - 1);
                    // Where frames are rarer than targets, the next frame that is still free stands
                    // in.
                    let free = (at..wanted.len()).find(|i| !wanted[*i]).or_else(|| (0..at).rev().find(|i| !wanted[*i]));
                    if let Some(i) = free {
                        wanted[i] = true;
                    }
                }
            }
            Self::Among(count, windows) => {
                let all = if windows.is_empty() { Self::All } else { Self::Windows(windows.clone()) };
                let there: Vec<usize> =
                    all.resolve(times_secs).iter().enumerate().filter(|(_, w)| **w).map(|(i, _)| i).collect();
                let count = (*count as usize).min(there.len());
                for share in 0..count {
                    wanted[there[(2 * share + 1) * there.len() / (2 * count)]] = true;
                }
            }
            Self::Windows(windows) => {
                for window in windows {
                    let from = times_secs.partition_point(|t| *t < window.start_secs);
                    let to = times_secs.partition_point(|t| *t <= window.end_secs);
                    if let Some(part) = wanted.get_mut(from..to) {
                        part.fill(true);
                    }
                }
            }
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(plan: &FramePlan, times: &[f64]) -> Vec<usize> {
        plan.resolve(times).iter().enumerate().filter(|(_, w)| **w).map(|(i, _)| i).collect()
    }

    #[test]
    fn plans_resolve_on_the_time_axis() {
        let steady: Vec<f64> = (0..10).map(f64::from).collect();
        // Nine frames in the first second, one at the end.
        let mut uneven: Vec<f64> = (0..9).map(|i| f64::from(i) / 9.0).collect();
        uneven.push(9.0);
        let window =
            FramePlan::Windows(vec![Span { start_secs: 2.0, end_secs: 4.0 }, Span { start_secs: 8.5, end_secs: 8.6 }]);
        for (name, plan, times, expected) in [
            ("all", FramePlan::All, &steady, (0..10).collect::<Vec<_>>()),
            ("every third", FramePlan::EveryKth(3), &steady, vec![0, 3, 6, 9]),
            ("every zeroth is every", FramePlan::EveryKth(0), &steady, (0..10).collect()),
            ("three evenly", FramePlan::EvenlySpaced(3), &steady, vec![2, 5, 8]),
            ("more than there are", FramePlan::EvenlySpaced(50), &steady, (0..10).collect()),
            ("evenly where frames are rare", FramePlan::EvenlySpaced(3), &uneven, vec![7, 8, 9]),
            ("windows", window, &steady, vec![2, 3, 4]),
            (
                "two among windows",
                FramePlan::Among(2, vec![Span { start_secs: 1.0, end_secs: 4.0 }]),
                &steady,
                vec![2, 4],
            ),
            ("four among all", FramePlan::Among(4, Vec::new()), &steady, vec![1, 3, 6, 8]),
            ("more than there are among all", FramePlan::Among(99, Vec::new()), &steady, (0..10).collect()),
            ("none among no frames", FramePlan::Among(3, Vec::new()), &Vec::new(), vec![]),
            ("no frames", FramePlan::EvenlySpaced(3), &Vec::new(), vec![]),
        ] {
            assert_eq!(chosen(&plan, times), expected, "{name}");
        }
    }
}
