//! Parameters in and out of a burn module, by the names that PyTorch's `state_dict` gives them.
//!
//! The decision that shapes it: every tensor is accounted for. Loading reports what was applied,
//! what the module lacks and what the file has left over, and refuses where any of the last two is
//! not empty. burn's own names differ from PyTorch's in two places only (`gamma` and `beta` of a
//! normalisation, the transposed weight of a linear layer). Where Rust forbids or burn cannot make
//! a name, the field says so by its spelling (see `spelled`), so no table of names is needed.
use std::collections::{BTreeMap, BTreeSet};

use assay_checkpoints::{Dtype, HostTensor, StateDict};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};

/// What a checkpoint's tensors and a network's parameters have in common, and what not.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Match {
    /// Parameters that were set.
    pub applied: Vec<String>,
    /// Parameters of the network that the file does not have.
    pub missing: Vec<String>,
    /// Tensors of the file that the network does not have. Counters of batch normalisation do not
    /// count.
    pub unused: Vec<String>,
    /// Tensors of the right name and another shape: name, what the network expects, what the file
    /// has.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl Match {
    /// Whether every parameter was set and every tensor used.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.unused.is_empty() && self.misshapen.is_empty()
    }
}

/// The file's tensors are not this network's.
#[derive(Debug, thiserror::Error)]
#[error("{}", describe(.0))]
pub struct Mismatch(pub Match);

fn describe(found: &Match) -> String {
    // Names come from foreign files; they must not write on the terminal.
    let some = |names: &[String]| {
        names.iter().take(3).map(|name| name.escape_debug().to_string()).collect::<Vec<_>>().join(", ")
    };
    let mut parts = vec![format!("{} tensors fit", found.applied.len())];
    if !found.missing.is_empty() {
        parts.push(format!("{} are missing ({} ...)", found.missing.len(), some(&found.missing)));
    }
    if !found.unused.is_empty() {
        parts.push(format!("{} are left over ({} ...)", found.unused.len(), some(&found.unused)));
    }
    if let Some((name, expected, got)) = found.misshapen.first() {
        parts.push(format!(
            "{} have another shape ({name}: expected {expected:?}, file has {got:?})",
            found.misshapen.len()
        ));
    }
    parts.join("; ")
}

/// Sets every parameter of `module` from the tensors of `state` whose names begin with `prefix`
/// (empty, or with its dot).
///
/// # Errors
/// [`Mismatch`] unless every parameter is set and no tensor under the prefix is left over.
pub fn load<M: Module>(module: M, state: &StateDict, prefix: &str) -> Result<M, Mismatch> {
    let (module, found) = load_partly(module, state, prefix);
    if found.is_complete() { Ok(module) } else { Err(Mismatch(found)) }
}

/// As [`load`], but sets what fits and leaves the judgement to the caller.
pub fn load_partly<M: Module>(module: M, state: &StateDict, prefix: &str) -> (M, Match) {
    let mut loader = Loader { state, path: Path::new(prefix), used: BTreeSet::new(), found: Match::default() };
    let module = module.map(&mut loader);
    let Loader { used, mut found, .. } = loader;
    let ours = state.keys().filter(|k| k.starts_with(prefix) && !k.ends_with("num_batches_tracked"));
    found.unused = ours.filter(|k| !used.contains(*k)).cloned().collect();
    (module, found)
}

/// The module with its parameters numbered in their order, so that what an optimiser keeps of them
/// fits the same network in another process.
pub fn numbered<M: Module>(module: M) -> M {
    module.map(&mut Numberer(0))
}

struct Numberer(u64);

impl ModuleMapper for Numberer {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (_, value, mapper) = param.consume();
        self.0 += 1;
        Param::from_mapped_value(ParamId::from(self.0), value, mapper)
    }
}

/// Every parameter of `module` as a 32-bit tensor under its PyTorch name.
pub fn collect<M: Module>(module: &M) -> StateDict {
    let mut collector = Collector { state: StateDict::new(), path: Path::new("") };
    module.visit(&mut collector);
    collector.state
}

/// Name and shape of every parameter, as PyTorch has them. Parameters that were never used are not
/// made for it.
pub fn shapes<M: Module>(module: &M) -> BTreeMap<String, Vec<usize>> {
    let mut measurer = Measurer { shapes: BTreeMap::new(), path: Path::new("") };
    module.visit(&mut measurer);
    measurer.shapes
}

/// Where a walk over the module stands.
struct Path {
    prefix: String,
    names: Vec<String>,
    containers: Vec<String>,
}

impl Path {
    fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), names: Vec::new(), containers: Vec::new() }
    }

    fn enter(&mut self, name: &str, container: &str) {
        self.names.push(name.to_owned());
        self.containers.push(container.to_owned());
    }

    fn leave(&mut self) {
        self.names.pop();
        self.containers.pop();
    }

    /// The name that PyTorch gives the parameter that is being visited.
    fn name(&self) -> String {
        let mut names: Vec<String> = self.names.iter().filter_map(|n| spelled(n)).collect();
        if let Some(last) = names.last_mut() {
            match last.as_str() {
                "gamma" => "weight".clone_into(last),
                "beta" => "bias".clone_into(last),
                _ => {}
            }
        }
        format!("{}{}", self.prefix, names.join("."))
    }

    /// burn keeps the weight of a linear layer as `[inputs, outputs]`, PyTorch as
    /// `[outputs, inputs]`.
    fn is_transposed(&self, dimensions: usize) -> bool {
        dimensions == 2
            && self.containers.iter().rev().any(|c| c == "Struct:Linear")
            && self.names.last().is_some_and(|n| n == "weight")
    }
}

/// PyTorch's name for a field: `index_7` is the element `7` of a `Sequential`, `under_conv` is
/// `_conv`, `final_` is `final`, and `flat_anything` adds no name, because PyTorch has its members
/// one level higher.
fn spelled(field: &str) -> Option<String> {
    if field.starts_with("flat_") {
        return None;
    }
    if let Some(index) = field.strip_prefix("index_") {
        return Some(index.to_owned());
    }
    if let Some(rest) = field.strip_prefix("under_") {
        return Some(format!("_{rest}"));
    }
    Some(field.strip_suffix('_').unwrap_or(field).to_owned())
}

struct Loader<'a> {
    state: &'a StateDict,
    path: Path,
    used: BTreeSet<String>,
    found: Match,
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.leave();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.name();
        let Some(tensor) = self.state.get(&name) else {
            self.found.missing.push(name);
            return param;
        };
        self.used.insert(name.clone());
        let transposed = self.path.is_transposed(D);
        let mut expected = param.lazy_shape().to_vec();
        if transposed {
            expected.reverse();
        }
        if expected != tensor.shape {
            self.found.misshapen.push((name, expected, tensor.shape.clone()));
            return param;
        }
        self.found.applied.push(name);
        let values = TensorData::new(tensor.to_f32(), tensor.shape.clone());
        // The parameter may not have drawn its random values yet; `transform_for_load` spares it
        // that.
        let mut new = Tensor::<D>::from_data(values, &param.lazy_device());
        if transposed {
            new = new.swap_dims(0, 1);
        }
        let id = param.id;
        param.transform_for_load(new, id)
    }
}

struct Collector {
    state: StateDict,
    path: Path,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.leave();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let mut value = param.val();
        if self.path.is_transposed(D) {
            value = value.swap_dims(0, 1);
        }
        let shape = value.dims().to_vec();
        self.state.insert(self.path.name(), HostTensor::from_f32(&shape, &floats(value)));
    }
}

struct Measurer {
    shapes: BTreeMap<String, Vec<usize>>,
    path: Path,
}

impl ModuleVisitor for Measurer {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.leave();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let mut shape = param.lazy_shape().to_vec();
        if self.path.is_transposed(D) {
            shape.reverse();
        }
        self.shapes.insert(self.path.name(), shape);
    }
}

/// The elements of a tensor, row-major.
pub fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// A tensor on `device` from one in host memory. The number of dimensions must be `D`.
pub fn tensor<const D: usize>(host: &HostTensor, device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(host.to_f32(), host.shape.clone()), device)
}

/// The same tensors rounded to half precision, which is how weights are shipped.
pub fn halved(state: &StateDict) -> StateDict {
    let half = |t: &HostTensor| {
        if t.dtype == Dtype::F32 { HostTensor::f16_from_f32(&t.shape, &t.to_f32()) } else { t.clone() }
    };
    state.iter().map(|(name, tensor)| (name.clone(), half(tensor))).collect()
}

/// The weighted mean of every tensor of some parameters of one network ("model soups", Wortsman et
/// al., ICML 2022); empty for none.
pub fn mean<'a>(weighted: impl Iterator<Item = (&'a StateDict, f32)>) -> StateDict {
    let weighted: Vec<(&StateDict, f32)> = weighted.collect();
    let Some(((first, share), others)) = weighted.split_first() else { return StateDict::new() };
    let total: f32 = weighted.iter().map(|(_, share)| share).sum();
    let one = |(name, tensor): (&String, &HostTensor)| {
        let mut sum: Vec<f32> = tensor.to_f32().iter().map(|v| v * share / total).collect();
        for (other, share) in others.iter().filter_map(|(o, share)| Some((o.get(name)?, share))) {
            sum.iter_mut().zip(other.to_f32()).for_each(|(sum, v)| *sum += v * share / total);
        }
        (name.clone(), HostTensor::from_f32(&tensor.shape, &sum))
    };
    first.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use burn::nn::conv::{Conv2d, Conv2dConfig};
    use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};

    use super::*;

    #[derive(Module, Debug)]
    struct Net {
        conv: Conv2d,
        norms: Vec<BatchNorm>,
        head: Linear,
    }

    fn net() -> Net {
        let device = Device::default();
        Net {
            conv: Conv2dConfig::new([3, 4], [3, 3]).init(&device),
            norms: vec![BatchNormConfig::new(4).init(&device)],
            head: LinearConfig::new(4, 2).init(&device),
        }
    }

    #[test]
    fn names_and_layouts_are_those_of_pytorch() {
        let state = collect(&net());
        let shapes: Vec<(&str, &[usize])> = state.iter().map(|(n, t)| (n.as_str(), t.shape.as_slice())).collect();
        let expected: [(&str, &[usize]); 8] = [
            ("conv.bias", &[4]),
            ("conv.weight", &[4, 3, 3, 3]),
            ("head.bias", &[2]),
            ("head.weight", &[2, 4]),
            ("norms.0.bias", &[4]),
            ("norms.0.running_mean", &[4]),
            ("norms.0.running_var", &[4]),
            ("norms.0.weight", &[4]),
        ];
        assert_eq!(shapes, expected);
        let measured = super::shapes(&net());
        assert!(measured.iter().map(|(n, s)| (n.as_str(), s.as_slice())).eq(expected));
    }

    #[test]
    fn fields_that_rust_cannot_name_are_spelled_out() {
        let cases = [("index_7", Some("7")), ("under_bn0", Some("_bn0")), ("final_", Some("final")), ("flat_x", None)];
        for (field, name) in cases {
            assert_eq!(spelled(field).as_deref(), name);
        }
    }

    #[test]
    fn what_is_collected_can_be_loaded_and_nothing_is_left_over() {
        let state = collect(&net());
        let loaded = load(net(), &state, "").unwrap();
        assert_eq!(collect(&loaded), state);
        let mut more = state.clone();
        more.insert("other.weight".into(), HostTensor::from_f32(&[1], &[0.0]));
        more.insert("norms.0.num_batches_tracked".into(), HostTensor::from_f32(&[], &[3.0]));
        more.remove("head.bias");
        more.insert("conv.bias".into(), HostTensor::from_f32(&[5], &[0.0; 5]));
        let Mismatch(found) = load(net(), &more, "").unwrap_err();
        assert_eq!(found.unused, ["other.weight"]);
        assert_eq!(found.missing, ["head.bias"]);
        assert_eq!(found.misshapen, [("conv.bias".to_owned(), vec![4], vec![5])]);
    }
}
