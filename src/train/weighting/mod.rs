//! Registry of weightings: how the tasks are balanced, by their losses or by their gradients.

pub mod aligned_mtl;
pub mod auto_lambda;
pub mod balance_config;
pub mod cagrad;
pub mod capabilities;
pub mod config;
pub mod cosmos;
pub mod cov;
pub mod cr_mogm;
pub mod db_mtl;
pub mod dualproj;
pub mod dwa;
pub mod dynamic_priority;
pub mod equal;
pub mod excess_mtl;
pub mod fairgrad;
pub mod famo;
pub mod fixed;
pub mod geometric;
#[cfg(test)]
pub mod golden;
pub mod graddrop;
pub mod gradient_method;
pub mod gradnorm;
pub mod gradvac;
pub mod imtl;
pub mod imtl_g;
pub mod imtl_l;
pub mod lbtw;
pub mod learned;
pub mod method;
pub mod mgda;
pub mod moco;
pub mod modo;
pub mod nash_mtl;
pub mod pcgrad;
pub mod preference;
pub mod random;
pub mod random_draw;
pub mod scale_invariant;
pub mod sdmgrad;
pub mod smooth_tchebycheff;
pub mod tchebycheff;
pub mod uncertainty;
pub mod upgrad;

use crate::domain::choice_config::kinds;

pub use balance_config::BalanceConfig;
pub use capabilities::Capabilities;
pub use method::{BuildWeighting, Weighting, WeightingContext, WeightingMethod};

kinds! {
    /// How the tasks are balanced.
    pub open enum WeightingConfig: "weighting" => dyn BuildWeighting {
        Equal: "equal" => equal::EqualConfig,
        Fixed: "fixed" => fixed::FixedConfig,
        Uncertainty: "uncertainty" => uncertainty::UncertaintyConfig,
        Dwa: "dwa" => dwa::DwaConfig,
        Random: "random" => random::RandomWeightingConfig,
        ImtlL: "imtl_l" => imtl_l::ImtlLConfig,
        Geometric: "geometric" => geometric::GeometricConfig,
        ScaleInvariant: "scale_invariant" => scale_invariant::ScaleInvariantConfig,
        Tchebycheff: "tchebycheff" => tchebycheff::TchebycheffConfig,
        SmoothTchebycheff: "smooth_tchebycheff" => smooth_tchebycheff::SmoothTchebycheffConfig,
        Preference: "preference" => preference::PreferenceConfig,
        Cosmos: "cosmos" => cosmos::CosmosConfig,
        Famo: "famo" => famo::FamoConfig,
        AutoLambda: "auto_lambda" => auto_lambda::AutoLambdaConfig,
        DynamicPriority: "dynamic_priority" => dynamic_priority::DynamicPriorityConfig,
        Lbtw: "lbtw" => lbtw::LbtwConfig,
        Cov: "cov" => cov::CovConfig,
        GradNorm: "gradnorm" => gradnorm::GradNormConfig,
        Mgda: "mgda" => mgda::MgdaConfig,
        PcGrad: "pcgrad" => pcgrad::PcGradConfig,
        GradVac: "gradvac" => gradvac::GradVacConfig,
        CaGrad: "cagrad" => cagrad::CaGradConfig,
        ImtlG: "imtl_g" => imtl_g::ImtlGConfig,
        Imtl: "imtl" => imtl::ImtlConfig,
        NashMtl: "nash_mtl" => nash_mtl::NashMtlConfig,
        FairGrad: "fairgrad" => fairgrad::FairGradConfig,
        AlignedMtl: "aligned_mtl" => aligned_mtl::AlignedMtlConfig,
        UpGrad: "upgrad" => upgrad::UpGradConfig,
        DualProj: "dualproj" => dualproj::DualProjConfig,
        ConFig: "config" => config::ConfigConfig,
        GradDrop: "graddrop" => graddrop::GradDropConfig,
        DbMtl: "db_mtl" => db_mtl::DbMtlConfig,
        MoCo: "moco" => moco::MoCoConfig,
        MoDo: "modo" => modo::MoDoConfig,
        SdmGrad: "sdmgrad" => sdmgrad::SdmGradConfig,
        ExcessMtl: "excess_mtl" => excess_mtl::ExcessMtlConfig,
        CrMogm: "cr_mogm" => cr_mogm::CrMogmConfig,
    }
}

impl Default for WeightingConfig {
    fn default() -> Self {
        Self::Equal(equal::EqualConfig {})
    }
}
