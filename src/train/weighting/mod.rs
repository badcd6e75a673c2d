//! The shelf of weightings: how the tasks are balanced, by their losses or by their gradients.

pub mod aligned_mtl;
pub mod auto_lambda;
pub mod cagrad;
pub mod claims;
pub mod config;
pub mod cosmos;
pub mod cov;
pub mod cr_mogm;
pub mod db_mtl;
pub mod draw;
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
pub mod scale_invariant;
pub mod sdmgrad;
pub mod smooth_tchebycheff;
pub mod spec;
pub mod tchebycheff;
pub mod uncertainty;
pub mod upgrad;

use crate::domain::kinds::kinds;

pub use claims::Claims;
pub use method::{Method, Setting, Weighting, WeightingWords};
pub use spec::BalanceSpec;

kinds! {
    /// How the tasks are balanced.
    pub open enum WeightingSpec: "weighting" => dyn WeightingWords {
        Equal: "equal" => equal::EqualSpec,
        Fixed: "fixed" => fixed::FixedSpec,
        Uncertainty: "uncertainty" => uncertainty::UncertaintySpec,
        Dwa: "dwa" => dwa::DwaSpec,
        Random: "random" => random::RandomWeightingSpec,
        ImtlL: "imtl_l" => imtl_l::ImtlLSpec,
        Geometric: "geometric" => geometric::GeometricSpec,
        ScaleInvariant: "scale_invariant" => scale_invariant::ScaleInvariantSpec,
        Tchebycheff: "tchebycheff" => tchebycheff::TchebycheffSpec,
        SmoothTchebycheff: "smooth_tchebycheff" => smooth_tchebycheff::SmoothTchebycheffSpec,
        Preference: "preference" => preference::PreferenceSpec,
        Cosmos: "cosmos" => cosmos::CosmosSpec,
        Famo: "famo" => famo::FamoSpec,
        AutoLambda: "auto_lambda" => auto_lambda::AutoLambdaSpec,
        DynamicPriority: "dynamic_priority" => dynamic_priority::DynamicPrioritySpec,
        Lbtw: "lbtw" => lbtw::LbtwSpec,
        Cov: "cov" => cov::CovSpec,
        GradNorm: "gradnorm" => gradnorm::GradNormSpec,
        Mgda: "mgda" => mgda::MgdaSpec,
        PcGrad: "pcgrad" => pcgrad::PcGradSpec,
        GradVac: "gradvac" => gradvac::GradVacSpec,
        CaGrad: "cagrad" => cagrad::CaGradSpec,
        ImtlG: "imtl_g" => imtl_g::ImtlGSpec,
        Imtl: "imtl" => imtl::ImtlSpec,
        NashMtl: "nash_mtl" => nash_mtl::NashMtlSpec,
        FairGrad: "fairgrad" => fairgrad::FairGradSpec,
        AlignedMtl: "aligned_mtl" => aligned_mtl::AlignedMtlSpec,
        UpGrad: "upgrad" => upgrad::UpGradSpec,
        DualProj: "dualproj" => dualproj::DualProjSpec,
        ConFig: "config" => config::ConfigSpec,
        GradDrop: "graddrop" => graddrop::GradDropSpec,
        DbMtl: "db_mtl" => db_mtl::DbMtlSpec,
        MoCo: "moco" => moco::MoCoSpec,
        MoDo: "modo" => modo::MoDoSpec,
        SdmGrad: "sdmgrad" => sdmgrad::SdmGradSpec,
        ExcessMtl: "excess_mtl" => excess_mtl::ExcessMtlSpec,
        CrMogm: "cr_mogm" => cr_mogm::CrMogmSpec,
    }
}

impl Default for WeightingSpec {
    fn default() -> Self {
        Self::Equal(equal::EqualSpec {})
    }
}
