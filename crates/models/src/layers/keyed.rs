//! A list of modules whose elements have names of their own, as PyTorch's `ModuleDict` and named
//! `Sequential` have.
//!
//! The decision that shapes it: a published checkpoint says `bottleneck.r0` or `discs.1`, and
//! burn's `Vec` can only say `bottleneck.0`. It changes names and nothing else.
use burn::module::{Content, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor};
use burn::tensor::Device;

use super::Fold;

/// Modules of one kind, each under its own name.
#[derive(Debug, Clone)]
pub struct Keyed<M> {
    items: Vec<(String, M)>,
}

impl<M> Keyed<M> {
    /// The modules in order of evaluation.
    pub fn new(items: impl IntoIterator<Item = (String, M)>) -> Self {
        Self { items: items.into_iter().collect() }
    }

    /// The modules in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &M> + ExactSizeIterator {
        self.items.iter().map(|(_, module)| module)
    }

    /// Names and modules in order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &M)> {
        self.items.iter().map(|(name, module)| (name.as_str(), module))
    }

    /// Every module changed together with the one at the same place of `others`.
    pub(crate) fn zip_map<N>(self, others: &Keyed<N>, change: impl Fn(M, &N) -> M) -> Self {
        let pairs = self.items.into_iter().zip(others.iter());
        Self { items: pairs.map(|((name, module), other)| (name, change(module, other))).collect() }
    }

    fn each(self, mut change: impl FnMut(M) -> M) -> Self {
        Self { items: self.items.into_iter().map(|(name, module)| (name, change(module))).collect() }
    }
}

impl<M: Fold> Fold for Keyed<M> {
    fn fold(self) -> Self {
        self.each(Fold::fold)
    }
}

impl<M: Module> Module for Keyed<M> {
    fn collect_devices(&self, devices: Vec<Device>) -> Vec<Device> {
        self.iter().fold(devices, |devices, module| module.collect_devices(devices))
    }

    fn fork(self, device: &Device) -> Self {
        self.each(|module| module.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        self.each(|module| module.to_device(device))
    }

    fn train(self) -> Self {
        self.each(Module::train)
    }

    fn valid(&self) -> Self {
        Self { items: self.items.iter().map(|(name, module)| (name.clone(), module.valid())).collect() }
    }

    fn materialize(self) -> Self {
        self.each(Module::materialize)
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        for (name, module) in &self.items {
            visitor.enter_module(name, "Keyed");
            module.visit(visitor);
            visitor.exit_module(name, "Keyed");
        }
    }

    fn map<P: ModuleMapper>(self, mapper: &mut P) -> Self {
        let mapped = self.items.into_iter().map(|(name, module)| {
            mapper.enter_module(&name, "Keyed");
            let module = module.map(mapper);
            mapper.exit_module(&name, "Keyed");
            (name, module)
        });
        Self { items: mapped.collect() }
    }
}

impl<M: ModuleDisplay> ModuleDisplayDefault for Keyed<M> {
    fn content(&self, content: Content) -> Option<Content> {
        let all = self.items.iter().fold(content, |content, (name, module)| content.add(name, module));
        all.set_top_level_type("Keyed").optional()
    }
}

impl<M: ModuleDisplay> ModuleDisplay for Keyed<M> {}
