//! Reading how a perturbation is written: `ID:LEVEL[:NAME=VALUE]...`.
use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};

use super::{About, Choice, Number};

/// How much of a perturbation, and in which way.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// The level itself.
    pub value: f64,
    words: BTreeMap<&'static str, &'static str>,
    numbers: BTreeMap<&'static str, f64>,
}

impl Level {
    /// A level with its options at what they usually are.
    pub fn new(about: &About, value: f64) -> Self {
        let mut level = Self { value, words: BTreeMap::new(), numbers: BTreeMap::new() };
        for choice in about.options {
            match choice {
                Choice::Word { name, words } => {
                    level.words.insert(name, words.first().copied().unwrap_or_default());
                }
                Choice::Number { name, usual, .. } => {
                    level.numbers.insert(name, *usual);
                }
            }
        }
        level
    }

    /// The word of an option; empty where the perturbation has no such option.
    pub fn word(&self, name: &str) -> &'static str {
        self.words.get(name).copied().unwrap_or_default()
    }

    /// The number of an option; 0 where the perturbation has no such option.
    pub fn number(&self, name: &str) -> f64 {
        self.numbers.get(name).copied().unwrap_or_default()
    }

    /// What follows the id in a chain.
    ///
    /// # Errors
    /// When the level is missing or out of range, or an option is not known.
    pub(super) fn parse(about: &About, parts: &[&str]) -> anyhow::Result<Self> {
        let id = about.id;
        let example = about.levels.get(about.levels.len() / 2).copied().unwrap_or(about.level.least);
        let Some((value, options)) = parts.split_first() else {
            bail!("{id} needs its {}, such as {id}:{example}", about.level.name)
        };
        ensure!(!value.contains('='), "{id} needs its {} first, such as {id}:{example}", about.level.name);
        let mut level = Self::new(about, about.level.read(id, value)?);
        for option in options {
            let (name, value) = option
                .split_once('=')
                .with_context(|| format!("`{option}` of {id} is not understood; options are written name=value"))?;
            let known = about.options.iter().find(|choice| choice.name() == name);
            match known {
                Some(Choice::Word { name, words }) => {
                    let word = words
                        .iter()
                        .find(|word| **word == value)
                        .with_context(|| format!("{name} of {id} is one of {}, not `{value}`", words.join(", ")))?;
                    level.words.insert(name, word);
                }
                Some(Choice::Number { name, range, .. }) => {
                    level.numbers.insert(name, range.read(id, value)?);
                }
                None => {
                    let names: Vec<&str> = about.options.iter().map(Choice::name).collect();
                    let known =
                        if names.is_empty() { "it has none".into() } else { format!("it has {}", names.join(", ")) };
                    bail!("{id} has no option `{name}`; {known}")
                }
            }
        }
        Ok(level)
    }

    /// As it is written, with the options that are not as usual.
    pub(super) fn written(&self, about: &About) -> String {
        let mut text = format!("{}:{}", about.id, self.value);
        for choice in about.options {
            match choice {
                Choice::Word { name, words } if words.first() != Some(&self.word(name)) => {
                    text += &format!(":{name}={}", self.word(name));
                }
                Choice::Number { name, usual, .. } if self.number(name).total_cmp(usual).is_ne() => {
                    text += &format!(":{name}={}", self.number(name));
                }
                _ => {}
            }
        }
        text
    }
}

impl Choice {
    /// As in a chain.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Word { name, .. } | Self::Number { name, .. } => name,
        }
    }
}

impl Number {
    fn read(&self, id: &str, text: &str) -> anyhow::Result<f64> {
        let Self { name, least, most, .. } = self;
        let value = text.parse::<f64>().ok().filter(|v| v.is_finite());
        let value = value.with_context(|| format!("the {name} of {id} is a number, not `{text}`"))?;
        ensure!((*least..=*most).contains(&value), "the {name} of {id} is from {least} to {most}, not {value}");
        Ok(value)
    }
}
