//! A tensor is a view into a storage: first element, extents, steps. Here views become row-major
//! copies, checked before a byte is read.
use crate::pickle::{StorageInfo, View};

/// Most dimensions that a tensor may have; PyTorch's own limit.
const DIMENSIONS: usize = 64;

/// Bytes of the copy, after the check that the view lies in its storage.
pub(super) fn bytes(view: &View, storage: &StorageInfo) -> Result<u64, String> {
    if view.shape.len() != view.strides.len() || view.shape.len() > DIMENSIONS {
        return Err(format!("has {} extents and {} strides", view.shape.len(), view.strides.len()));
    }
    let too_large = || "is too large to be true".to_owned();
    if view.shape.contains(&0) {
        // The other extents of an empty tensor must still fit: somebody may multiply them.
        let others = view.shape.iter().filter(|n| **n > 0).try_fold(1_u64, |all, n| all.checked_mul(*n));
        return others.filter(|n| u32::try_from(*n).is_ok()).map(|_| 0).ok_or_else(too_large);
    }
    let mut count = 1_u64;
    let mut last = view.offset;
    for (extent, stride) in view.shape.iter().zip(&view.strides) {
        count = count.checked_mul(*extent).ok_or_else(too_large)?;
        let reach = (extent - 1).checked_mul(*stride).ok_or_else(too_large)?;
        last = last.checked_add(reach).ok_or_else(too_large)?;
    }
    if last >= storage.elements {
        return Err(format!("looks at element {last} of a storage of {}", storage.elements));
    }
    let bytes = count.checked_mul(storage.dtype.size() as u64).ok_or_else(too_large)?;
    usize::try_from(bytes).map(|_| bytes).map_err(|_| too_large())
}

/// Whether the storage's elements from the offset on, in their order, are the tensor.
fn is_contiguous(view: &View) -> bool {
    let mut step = 1_u64;
    for (extent, stride) in view.shape.iter().zip(&view.strides).rev() {
        if *extent != 1 && *stride != step {
            return false;
        }
        step = step.saturating_mul(*extent);
    }
    true
}

/// Whether the tensor is the whole storage as it lies.
pub(super) fn is_whole(view: &View, storage: &StorageInfo) -> bool {
    let count = view.shape.iter().fold(1_u64, |all, n| all.saturating_mul(*n));
    view.offset == 0 && count == storage.elements && is_contiguous(view)
}

/// The tensor's elements, row-major.
pub(super) fn gather(view: &View, storage: &StorageInfo, from: &[u8]) -> Result<Vec<u8>, String> {
    let short = || "lies outside its storage".to_owned();
    let total = bytes(view, storage)? as usize;
    let size = storage.dtype.size();
    let at = |element: u64| -> Option<usize> { usize::try_from(element).ok()?.checked_mul(size) };
    if total == 0 {
        return Ok(Vec::new());
    }
    if is_contiguous(view) {
        let start = at(view.offset).ok_or_else(short)?;
        return start.checked_add(total).and_then(|end| from.get(start..end)).map(<[u8]>::to_vec).ok_or_else(short);
    }
    let mut made = Vec::with_capacity(total);
    let mut index = vec![0_u64; view.shape.len()];
    let mut element = view.offset;
    while made.len() < total {
        let start = at(element).ok_or_else(short)?;
        made.extend_from_slice(start.checked_add(size).and_then(|end| from.get(start..end)).ok_or_else(short)?);
        // Counts up like an odometer; what overflows goes back to zero and carries over.
        for ((digit, extent), stride) in index.iter_mut().zip(&view.shape).zip(&view.strides).rev() {
            *digit += 1;
            // Wraps where a single extent has an absurd step, and wraps back below.
            element = element.wrapping_add(*stride);
            if *digit < *extent {
                break;
            }
            element = element.wrapping_sub(extent.wrapping_mul(*stride));
            *digit = 0;
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dtype;

    fn view(offset: u64, shape: &[u64], strides: &[u64]) -> View {
        View { storage: 0, offset, shape: shape.to_vec(), strides: strides.to_vec() }
    }

    #[test]
    fn views_are_gathered_and_checked() {
        let storage = StorageInfo { key: "0".into(), dtype: Dtype::U8, elements: 12 };
        let from: Vec<u8> = (0..12).collect();
        let gathered = |v: &View| gather(v, &storage, &from).unwrap();
        assert_eq!(gathered(&view(0, &[3, 4], &[4, 1])), from);
        assert_eq!(gathered(&view(0, &[4, 3], &[1, 4])), [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
        assert_eq!(gathered(&view(5, &[2, 2], &[4, 1])), [5, 6, 9, 10]);
        assert_eq!(gathered(&view(3, &[], &[])), [3]);
        assert_eq!(gathered(&view(11, &[1, 3], &[99, 0])), [11, 11, 11]);
        assert_eq!(gathered(&view(2, &[1, 2], &[u64::MAX, 3])), [2, 5]);
        assert_eq!(gathered(&view(40, &[0, 3], &[1, 1])), Vec::<u8>::new());
        assert!(is_whole(&view(0, &[3, 4], &[4, 1]), &storage));
        assert!(!is_whole(&view(0, &[4, 3], &[1, 4]), &storage));
        for (wrong, word) in [
            (view(1, &[3, 4], &[4, 1]), "looks at element 12"),
            (view(0, &[2, 2], &[u64::MAX - 5, 1]), "looks at"),
            (view(0, &[3, 2], &[u64::MAX, 1]), "too large"),
            (view(0, &[u64::MAX, 2], &[0, 0]), "too large"),
            (view(0, &[0, u64::MAX], &[0, 0]), "too large"),
            (view(0, &[2], &[]), "strides"),
        ] {
            let error = bytes(&wrong, &storage).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
