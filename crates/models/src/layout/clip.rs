//! How much of CLIP's image tower a file has.
use super::Architecture;
use super::look::Shapes;
use crate::clip::{SCALE, Widths};

impl Architecture for Widths {
    fn infer(shapes: &Shapes) -> Result<Self, String> {
        let block = |i: usize| format!("vision_model.encoder.layers.{i}.self_attn.q_proj.weight");
        let blocks = (0..64).take_while(|i| shapes.contains_key(&block(*i))).count();
        if blocks == 0 {
            return Err(format!("{} is missing", block(0)));
        }
        if !shapes.contains_key(&format!("{}{SCALE}", block(0))) {
            return Err("its weights are not of 8-bit integers with scales beside them".into());
        }
        Ok(Self { blocks, has_end: shapes.contains_key("visual_projection.weight") })
    }

    fn shapes(&self) -> Shapes {
        Widths::shapes(*self)
    }
}
