//! Which kernels are taken: by default the fused ones, with the widest instructions that the machine has. Two
//! environment variables change that, to compare, or to look for a fault: `MTL_KERNELS=composed` takes the
//! forms composed of candle's operations everywhere, `MTL_SIMD=avx2` or `scalar` fewer instructions than
//! there are (`neon` or `scalar` on ARM).

use std::sync::OnceLock;

use pulp::Arch;

/// What the environment asks for.
#[derive(Clone, Copy, Debug)]
pub struct KernelSelection {
    pub composed: bool,
    pub arch: Arch,
}

impl KernelSelection {
    /// Of these variables' values; an error names the variable, what was found and what may stand there.
    fn from_variables(kernels: Option<&str>, simd: Option<&str>) -> Result<Self, String> {
        let composed = match kernels.unwrap_or("fused") {
            "fused" | "" => false,
            "composed" => true,
            other => return Err(format!("MTL_KERNELS is `{other}`, expected fused or composed")),
        };
        let arch = match simd.unwrap_or("auto") {
            "auto" | "" => Arch::new(),
            "scalar" => Arch::Scalar,
            other => named(other)?,
        };
        Ok(Self { composed, arch })
    }

    /// `fused, avx512`
    pub fn describe(&self) -> String {
        let kernels = if self.composed { "composed" } else { "fused" };
        format!("{kernels}, {}", instructions(self.arch))
    }
}

/// What the environment says, read once.
pub fn choice() -> Result<KernelSelection, String> {
    static CHOICE: OnceLock<Result<KernelSelection, String>> = OnceLock::new();
    let read = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let cached = CHOICE.get_or_init(|| {
        let (kernels, simd) = (read("MTL_KERNELS"), read("MTL_SIMD"));
        KernelSelection::from_variables(kernels.as_deref(), simd.as_deref())
    });
    cached.clone()
}

/// Are the composed forms taken?
pub fn composed() -> bool {
    choice().is_ok_and(|choice| choice.composed)
}

/// The instructions that kernels are run with.
pub fn arch() -> Arch {
    choice().map_or(Arch::Scalar, |choice| choice.arch)
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn named(name: &str) -> Result<Arch, String> {
    let lacking = || {
        format!(
            "MTL_SIMD is `{name}`, and this machine has no such instructions: it has {}",
            instructions(Arch::new())
        )
    };
    match name {
        "avx2" => pulp::x86::V3::try_new().map(Arch::V3).ok_or_else(lacking),
        "avx512" => pulp::x86::V4::try_new().map(Arch::V4).ok_or_else(lacking),
        _ => Err(format!("MTL_SIMD is `{name}`, expected auto, avx512, avx2 or scalar")),
    }
}

#[cfg(target_arch = "aarch64")]
fn named(name: &str) -> Result<Arch, String> {
    match (name, Arch::new()) {
        ("neon", neon @ Arch::Neon(_)) => Ok(neon),
        ("neon", other) => Err(format!(
            "MTL_SIMD is `neon`, and this machine has no such instructions: it has {}",
            instructions(other)
        )),
        _ => Err(format!("MTL_SIMD is `{name}`, expected auto, neon or scalar")),
    }
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
fn named(name: &str) -> Result<Arch, String> {
    Err(format!("MTL_SIMD is `{name}`, expected auto or scalar"))
}

fn instructions(arch: Arch) -> &'static str {
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
    fn what_may_stand_in_the_environment() {
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
