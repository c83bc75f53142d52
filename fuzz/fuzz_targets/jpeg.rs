//! JPEG structure, coefficients and luma of any bytes.
#![no_main]

use assay_media::Limits;
use assay_media::jpeg::{JpegStructure, coefficients_partial, luma_plane};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    // Work of microseconds is not worth waking another thread: let the fuzzing thread be the whole
    // pool.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
}, |bytes: &[u8]| {
    let Ok(structure) = JpegStructure::parse(bytes) else { return };
    let _ = (structure.facts(), structure.subsampling(), structure.quality());
    let limits = Limits { max_pixels: 1 << 16, ..Limits::default() };
    let Ok(decoded) = coefficients_partial(bytes, &structure, &limits) else { return };
    for component in &decoded.components {
        assert_eq!(component.coefficients.len(), component.blocks_wide * component.blocks_high);
        let plane = luma_plane(component, structure.width, structure.height);
        assert_eq!(plane.data.len(), structure.width as usize * structure.height as usize);
    }
});
