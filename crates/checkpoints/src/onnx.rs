//! The initialisers of an ONNX file, by the names that the network had before it was exported.
//!
//! The decision that shapes it: an exporter keeps the names of biases and filters, but renames the
//! weight of a linear layer to a number, since it was turned around. So such a weight is named by
//! the bias that is added behind it, or else by its node, and turned back to `[outs, ins]`. Weights
//! of 8-bit integers stay integers with their scales beside them, where no zero point moves them;
//! nothing of the graph is run.
use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use crate::checkpoint::{Checkpoint, Container};
use crate::error::shown;
use crate::{CheckpointError, Dtype, HostTensor, StateDict};

/// Ends the name of the scales that belong to a weight of 8-bit integers.
const SCALE: &str = "_scale";

#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
}

#[derive(Clone, PartialEq, Message)]
struct Graph {
    #[prost(message, repeated, tag = "1")]
    node: Vec<Node>,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<Tensor>,
}

#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    op_type: String,
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int64, tag = "3")]
    i: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(float, repeated, tag = "4")]
    float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    int32_data: Vec<i32>,
    #[prost(int64, repeated, tag = "7")]
    int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
    #[prost(double, repeated, tag = "10")]
    double_data: Vec<f64>,
    #[prost(int32, tag = "14")]
    data_location: i32,
}

/// The format's numbers of element types.
const DTYPES: [(i32, Dtype); 10] = [
    (1, Dtype::F32),
    (2, Dtype::U8),
    (3, Dtype::I8),
    (5, Dtype::I16),
    (6, Dtype::I32),
    (7, Dtype::I64),
    (9, Dtype::Bool),
    (10, Dtype::F16),
    (11, Dtype::F64),
    (16, Dtype::Bf16),
];

/// Whether a file begins as such a file does: the version of the format, then a field of the model.
pub(crate) fn begins(head: &[u8]) -> bool {
    matches!(head, [0x08, 1..=0x7f, 0x12 | 0x1a | 0x22 | 0x28 | 0x32 | 0x3a | 0x42 | 0x72 | 0xa2, ..])
}

/// Reads the initialisers.
///
/// # Errors
/// [`CheckpointError::Malformed`] where the bytes are no such file, where a tensor is not as large
/// as its extents, lies in another file, or was quantised in a way that is not read.
pub(crate) fn read_onnx(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let broken = |what: &dyn std::fmt::Display| CheckpointError::Malformed(format!("not a whole ONNX file: {what}"));
    let graph = Model::decode(bytes).map_err(|e| broken(&e))?.graph.ok_or_else(|| broken(&"it has no graph"))?;
    if graph.initializer.is_empty() {
        return Err(CheckpointError::malformed("an ONNX file without weights"));
    }
    let mut tensors = StateDict::new();
    for tensor in graph.initializer {
        let name = tensor.name.clone();
        insert(&mut tensors, name, host(&tensor)?)?;
    }
    let mut checkpoint = Checkpoint::empty(Container::Onnx);
    checkpoint.sections.insert(String::new(), Walk::over(&graph.node, tensors)?.finish()?);
    Ok(checkpoint)
}

fn insert(into: &mut StateDict, name: String, tensor: HostTensor) -> Result<(), CheckpointError> {
    let shown = shown(&name);
    match into.insert(name, tensor) {
        None => Ok(()),
        Some(_) => Err(CheckpointError::Malformed(format!("two tensors have the name {shown}"))),
    }
}

/// A tensor with its bytes in one order, checked against its extents.
fn host(tensor: &Tensor) -> Result<HostTensor, CheckpointError> {
    let wrong = |what: &str| CheckpointError::Malformed(format!("its tensor {} {what}", shown(&tensor.name)));
    if tensor.data_location != 0 {
        return Err(wrong("lies in another file; export the network with its weights inside"));
    }
    let dtype = DTYPES.iter().find(|(number, _)| *number == tensor.data_type).map(|(_, dtype)| *dtype);
    let dtype = dtype.ok_or_else(|| wrong(&format!("has the element type number {}", tensor.data_type)))?;
    let shape: Option<Vec<usize>> = tensor.dims.iter().map(|n| usize::try_from(*n).ok()).collect();
    let shape = shape.ok_or_else(|| wrong("has a negative extent"))?;
    let bytes = if tensor.raw_data.is_empty() {
        let narrow = |v: &i32| v.to_le_bytes().into_iter().take(dtype.size()).collect::<Vec<u8>>();
        match dtype {
            Dtype::F32 => tensor.float_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Dtype::F64 => tensor.double_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Dtype::I64 => tensor.int64_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
            _ => tensor.int32_data.iter().flat_map(narrow).collect(),
        }
    } else {
        tensor.raw_data.clone()
    };
    let wanted = shape.iter().try_fold(dtype.size(), |all, n| all.checked_mul(*n));
    if wanted != Some(bytes.len()) {
        return Err(wrong("is not as large as its extents say"));
    }
    Ok(HostTensor { shape, dtype, bytes })
}

/// A matrix with rows and columns exchanged.
fn transposed(matrix: &HostTensor) -> HostTensor {
    let &[rows, columns] = matrix.shape.as_slice() else { return matrix.clone() };
    let size = matrix.dtype.size();
    let mut bytes = Vec::with_capacity(matrix.bytes.len());
    for column in 0..columns {
        for row in 0..rows {
            let at = (row * columns + column) * size;
            bytes.extend_from_slice(matrix.bytes.get(at..at + size).unwrap_or_default());
        }
    }
    HostTensor { shape: vec![columns, rows], dtype: matrix.dtype, bytes }
}

/// The walk over the nodes that have weights of linear layers.
struct Walk<'a> {
    nodes: &'a [Node],
    /// Nodes by what they take.
    takers: BTreeMap<&'a str, Vec<&'a Node>>,
    tensors: StateDict,
    found: StateDict,
    used: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    fn over(nodes: &'a [Node], tensors: StateDict) -> Result<Self, CheckpointError> {
        let mut takers: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
        for node in nodes {
            node.input.iter().for_each(|name| takers.entry(name).or_default().push(node));
        }
        let mut walk = Self { nodes, takers, tensors, found: StateDict::new(), used: BTreeSet::new() };
        walk.nodes.iter().try_for_each(|node| walk.take(node))?;
        Ok(walk)
    }

    /// The weights that are left, too.
    fn finish(self) -> Result<StateDict, CheckpointError> {
        let Self { mut found, used, tensors, .. } = self;
        for (name, tensor) in tensors {
            if !used.contains(&name) {
                insert(&mut found, name, tensor)?;
            }
        }
        Ok(found)
    }

    fn take(&mut self, node: &Node) -> Result<(), CheckpointError> {
        let Some(name) = node.input.get(1) else { return Ok(()) };
        let Some(weight) = self.tensors.get(name) else { return Ok(()) };
        match node.op_type.as_str() {
            "MatMul" | "Gemm" if weight.shape.len() == 2 && name.starts_with("onnx::") => {
                let lies_turned = node.attribute.iter().any(|a| a.name == "transB" && a.i != 0);
                let weight = if lies_turned { weight.clone() } else { transposed(weight) };
                let real = self.name_of(node);
                self.used.insert(name.clone());
                insert(&mut self.found, real, weight)
            }
            "MatMulInteger" if weight.shape.len() == 2 => self.take_integers(node, name),
            operator @ ("MatMulInteger" | "ConvInteger" | "QLinearConv" | "QLinearMatMul" | "DequantizeLinear") => {
                Err(CheckpointError::Malformed(format!(
                    "its weight {} was quantised for the operator {operator}, which is not read",
                    shown(name)
                )))
            }
            _ => Ok(()),
        }
    }

    fn take_integers(&mut self, node: &Node, name: &str) -> Result<(), CheckpointError> {
        let wrong = |what: &str| CheckpointError::Malformed(format!("its weight {} {what}", shown(name)));
        let tensor = |name: &str| self.tensors.get(name).ok_or_else(|| wrong("has no scale"));
        let weight = transposed(tensor(name)?);
        let [outs, ins] = [weight.shape.first(), weight.shape.get(1)].map(|n| n.copied().unwrap_or(0));
        if !matches!(weight.dtype, Dtype::I8 | Dtype::U8) {
            return Err(wrong("is not of 8-bit integers"));
        }
        // ONNX Runtime's tools name the scale by the weight.
        let scale_name = format!("{}{SCALE}", name.strip_suffix("_quantized").unwrap_or(name));
        let each = |values: Vec<f32>| if values.len() == 1 { values.repeat(outs) } else { values };
        let scale = each(tensor(&scale_name)?.to_f32());
        let zero_name = node.input.get(3).filter(|name| !name.is_empty());
        let zero = zero_name.map_or(Ok(vec![0.0]), |name| tensor(name).map(HostTensor::to_f32)).map(each)?;
        if scale.len() != outs || zero.len() != outs {
            return Err(wrong("has scales or zero points for another number of columns"));
        }
        let real = self.name_of(node);
        self.used.extend([name.to_owned(), scale_name]);
        self.used.extend(zero_name.cloned());
        if weight.dtype == Dtype::I8 && zero.iter().all(|z| *z == 0.0) {
            insert(&mut self.found, format!("{real}{SCALE}"), HostTensor::from_f32(&[outs], &scale))?;
            return insert(&mut self.found, real, weight);
        }
        let values = weight.to_f32();
        let rows = values.chunks(ins.max(1)).zip(zero.iter().zip(&scale));
        let values: Vec<f32> =
            rows.flat_map(|(row, (zero, scale))| row.iter().map(move |v| (v - zero) * scale)).collect();
        insert(&mut self.found, real, HostTensor::from_f32(&[outs, ins], &values))
    }

    /// What the weight of a product was called: by the bias that is added to it, or by the node.
    fn name_of(&self, node: &Node) -> String {
        const STEPS: usize = 4;
        let mut at = node;
        for _ in 0..STEPS {
            let takers = at.output.first().and_then(|out| self.takers.get(out.as_str()));
            let Some([next]) = takers.map(Vec::as_slice) else { break };
            if next.op_type == "Add" {
                let bias = next
                    .input
                    .iter()
                    .find_map(|name| name.strip_suffix("bias").filter(|_| self.tensors.contains_key(name)));
                if let Some(bias) = bias {
                    return format!("{bias}weight");
                }
                break;
            }
            if !matches!(next.op_type.as_str(), "Cast" | "Mul") {
                break;
            }
            at = next;
        }
        let path: Vec<&str> = node.name.split('/').filter(|part| !part.is_empty()).collect();
        let path = path.split_last().map_or(&[][..], |(_, path)| path);
        if path.is_empty() {
            node.input.get(1).cloned().unwrap_or_default()
        } else {
            format!("{}.weight", path.join("."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(name: &str, dims: &[i64], values: &[f32]) -> Tensor {
        let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Tensor { name: name.into(), dims: dims.to_vec(), data_type: 1, raw_data, ..Tensor::default() }
    }

    fn integers(name: &str, dims: &[i64], values: &[i8]) -> Tensor {
        let raw_data = values.iter().map(|v| v.cast_unsigned()).collect();
        Tensor { name: name.into(), dims: dims.to_vec(), data_type: 3, raw_data, ..Tensor::default() }
    }

    fn node(name: &str, operator: &str, input: &[&str], output: &str) -> Node {
        let input = input.iter().map(|n| (*n).to_owned()).collect();
        Node { name: name.into(), op_type: operator.into(), input, output: vec![output.into()], attribute: vec![] }
    }

    fn bytes(node: Vec<Node>, initializer: Vec<Tensor>) -> Vec<u8> {
        // The version of the format stands first.
        [vec![0x08, 7, 0x12, 1, b'x'], Model { graph: Some(Graph { node, initializer }) }.encode_to_vec()].concat()
    }

    fn read(node: Vec<Node>, initializer: Vec<Tensor>) -> Result<StateDict, CheckpointError> {
        let bytes = bytes(node, initializer);
        assert!(begins(&bytes));
        crate::Checkpoint::from_bytes(&bytes, crate::Options::default()).map(Checkpoint::into_tensors)
    }

    #[test]
    fn renamed_weights_get_their_names_and_their_shape_back() {
        let nodes = vec![
            node("/enc/fc/MatMul", "MatMul", &["x", "onnx::MatMul_7"], "y"),
            node("/enc/fc/Add", "Add", &["enc.fc.bias", "y"], "z"),
            node("/enc/last/MatMul", "MatMul", &["z", "onnx::MatMul_8"], "out"),
        ];
        let tensors = vec![
            floats("onnx::MatMul_7", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
            floats("enc.fc.bias", &[3], &[0.5; 3]),
            floats("onnx::MatMul_8", &[3, 1], &[7.0, 8.0, 9.0]),
            floats("conv.weight", &[1, 1, 1, 2], &[1.0, -1.0]),
        ];
        let found = read(nodes, tensors).unwrap();
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["conv.weight", "enc.fc.bias", "enc.fc.weight", "enc.last.weight"]);
        assert_eq!(found["enc.fc.weight"].shape, [3, 2]);
        assert_eq!(found["enc.fc.weight"].to_f32(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }

    fn quantised(zero: i8) -> (Vec<Node>, Vec<Tensor>) {
        let nodes = vec![
            node(
                "/fc/MatMul_quant",
                "MatMulInteger",
                &["x", "onnx::MatMul_7_quantized", "xz", "onnx::MatMul_7_zero_point"],
                "y",
            ),
            node("", "Cast", &["y"], "yc"),
            node("", "Mul", &["yc", "s"], "ym"),
            node("", "Add", &["fc.bias", "ym"], "z"),
        ];
        let tensors = vec![
            integers("onnx::MatMul_7_quantized", &[2, 2], &[1, 2, -3, 127]),
            floats("onnx::MatMul_7_scale", &[2], &[0.5, 0.25]),
            integers("onnx::MatMul_7_zero_point", &[2], &[zero, 0]),
            floats("fc.bias", &[2], &[0.0; 2]),
        ];
        (nodes, tensors)
    }

    #[test]
    fn integers_stay_integers_unless_a_zero_point_moves_them() {
        let (nodes, tensors) = quantised(0);
        let found = read(nodes, tensors).unwrap();
        assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), ["fc.bias", "fc.weight", "fc.weight_scale"]);
        assert_eq!((found["fc.weight"].dtype, found["fc.weight"].to_f32()), (Dtype::I8, vec![1.0, -3.0, 2.0, 127.0]));
        let (nodes, tensors) = quantised(2);
        let found = read(nodes, tensors).unwrap();
        assert_eq!((found["fc.weight"].dtype, found["fc.weight"].to_f32()), (Dtype::F32, vec![-0.5, -2.5, 0.5, 31.75]));
        assert!(!found.contains_key("fc.weight_scale"));
    }

    #[test]
    fn what_cannot_be_read_is_refused_in_words() {
        let refused = |nodes: Vec<Node>, tensors: Vec<Tensor>| read(nodes, tensors).unwrap_err().to_string();
        assert!(refused(vec![], vec![floats("a", &[2], &[1.0])]).contains("not as large as its extents"));
        assert!(refused(vec![], vec![floats("a", &[-1], &[])]).contains("negative"));
        assert!(refused(vec![], vec![floats("a", &[1], &[1.0]), floats("a", &[1], &[1.0])]).contains("two tensors"));
        let outside = Tensor { data_location: 1, ..floats("a", &[1], &[]) };
        assert!(refused(vec![], vec![outside]).contains("another file"));
        let odd = Tensor { data_type: 99, ..floats("a", &[1], &[1.0]) };
        assert!(refused(vec![], vec![odd]).contains("element type number 99"));
        assert!(refused(vec![], vec![]).contains("without weights"));
        let (mut nodes, tensors) = quantised(0);
        nodes[0].op_type = "QLinearMatMul".into();
        assert!(refused(nodes, tensors).contains("QLinearMatMul, which is not read"));
        let (nodes, mut tensors) = quantised(0);
        tensors.remove(1);
        assert!(refused(nodes, tensors).contains("no scale"));
        let whole = bytes(vec![], vec![floats("a", &[4], &[1.0; 4])]);
        for cut in 5..whole.len() {
            assert!(crate::Checkpoint::from_bytes(&whole[..cut], crate::Options::default()).is_err(), "cut at {cut}");
        }
    }
}
