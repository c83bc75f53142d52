//! Where networks run, chosen by a word at run time.
//!
//! The decision that shapes it: the choice is a value that can always be parsed; whether this
//! program was built with that device is said when the device is asked for, with the remedy.
use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

/// What networks are computed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceChoice {
    /// The processor; always there.
    #[default]
    Cpu,
    /// An NVIDIA card through CUDA.
    Cuda,
    /// Any graphics card through WebGPU (Vulkan, Metal, DirectX).
    Wgpu,
}

/// The device cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No device has that name.
    #[error("no device is called {0:?}; there are cpu, cuda and wgpu")]
    Unknown(String),
    /// The device exists, but not in this program.
    #[error("this program was built without {0}; build it with `--features {0}`, or use `cpu`")]
    NotBuilt(DeviceChoice),
}

impl DeviceChoice {
    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Wgpu => "wgpu",
        }
    }

    /// The device.
    ///
    /// # Errors
    /// [`DeviceError::NotBuilt`] where this program was built without it.
    pub fn device(self) -> Result<Device, DeviceError> {
        match self {
            Self::Cpu => Ok(Device::flex()),
            #[cfg(feature = "cuda")]
            Self::Cuda => Ok(Device::cuda(0)),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(not(all(feature = "cuda", feature = "wgpu")))]
            other => Err(DeviceError::NotBuilt(other)),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(word: &str) -> Result<Self, DeviceError> {
        let all = [Self::Cpu, Self::Cuda, Self::Wgpu];
        all.into_iter().find(|d| d.name() == word).ok_or_else(|| DeviceError::Unknown(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_devices_and_missing_ones_say_how_to_get_them() {
        for word in ["cpu", "cuda", "wgpu"] {
            assert_eq!(word.parse::<DeviceChoice>().unwrap().to_string(), word);
        }
        assert!("gpu".parse::<DeviceChoice>().unwrap_err().to_string().contains("cpu, cuda and wgpu"));
        assert!(DeviceChoice::Cpu.device().is_ok());
        #[cfg(not(feature = "cuda"))]
        assert!(DeviceChoice::Cuda.device().unwrap_err().to_string().contains("--features cuda"));
    }
}
