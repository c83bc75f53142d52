//! A batch of planes in host memory, and its way from and to a tensor.
use burn::tensor::{Device, Tensor, TensorData};

/// `[n, c, h, w]` values, row-major.
pub(crate) struct Planes {
    pub(crate) values: Vec<f32>,
    pub(crate) dims: [usize; 4],
}

impl Planes {
    /// Takes the buffer of a tensor; without a copy where nobody else holds it.
    pub(crate) fn from_tensor(x: Tensor<4>) -> Self {
        let dims = x.dims();
        let data = x.into_data();
        let values = data.try_into_vec_as::<f32>().unwrap_or_default();
        debug_assert_eq!(values.len(), dims.iter().product::<usize>());
        Self { values, dims }
    }

    /// A tensor on the processor with this buffer.
    pub(crate) fn into_tensor(self) -> Tensor<4> {
        Tensor::from_data(TensorData::new(self.values, self.dims), &Device::flex())
    }

    pub(crate) fn zeros(dims: [usize; 4]) -> Self {
        Self { values: vec![0.0; dims.iter().product()], dims }
    }
}

/// Cuts a row-major matrix of `columns` columns into strips: for every width in turn the piece of
/// each row that falls into it. The widths must add up to `columns`. This is how threads write
/// disjoint columns of one output without sharing it.
pub(crate) fn strips<'a>(matrix: &'a mut [f32], columns: usize, widths: &[usize]) -> Vec<Vec<&'a mut [f32]>> {
    let rows = matrix.len() / columns.max(1);
    let mut strips: Vec<Vec<&mut [f32]>> = widths.iter().map(|_| Vec::with_capacity(rows)).collect();
    for row in matrix.chunks_exact_mut(columns.max(1)) {
        let mut rest = row;
        for (strip, width) in strips.iter_mut().zip(widths) {
            let (piece, tail) = rest.split_at_mut(*width);
            strip.push(piece);
            rest = tail;
        }
    }
    strips
}

/// The first `length` elements of a buffer that a thread keeps from call to call; they hold
/// whatever was left there.
pub(crate) fn kept(buffer: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if buffer.len() < length {
        buffer.resize(length, 0.0);
    }
    &mut buffer[..length]
}

/// `total` cut into pieces of `size`, the last one smaller.
pub(crate) fn pieces(total: usize, size: usize) -> Vec<usize> {
    let size = size.max(1);
    (0..total.div_ceil(size)).map(|i| size.min(total - i * size)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_cover_the_matrix_once() {
        let mut matrix: Vec<f32> = vec![0.0; 3 * 7];
        let widths = pieces(7, 3);
        assert_eq!(widths, [3, 3, 1]);
        for (i, strip) in strips(&mut matrix, 7, &widths).into_iter().enumerate() {
            assert_eq!(strip.len(), 3);
            strip.into_iter().flatten().for_each(|v| *v += (i + 1) as f32);
        }
        assert_eq!(matrix, [1., 1., 1., 2., 2., 2., 3.].repeat(3));
    }
}
