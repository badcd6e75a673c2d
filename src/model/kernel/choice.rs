//! Selection of kernels: by default the fused ones, with the widest instruction set of the CPU. Two
//! environment variables change that, to compare results or to find a fault: `MTL_KERNELS=composed` uses the
//! composed forms everywhere, `MTL_SIMD=avx2` or `scalar` a smaller instruction set (`neon` or `scalar` on
//! ARM).

use std::sync::OnceLock;

use pulp::Arch;

/// The kernels and the instruction set that the environment variables select.
#[derive(Clone, Copy, Debug)]
pub struct KernelSelection {
    /// Whether the composed kernels are used.
    pub composed: bool,
    /// The instruction set of the fused kernels.
    pub arch: Arch,
}

impl KernelSelection {
    /// From the values of `MTL_KERNELS` and `MTL_SIMD`.
    ///
    /// # Errors
    /// A value that is not known, or an instruction set that the CPU does not have.
    fn from_variables(kernels: Option<&str>, simd: Option<&str>) -> Result<Self, String> {
        let composed = match kernels.unwrap_or("fused") {
            "fused" | "" => false,
            "composed" => true,
            other => return Err(format!("MTL_KERNELS is `{other}`, expected fused or composed")),
        };
        let arch = match simd.unwrap_or("auto") {
            "auto" | "" => Arch::new(),
            "scalar" => Arch::Scalar,
            other => arch_by_name(other)?,
        };
        Ok(Self { composed, arch })
    }

    /// Returns for instance `fused, avx512`.
    pub fn describe(&self) -> String {
        let kernels = if self.composed { "composed" } else { "fused" };
        format!("{kernels}, {}", instruction_set(self.arch))
    }
}

/// The selection of the environment variables, which are read once.
///
/// # Errors
/// A value that is not known, or an instruction set that the CPU does not have.
pub fn choice() -> Result<KernelSelection, String> {
    static CHOICE: OnceLock<Result<KernelSelection, String>> = OnceLock::new();
    let read = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let cached = CHOICE.get_or_init(|| {
        let (kernels, simd) = (read("MTL_KERNELS"), read("MTL_SIMD"));
        KernelSelection::from_variables(kernels.as_deref(), simd.as_deref())
    });
    cached.clone()
}

/// Whether the composed forms replace the fused kernels.
pub fn composed() -> bool {
    choice().is_ok_and(|choice| choice.composed)
}

/// The instruction set that kernels use; scalar if the environment variables are invalid.
pub fn arch() -> Arch {
    choice().map_or(Arch::Scalar, |choice| choice.arch)
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn arch_by_name(name: &str) -> Result<Arch, String> {
    let unsupported = || {
        let widest = instruction_set(Arch::new());
        format!(
            "MTL_SIMD is `{name}`, which this CPU does not support; its widest instruction set is {widest}"
        )
    };
    match name {
        "avx2" => pulp::x86::V3::try_new().map(Arch::V3).ok_or_else(unsupported),
        "avx512" => pulp::x86::V4::try_new().map(Arch::V4).ok_or_else(unsupported),
        _ => Err(format!("MTL_SIMD is `{name}`, expected auto, avx512, avx2 or scalar")),
    }
}

#[cfg(target_arch = "aarch64")]
fn arch_by_name(name: &str) -> Result<Arch, String> {
    match (name, Arch::new()) {
        ("neon", neon @ Arch::Neon(_)) => Ok(neon),
        ("neon", other) => Err(format!(
            "MTL_SIMD is `neon`, which this CPU does not support; its widest instruction set is {}",
            instruction_set(other)
        )),
        _ => Err(format!("MTL_SIMD is `{name}`, expected auto, neon or scalar")),
    }
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
fn arch_by_name(name: &str) -> Result<Arch, String> {
    Err(format!("MTL_SIMD is `{name}`, expected auto or scalar"))
}

fn instruction_set(arch: Arch) -> &'static str {
    match arch {
        Arch::Scalar => "scalar",
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Arch::V3(_) => "avx2",
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Arch::V4(_) => "avx512",
        #[cfg(target_arch = "aarch64")]
        Arch::Neon(_) => "neon",
        _ => "others",
    }
}

#[cfg(test)]
mod tests {
    use super::KernelSelection;

    #[test]
    fn unknown_values_are_refused() {
        assert!(!KernelSelection::from_variables(None, None).unwrap().composed);
        assert_eq!(
            KernelSelection::from_variables(Some("composed"), Some("scalar")).unwrap().describe(),
            "composed, scalar"
        );
        assert!(
            KernelSelection::from_variables(Some("fast"), None)
                .unwrap_err()
                .contains("`fast`, expected fused or composed")
        );
        assert!(
            KernelSelection::from_variables(None, Some("sse9"))
                .unwrap_err()
                .contains("MTL_SIMD is `sse9`, expected auto")
        );
    }
}
